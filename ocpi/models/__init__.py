from ocpi.models.outbox import DeliveryAttempt, OutboxMessage
from ocpi.models.parties import Credentials, PartnerEndpoint, Party, token_hash
from ocpi.models.periods import ChargingPeriod
from ocpi.models.requests import ProfileRequest, RequestBucket

__all__ = [
    "ChargingPeriod",
    "Credentials",
    "DeliveryAttempt",
    "OutboxMessage",
    "PartnerEndpoint",
    "Party",
    "ProfileRequest",
    "RequestBucket",
    "token_hash",
]
