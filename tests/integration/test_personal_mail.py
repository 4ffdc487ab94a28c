"""Personal notifications by mail: at once, as a digest, and stopped without a word about teams."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail

from team_notifications import inbox, preferences
from team_notifications.delivery import mailings
from team_notifications.delivery.channels.email.unsubscribe import Subscription
from team_notifications.models import Delivery, Mailing
from team_notifications.notify import notify_user
from team_notifications.personal import PERSONAL
from tests.cast import Cast
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_noon(cast: Cast) -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def deliver(at: datetime = NOON) -> list[str]:
    """Sends what is due at that time, and returns the subjects."""
    mail.outbox.clear()
    with time_machine.travel(at, tick=False):
        assert mailings.deliver() == len(mail.outbox)
    return sorted(message.subject for message in mail.outbox)


def test_it_goes_to_its_user_and_no_second_time(cast: Cast) -> None:
    notify_user(cast.oscar, "Payment failed", level="danger")
    assert deliver() == ["Error: Payment failed"]
    [message] = mail.outbox
    assert message.to == ["oscar@example.com"]
    assert deliver() == []
    assert Mailing.objects.get().team is None


def test_it_is_not_mixed_with_the_mail_of_a_team(cast: Cast) -> None:
    notify_user(cast.grace, "Yours", level="error")
    notify_user(cast.grace, "The team's", level="error", team=cast.globex)
    assert deliver() == ["Error: The team's", "Error: Yours"]


def test_what_is_gathered_is_one_digest_of_the_personal_ones(cast: Cast) -> None:
    preferences.choose(cast.grace, PERSONAL, email_frequency="daily", digest_hour=8)
    for title in ("One", "Two", "Three"):
        notify_user(cast.grace, title, level="warning")
    notify_user(cast.grace, "The team's", level="warning", team=cast.globex)
    assert deliver() == ["Warning: The team's"]
    assert deliver(NOON + 20 * HOUR) == ["3 threads, 3 warnings"]
    assert Mailing.objects.get(kind=Mailing.Kind.DIGEST).deliveries.count() == 3
    assert deliver(NOON + 44 * HOUR) == []


def test_do_not_disturb_for_them_holds_them_and_no_teams_mail(cast: Cast) -> None:
    preferences.do_not_disturb(cast.grace, PERSONAL, until=NOON + 3 * HOUR)
    notify_user(cast.grace, "Yours", level="error")
    notify_user(cast.grace, "The team's", level="error", team=cast.globex)
    assert deliver() == ["Error: The team's"]
    assert deliver(NOON + 3 * HOUR) == ["Error: Yours"]


@pytest.mark.parametrize("change", ["personal mail off", "mail off", "stopped by its link", "deactivated", "read"])
def test_what_changed_since_is_looked_at_before_sending(cast: Cast, change: str) -> None:
    notify_user(cast.vera, "Payment failed", level="error")
    match change:
        case "personal mail off":
            preferences.choose(cast.vera, PERSONAL, email_enabled=False)
        case "mail off":
            preferences.choose(cast.vera, email_enabled=False)
        case "stopped by its link":
            Subscription(user=cast.vera, team=None).stop()
        case "deactivated":
            User.objects.filter(pk=cast.vera.pk).update(is_active=False)
        case "read":
            inbox.mark_read(inbox.visible_to(cast.vera))
    assert deliver() == []
    assert Delivery.objects.get().state == Delivery.State.DROPPED


def test_mail_of_a_team_that_is_off_does_not_keep_it_back(cast: Cast) -> None:
    notify_user(cast.vera, "Yours", level="error")
    preferences.choose(cast.vera, cast.acme, email_enabled=False)
    assert deliver() == ["Error: Yours"]


def test_its_link_stops_the_personal_mail_alone(cast: Cast) -> None:
    Subscription(user=cast.vera, team=None).stop()
    notify_user(cast.vera, "Yours", level="error")
    notify_user(cast.vera, "The team's", level="error", team=cast.acme)
    assert deliver() == ["Error: The team's"]
    assert inbox.unread_count(cast.vera) == 2
