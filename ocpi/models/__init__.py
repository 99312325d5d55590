from ocpi.models.exchanges import InboundRequest
from ocpi.models.outbox import DeliveryAttempt, OutboxMessage
from ocpi.models.parties import Credentials, PartnerEndpoint, Party, token_hash
from ocpi.models.periods import ChargingPeriod
from ocpi.models.requests import ProfileRequest, RequestBucket
from ocpi.models.service import ServiceSlot

__all__ = [
    "ChargingPeriod",
    "Credentials",
    "DeliveryAttempt",
    "InboundRequest",
    "OutboxMessage",
    "PartnerEndpoint",
    "Party",
    "ProfileRequest",
    "RequestBucket",
    "ServiceSlot",
    "token_hash",
]
