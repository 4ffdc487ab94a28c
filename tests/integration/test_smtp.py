"""Mail over a real SMTP server that misbehaves: the others go out, and what failed is written down."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from team_notifications.delivery import mailings
from team_notifications.models import Delivery, Mailing
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.smtp_server import MailServer


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 1
        yield server


def tell(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="server-down", title="Server down", level="error")


def state_of(user: Any) -> tuple[str, str]:
    delivery = Delivery.objects.get(user=user)
    return delivery.state, delivery.last_error


def later() -> Any:
    """After the first wait, whatever its jitter."""
    return time_machine.travel(timezone.now() + timedelta(minutes=1))


def test_each_member_gets_a_mail_of_their_own(cast: Cast, server: MailServer) -> None:
    tell(cast)
    assert mailings.deliver() == 4
    assert server.accepted() == ["alice", "bob", "ed", "vera"]
    sent = {mailing.address: mailing.message_id for mailing in Mailing.objects.all()}
    assert {mail.to: mail.message["Message-ID"] for mail in server.received} == sent


def test_a_refused_recipient_is_recorded_and_the_others_go_out(cast: Cast, server: MailServer) -> None:
    server.on_recipient = lambda address: "550 no such user" if address.startswith("ed@") else None
    tell(cast)
    assert mailings.deliver() == 3
    assert server.accepted() == ["alice", "bob", "vera"]
    state, reason = state_of(cast.ed)
    assert state == "failed"
    assert "550" in reason
    assert "no such user" in reason


def test_a_recipient_that_is_refused_for_now_is_tried_again(cast: Cast, server: MailServer) -> None:
    server.on_recipient = lambda address: "450 mailbox busy" if address.startswith("ed@") else None
    tell(cast)
    assert mailings.deliver() == 3
    assert state_of(cast.ed)[0] == "pending"
    server.on_recipient = lambda address: None
    assert mailings.deliver() == 0  # not yet
    with later():
        assert mailings.deliver() == 1
    assert state_of(cast.ed)[0] == "sent"


@pytest.mark.parametrize(("answer", "state"), [("554 looks like spam", "failed"), ("451 try again later", "pending")])
def test_a_message_that_is_refused_is_final_with_5xx_and_not_with_4xx(
    cast: Cast, server: MailServer, answer: str, state: str
) -> None:
    server.on_data = lambda address: answer if address.startswith("ed@") else None
    tell(cast)
    assert mailings.deliver() == 3
    assert state_of(cast.ed)[0] == state
    assert answer[4:] in state_of(cast.ed)[1]


def test_a_server_that_stalls_is_given_up_and_the_others_go_out(cast: Cast, server: MailServer) -> None:
    stalled = []

    def stall_for_ed(address: str) -> None:
        server.stall = 5 if address.startswith("ed@") else 0
        stalled.append(address)

    server.on_data = stall_for_ed
    tell(cast)
    assert mailings.deliver() == 3
    assert state_of(cast.ed)[0] == "pending"
    assert len(stalled) == 4


def test_a_connection_that_drops_after_data_may_double_a_mail_with_the_same_message_id(
    cast: Cast, server: MailServer
) -> None:
    server.drop_after_data = {cast.ed.email}
    tell(cast)
    assert mailings.deliver() == 3
    assert state_of(cast.ed)[0] == "pending"
    with later():
        assert mailings.deliver() == 1
    twice = [mail.message["Message-ID"] for mail in server.received if mail.to == cast.ed.email]
    assert len(twice) == 2
    assert len(set(twice)) == 1


def test_a_server_that_is_away_loses_nothing(cast: Cast, server: MailServer, settings: Any) -> None:
    tell(cast)
    settings.EMAIL_PORT = 1
    assert mailings.deliver() == 0
    settings.EMAIL_PORT = server.port
    with later():
        assert mailings.deliver() == 4
    assert server.accepted() == ["alice", "bob", "ed", "vera"]


def test_one_poison_message_among_many_fails_alone(cast: Cast, server: MailServer) -> None:
    """An address with a line end in it: Django refuses to write the header."""
    type(cast.ed).objects.filter(pk=cast.ed.pk).update(email="ed@example.com\nBcc: all@example.com")
    tell(cast)
    assert mailings.deliver() == 3
    assert state_of(cast.ed)[0] == "failed"
    assert server.accepted() == ["alice", "bob", "vera"]
