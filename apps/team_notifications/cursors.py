"""Where a page of a list goes on: after a time and a key, as text in an address."""

from datetime import UTC, datetime, timedelta

from django.db.models import BigIntegerField

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidCursor(ValueError):
    """The text is no cursor that a page gave out."""


def cursor(at: datetime, key: int) -> str:
    return f"{(at - EPOCH) // timedelta(microseconds=1)}-{key}"


def parse_cursor(text: str) -> tuple[datetime, int]:
    """The time and the key. Raises InvalidCursor, naming the text."""
    microseconds, _, number = text.partition("-")
    # isdecimal alone lets other scripts' digits through, and int() takes them, signs and underscores besides.
    if not (text.isascii() and microseconds.isdecimal() and number.isdecimal() and len(text) < 40):
        raise InvalidCursor(f"{text!r} is no cursor.")
    try:
        at, key = EPOCH + timedelta(microseconds=int(microseconds)), int(number)
    except OverflowError:
        raise InvalidCursor(f"{text!r} is no cursor.") from None
    if key > BigIntegerField.MAX_BIGINT:
        raise InvalidCursor(f"{text!r} is no cursor.")
    return at, key
