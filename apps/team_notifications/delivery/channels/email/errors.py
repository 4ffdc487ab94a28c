"""What mail servers and providers raise, in our words: temporary or permanent, and how long they ask us to wait."""

import smtplib
from datetime import datetime, timedelta
from email.errors import MessageError
from email.utils import parsedate_to_datetime

from django.utils import timezone

from team_notifications.delivery.retry import ChannelError
from team_notifications.texts import clean_message

try:
    from anymail import exceptions as anymail
except ImportError:  # the extra is not installed
    ANYMAIL_PERMANENT: tuple[type[Exception], ...] = ()
    ANYMAIL_API: tuple[type[Exception], ...] = ()
else:
    ANYMAIL_PERMANENT = (
        anymail.AnymailRecipientsRefused,
        anymail.AnymailInvalidAddress,
        anymail.AnymailSerializationError,
        anymail.AnymailUnsupportedFeature,
    )
    ANYMAIL_API = (anymail.AnymailAPIError,)

# About us and not about the message: a wrong password is put right, and then the mails shall go.
ABOUT_US = (smtplib.SMTPSenderRefused, smtplib.SMTPAuthenticationError, smtplib.SMTPHeloError, smtplib.SMTPConnectError)
PASSING_HTTP = {401, 402, 403, 407, 408, 409, 425, 429}  # wrong keys, empty accounts, conflicts, "later"
MAX_REASON_LENGTH = 2_000
LONGEST_WAIT = timedelta(days=1)  # however long a provider asks us to wait
UNWRITABLE = (MessageError, ValueError, TypeError)  # a header that cannot be encoded, an address that is none


def translate(error: Exception) -> ChannelError:
    """The ChannelError that `error` means."""
    if isinstance(error, ANYMAIL_PERMANENT):
        return in_our_words(error, permanent=True)
    if isinstance(error, ANYMAIL_API):
        return _from_provider(error)
    if isinstance(error, ABOUT_US):
        return in_our_words(error, permanent=False)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return in_our_words(error, permanent=all(_is_final(code) for code in codes))
    if isinstance(error, smtplib.SMTPResponseException):
        return in_our_words(error, permanent=_is_final(error.smtp_code))
    # OSError: connections and time-outs. The rest of smtplib's errors, and what nobody thought of, may pass too.
    return in_our_words(error, permanent=isinstance(error, UNWRITABLE) and not isinstance(error, OSError))


def was_accepted_before(error: Exception) -> bool:
    """Whether the provider refuses a retry because it accepted the first try, whose answer was lost.

    Brevo answers so to an idempotency key that it knows; see `headers.py`.
    """
    answer = str(getattr(getattr(error, "response", None), "text", ""))
    return isinstance(error, ANYMAIL_API) and "duplicate_parameter" in answer and "dempotency" in answer


def is_connection_lost(error: Exception) -> bool:
    """Whether the next message needs a new connection."""
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == 421:  # "closing" (RFC 5321 §4.2.2)
        return True
    return isinstance(error, OSError) and not isinstance(
        error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused
    )


def _is_final(code: int) -> bool:
    """RFC 5321 §4.2.1: 5yz is a permanent negative completion reply."""
    return 500 <= code < 600


def _from_provider(error: Exception) -> ChannelError:
    status: int | None = getattr(error, "status_code", None)
    permanent = status is not None and 400 <= status < 500 and status not in PASSING_HTTP
    headers = getattr(getattr(error, "response", None), "headers", {})
    return in_our_words(error, permanent=permanent, retry_after=retry_after(headers.get("Retry-After", "")))


def retry_after(value: str) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date (RFC 9110 §10.2.3). None: it is neither."""
    if value.isascii() and value.isdecimal():
        return min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        at: datetime = parsedate_to_datetime(value)
        wait = at - timezone.now() if timezone.is_aware(at) else None
    except (ValueError, OverflowError):
        return None
    return None if wait is None else min(max(wait, timedelta()), LONGEST_WAIT)


def in_our_words(error: Exception, *, permanent: bool, retry_after: timedelta | None = None) -> ChannelError:
    """What `error` says, which somebody else wrote, as every database can keep it."""
    said = clean_message(f"{type(error).__name__}: {error}")[:MAX_REASON_LENGTH]
    return ChannelError(said, permanent=permanent, retry_after=retry_after)
