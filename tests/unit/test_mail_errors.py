"""What mail servers and providers raise, translated: temporary or permanent, and for how long."""

import smtplib
from datetime import UTC, datetime, timedelta

import pytest
import requests
import time_machine
from anymail.exceptions import (
    AnymailAPIError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailSerializationError,
)

from team_notifications.delivery.channels.email.errors import (
    is_connection_lost,
    retry_after,
    translate,
    was_accepted_before,
)


def provider(status: int, body: str = "", **headers: str) -> AnymailRequestsAPIError:
    """What Anymail raises for an HTTP answer."""
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    response.headers.update(headers)
    return AnymailRequestsAPIError(response=response)


def refused(*codes: int) -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({f"{code}@example.com": (code, b"no") for code in codes})


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (refused(550), True),
        (refused(450), False),
        (refused(550, 450), False),
        (smtplib.SMTPDataError(554, b"spam"), True),
        (smtplib.SMTPDataError(451, b"later"), False),
        (smtplib.SMTPSenderRefused(550, b"who are you", "us@example.com"), False),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), False),
        (smtplib.SMTPConnectError(554, b"no service"), False),
        (smtplib.SMTPServerDisconnected("gone"), False),
        (ConnectionRefusedError("nobody"), False),
        (TimeoutError("nothing"), False),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), True),
        (ValueError("no address"), True),
        (RuntimeError("a backend of the host's"), False),
        (AnymailRecipientsRefused("all"), True),
        (AnymailInvalidAddress("none"), True),
        (AnymailSerializationError("cannot"), True),
        (AnymailAPIError("no connection"), False),
        (provider(400), True),
        (provider(422), True),
        (provider(401), False),
        (provider(409), False),
        (provider(429), False),
        (provider(500), False),
        (provider(503), False),
    ],
    ids=repr,
)
def test_a_failure_is_permanent_or_it_passes(error: Exception, permanent: bool) -> None:
    translated = translate(error)
    assert translated.permanent is permanent
    assert type(error).__name__ in str(translated)


def test_a_provider_may_ask_for_a_wait() -> None:
    assert translate(provider(429, **{"Retry-After": "120"})).retry_after == timedelta(minutes=2)
    assert translate(provider(503)).retry_after is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("30", timedelta(seconds=30)),
        ("9" * 30, timedelta(days=1)),
        ("Mon, 02 Mar 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta()),
        ("9" * 5_000, timedelta(days=1)),
        ("Fri, 01 Jan 2100 00:00:00 GMT", timedelta(days=1)),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٣", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
        ("Mon, 01 Jan 99999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait: timedelta | None) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 12, tzinfo=UTC), tick=False):
        assert retry_after(value) == wait


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (smtplib.SMTPServerDisconnected("gone"), True),
        (smtplib.SMTPDataError(421, b"closing"), True),
        (TimeoutError("nothing"), True),
        (ConnectionResetError("gone"), True),
        (smtplib.SMTPDataError(554, b"spam"), False),
        (refused(550), False),
        (ValueError("no address"), False),
    ],
    ids=repr,
)
def test_the_next_message_needs_a_new_connection_only_when_this_one_is_lost(error: Exception, lost: bool) -> None:
    assert is_connection_lost(error) is lost


def test_a_retry_that_the_provider_knows_was_accepted_before() -> None:
    known = '{"code": "duplicate_parameter", "message": "Idempotency key was used before"}'
    assert was_accepted_before(provider(400, known))
    assert not was_accepted_before(provider(400, '{"code": "invalid_parameter"}'))
    assert not was_accepted_before(ValueError(known))
