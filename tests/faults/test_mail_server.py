"""A mail server that misbehaves: the others go out, and the failed one is tried again exactly on schedule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine

from team_notifications import backoff, sweeper
from team_notifications.delivery import mailings
from team_notifications.delivery.channels.email import channel
from team_notifications.models import Delivery, Mailing
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.faults import guards
from tests.faults.conftest import Note
from tests.smtp_server import MailServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WAITS = (30, 120, 480, 1_920, 7_680, 30_720, 43_200)  # seconds after each failure: four times as long, at most 12 h
JITTER = 0.2
TRIES = len(WAITS) + 1


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 1
        yield server


def is_ed(address: str) -> bool:
    return address.startswith("ed@")


def stall(server: MailServer) -> None:
    def on_data(address: str) -> None:
        server.stall = 30 if is_ed(address) else 0

    server.on_data = on_data


def answer_4xx(server: MailServer) -> None:
    server.on_data = lambda address: "451 try again later" if is_ed(address) else None


def refuse_for_now(server: MailServer) -> None:
    server.on_recipient = lambda address: "450 mailbox busy" if is_ed(address) else None


def drop_after_data(server: MailServer) -> None:
    def on_data(address: str) -> None:
        if is_ed(address):
            server.drop_after_data.add(address)

    server.on_data = on_data


def answer_5xx(server: MailServer) -> None:
    server.on_data = lambda address: "554 looks like spam" if is_ed(address) else None


def refuse(server: MailServer) -> None:
    server.on_recipient = lambda address: "550 no such user" if is_ed(address) else None


@dataclass(frozen=True, kw_only=True)
class Temporary:
    fault: str
    misbehave: Callable[[MailServer], None]
    reason: str


TEMPORARY = [
    Temporary(fault="mail server stalls 30 s", misbehave=stall, reason="timed out"),
    Temporary(fault="mail server answers 4xx", misbehave=answer_4xx, reason="451"),
    Temporary(fault="mail server refuses one recipient for now", misbehave=refuse_for_now, reason="450"),
    Temporary(fault="mail server drops after DATA", misbehave=drop_after_data, reason="closed"),
]


def eds() -> Delivery:
    return Delivery.objects.get(user__email="ed@example.com")


def try_until_given_up() -> list[float]:
    """Comes by exactly when Ed's mail is due, and returns the waits in seconds. A moment before, nothing happens."""
    waits = []
    now = NOON
    while True:
        with time_machine.travel(now, tick=False):
            sweeper.sweep()
        if eds().state != Delivery.State.PENDING:
            return waits
        waits.append((eds().due_at - now).total_seconds())
        now = eds().due_at
        with time_machine.travel(now - timedelta(milliseconds=1), tick=False):
            assert sweeper.sweep().mails == 0
        assert eds().attempts == len(waits)


def hold(waits: list[float], reason: str) -> None:
    """The schedule, to the jitter; and in the end the reason."""
    assert len(waits) == TRIES - 1
    for wait, planned in zip(waits, WAITS, strict=True):
        assert planned * (1 - JITTER) <= wait <= planned * (1 + JITTER), f"not on schedule: {waits}"
    delivery = eds()
    assert (delivery.state, delivery.attempts) == ("failed", TRIES)
    assert reason in delivery.last_error


def tell(cast: Cast, slug: str = "server-down") -> None:
    with time_machine.travel(NOON, tick=False):
        create_notification(team=cast.acme, slug=slug, title=slug, level="error")


@pytest.mark.parametrize("temporary", TEMPORARY, ids=lambda temporary: temporary.fault)
def test_what_may_pass_is_tried_again_exactly_on_schedule(
    cast: Cast, server: MailServer, note: Note, temporary: Temporary
) -> None:
    temporary.misbehave(server)
    tell(cast)
    hold(try_until_given_up(), temporary.reason)
    others = [name for name in server.accepted() if name != "ed"]
    note.round(temporary.fault, lost=3 - len(set(others)), doubled=max(0, server.accepted().count("ed") - 1))
    assert others == ["alice", "bob", "vera"]
    assert len({mail.message["Message-ID"] for mail in server.received if is_ed(mail.to)}) <= 1


@pytest.mark.parametrize(
    ("fault", "misbehave", "reason"),
    [("mail server answers 5xx", answer_5xx, "554"), ("mail server refuses one recipient", refuse, "550")],
)
def test_what_is_final_is_recorded_and_not_tried_again(
    cast: Cast, server: MailServer, note: Note, fault: str, misbehave: Callable[[MailServer], None], reason: str
) -> None:
    misbehave(server)
    tell(cast)
    sweep()
    note.round(fault, lost=3 - len(server.accepted()))
    hold_final(server, reason)


def sweep() -> None:
    with time_machine.travel(NOON, tick=False):
        sweeper.sweep()


def hold_final(server: MailServer, reason: str) -> None:
    assert server.accepted() == ["alice", "bob", "vera"], "the others did not go out"
    assert (eds().state, eds().attempts) == ("failed", 1), f"not final: {eds().state}"
    assert reason in eds().last_error


# ---- negative controls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "misbehave", "reason"),
    [("answers 5xx", answer_5xx, "554"), ("refuses one recipient", refuse, "550")],
)
@pytest.mark.parametrize(
    ("guard", "missing"), [("final answers", "not final"), ("catch around sending", "the others did not go out")]
)
def test_without_the_guard_what_is_final_would_be_tried_again_or_stop_the_others(
    cast: Cast,
    server: MailServer,
    note: Note,
    fault: str,
    misbehave: Callable[[MailServer], None],
    reason: str,
    guard: str,
    missing: str,
) -> None:
    note.control(f"mail server {fault}, without: {guard}")
    misbehave(server)
    tell(cast)
    with guards.taken_out([guard]):
        sweep()
    with pytest.raises(AssertionError, match=missing):
        hold_final(server, reason)


def stall_until_the_server_speaks(cast: Cast, server: MailServer) -> None:
    """Who ends it, the worker or the server? The stall is longer than a worker's patience, and no longer."""
    server.on_data = lambda address: setattr(server, "stall", 2 if is_ed(address) else 0)
    tell(cast)
    sweep()
    assert "timed out" in eds().last_error, f"the worker waited for the server: {eds().last_error}"


def test_a_worker_does_not_wait_for_a_server_that_stalls(cast: Cast, server: MailServer, note: Note) -> None:
    stall_until_the_server_speaks(cast, server)
    note.round("mail server stalls for longer than the time-out")


def test_without_a_time_out_a_worker_would_wait_for_a_server_that_stalls(
    cast: Cast, server: MailServer, note: Note, settings: Any
) -> None:
    note.control("mail server stalls, without: time-out")
    settings.EMAIL_TIMEOUT = None
    with pytest.raises(AssertionError, match=r"waited for the server: .*451"):
        stall_until_the_server_speaks(cast, server)


def test_a_wait_that_does_not_grow_would_be_noticed(
    cast: Cast, server: MailServer, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    note.control("without: a wait that grows")
    monkeypatch.setattr(backoff, "FACTOR", 1)
    answer_4xx(server)
    tell(cast)
    with pytest.raises(AssertionError, match="not on schedule"):
        hold(try_until_given_up(), "451")


# ---- the others -----------------------------------------------------------------------------------------------------


def sweep_while_ed_loses_the_connection(cast: Cast, server: MailServer) -> None:
    drop_after_data(server)
    tell(cast)
    with time_machine.travel(NOON, tick=False):
        sweeper.sweep()
    others = [name for name in server.accepted() if name != "ed"]
    assert others == ["alice", "bob", "vera"], "the others did not go out at once"


def test_who_comes_after_a_connection_was_lost_gets_mail_at_once(cast: Cast, server: MailServer, note: Note) -> None:
    sweep_while_ed_loses_the_connection(cast, server)
    note.round("connection lost in the middle of a batch")


def test_without_a_new_connection_who_comes_after_would_wait(cast: Cast, server: MailServer, note: Note) -> None:
    note.control("without: a new connection")
    with (
        mock.patch.object(channel, "is_connection_lost", return_value=False),
        pytest.raises(AssertionError, match="at once"),
    ):
        sweep_while_ed_loses_the_connection(cast, server)


# ---- what came since ------------------------------------------------------------------------------------------------


def retry_with_news(cast: Cast, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail fails, something else happens, and both go: may the same Message-ID then stand over another content?"""
    contents: dict[str, set[frozenset[int]]] = {}
    original = mailings.build

    def build(mailing: Mailing, rows: Any, *arguments: Any, **named: Any) -> Any:
        contents.setdefault(mailing.message_id, set()).add(frozenset(row.pk for row in rows))
        return original(mailing, rows, *arguments, **named)

    monkeypatch.setattr(mailings, "build", build)
    drop_after_data(server)
    tell(cast, "one")
    with time_machine.travel(NOON, tick=False):
        sweeper.sweep()
    tell(cast, "two")
    server.on_data = lambda address: None
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        sweeper.sweep()
    assert not Delivery.objects.pending().exists()
    assert all(len(content) == 1 for content in contents.values()), "another content"


def test_a_mail_that_is_sent_again_says_what_it_said(
    cast: Cast, server: MailServer, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_with_news(cast, server, monkeypatch)
    note.round("news between two tries")


def test_grouped_anew_a_mail_that_is_sent_again_would_say_something_else(
    cast: Cast, server: MailServer, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    note.control("without: mailing as it was")
    with guards.taken_out(["mailing as it was"]), pytest.raises(AssertionError, match="another content"):
        retry_with_news(cast, server, monkeypatch)
