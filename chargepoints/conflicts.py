"""Two transactions that wait for each other: PostgreSQL ends one of them, which is simply run again."""

RUNS = 3


def is_conflict(error: BaseException | None) -> bool:
    """Class 40 of PostgreSQL's SQLSTATEs: rolled back, worth running again. No connection, for one, is not."""
    return error is not None and str(getattr(error.__cause__, "sqlstate", None)).startswith("40")
