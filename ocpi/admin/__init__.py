"""The operators' view of partners: what they asked, what they were told, and what did not reach them."""

from ocpi.admin import inbound, outbox, parties, requests, session_page

__all__ = ["inbound", "outbox", "parties", "requests", "session_page"]
