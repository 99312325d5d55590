"""The life of a command: QUEUED -> SENT -> ACCEPTED | REJECTED | UNKNOWN | FAILED, and QUEUED|SENT -> EXPIRED.

The row is the mail; channel layer and broker are only doorbells. Every step is an UPDATE whose row count is checked, so
a second doorbell, a redelivered task or a second worker finds nothing left to do. Only this package writes the status
of a command: `requests` asks, `claims` sends, `endings` ends.
"""

from chargepoints.commands.claims import claim_next, record_and_claim_next
from chargepoints.commands.endings import expire_overdue, fail_sent, record_outcome, reject_queued
from chargepoints.commands.payloads import set_profile_payload, to_request
from chargepoints.commands.requests import (
    INSTALLED_ALREADY,
    SYSTEM,
    request_call,
    request_clear_profile,
    request_composite,
    request_limit,
    request_set_profile,
    session_began,
    supersede_limit,
    withdraw_corrections,
)

__all__ = [
    "INSTALLED_ALREADY",
    "SYSTEM",
    "claim_next",
    "expire_overdue",
    "fail_sent",
    "record_and_claim_next",
    "record_outcome",
    "reject_queued",
    "request_call",
    "request_clear_profile",
    "request_composite",
    "request_limit",
    "request_set_profile",
    "session_began",
    "set_profile_payload",
    "supersede_limit",
    "to_request",
    "withdraw_corrections",
]
