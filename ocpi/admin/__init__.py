"""The operators' view of partners: what they asked, what they were told, and what did not reach them."""

from ocpi.admin import dry_run, inbound, outbox, parties, requests, session_page

__all__ = ["dry_run", "inbound", "outbox", "parties", "requests", "session_page"]
