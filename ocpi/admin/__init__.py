"""The operators' view of partners: what they asked, what they were told, and what did not reach them."""

from ocpi.admin import dashboard, dry_run, inbound, outbox, parties, requests, session_page, session_raw

__all__ = ["dashboard", "dry_run", "inbound", "outbox", "parties", "requests", "session_page", "session_raw"]
