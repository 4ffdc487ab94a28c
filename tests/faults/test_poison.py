"""One message in a thousand that cannot be written: the other 999 go out, and the one keeps its reason."""

from collections import Counter
from typing import Any

import pytest

from team_notifications import sweeper
from team_notifications.delivery import mailings
from team_notifications.models import Delivery, Mailing
from team_notifications.notify import create_notification
from tests.crowd import crowd
from tests.faults import guards, work
from tests.faults.conftest import FAULTS, Note
from tests.smtp_server import MailServer

MEMBERS = 1_000 if FAULTS else 200
POISONED = "crowd77@example.com"


@pytest.fixture(autouse=True)
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that raises for one member."""
    original = mailings.build

    def build(mailing: Mailing, *arguments: Any, **named: Any) -> Any:
        if mailing.address == POISONED:
            raise KeyError("poison")
        return original(mailing, *arguments, **named)

    monkeypatch.setattr(mailings, "build", build)


def send_to_all() -> Counter[str]:
    """Mails the whole crowd, and returns how often the server accepted a mail to each."""
    create_notification(team=crowd(MEMBERS), slug="server-down", title="Server down", level="error")
    with MailServer() as server, work.mail_server_at(server.port):
        sweeper.sweep()
        return Counter(mail.to for mail in server.received)


def hold(sent: Counter[str]) -> None:
    assert len(sent) == sent.total() == MEMBERS - 1, f"{len(sent)} of {MEMBERS - 1} have a mail"
    [failed] = Delivery.objects.exclude(state=Delivery.State.SENT)
    assert (failed.user.email, failed.state, failed.last_error) == (POISONED, "failed", "KeyError: 'poison'")


def test_one_poison_message_fails_alone(db: None, note: Note) -> None:
    sent = send_to_all()
    note.round(f"1 poison message in {MEMBERS:,}", lost=MEMBERS - 1 - len(sent), doubled=sent.total() - len(sent))
    hold(sent)


def test_without_the_catch_around_each_message_poison_would_stop_the_others(db: None, note: Note) -> None:
    note.control("without: catch around a message")
    with guards.taken_out(["catch around a message"]):
        sent = send_to_all()
    with pytest.raises(AssertionError, match="have a mail"):
        hold(sent)
