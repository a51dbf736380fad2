"""The only place that asks what time it is; everything inside gets `now` handed down."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)
