"""Domain events of `chargepoints` become messages to partners, in the same transaction."""


def connect() -> None:
    """Called once, when the app is ready."""
