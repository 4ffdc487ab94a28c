"""A thread that expired has left: lists, counts, the bell, mail that is owed, and members who were not told yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from team_notifications import fanout, inbox, sweeper
from team_notifications.delivery import mailings
from team_notifications.delivery.channels.email.channel import EmailChannel
from team_notifications.delivery.retry import ChannelError
from team_notifications.models import Delivery, Mailing, Notification, Preference, UnfinishedFanout, UserNotification
from team_notifications.notify import create_notification, resolve_notification
from teams.models import Team
from tests.cast import Cast
from tests.crowd import crowd
from tests.web import BELL, HTMX, INBOX, READ, row_of, shown, text
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta.resolution


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def tell(team: Team, slug: str = "sale", *, expires_at: datetime | None = NOON + HOUR, **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": slug, "title": slug, "expires_at": expires_at, **changes})


def slugs(user: User) -> list[str]:
    return [row.notification.slug for row in inbox.visible_to(user).newest_first()]


# ---- what is shown --------------------------------------------------------------------------------------------------


def test_it_leaves_the_list_and_the_count_at_its_time(cast: Cast, at_noon: Any) -> None:
    tell(cast.acme)
    tell(cast.acme, "lasting", expires_at=None)
    at_noon.move_to(NOON + HOUR - MOMENT, tick=False)
    assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == (["lasting", "sale"], 2)
    at_noon.move_to(NOON + HOUR, tick=False)
    assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == (["lasting"], 1)
    assert inbox.unread_count(cast.vera, cast.acme) == 1


def test_it_leaves_the_archive_and_the_snoozed_ones_too(cast: Cast, at_noon: Any) -> None:
    tell(cast.acme)
    inbox.archive(inbox.visible_to(cast.vera))
    inbox.snooze(inbox.visible_to(cast.ed), NOON + 2 * HOUR)
    at_noon.move_to(NOON + 3 * HOUR, tick=False)
    assert not inbox.readable_by(cast.vera).exists()
    assert not inbox.readable_by(cast.ed).exists()


def test_it_leaves_the_pages_and_the_bell(client: Client, cast: Cast, at_noon: Any) -> None:
    gone, stays = tell(cast.acme), tell(cast.acme, "lasting", expires_at=None)
    client.force_login(cast.vera)
    bell = client.get(BELL, headers=HTMX)
    assert shown(client.get(INBOX)) == [row_of(cast.vera, stays).pk, row_of(cast.vera, gone).pk]
    assert "sale" in text(bell)
    at_noon.move_to(NOON + HOUR, tick=False)
    bell = client.get(BELL, headers=HTMX)
    assert shown(client.get(INBOX)) == [row_of(cast.vera, stays).pk]
    assert "sale" not in text(bell)
    assert "lasting" in text(bell)


def test_who_had_it_open_cannot_do_anything_with_it_any_more(client: Client, cast: Cast, at_noon: Any) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    at_noon.move_to(NOON + HOUR, tick=False)
    assert client.post(READ, {"thread": f"{row.pk}:1"}).status_code == 404
    row.refresh_from_db()
    assert not row.is_read


def test_a_page_by_cursor_leaves_it_out(cast: Cast, at_noon: Any) -> None:
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug, expires_at=NOON + HOUR if slug == "two" else None)
    first = inbox.page(inbox.visible_to(cast.vera), size=1)
    at_noon.move_to(NOON + HOUR, tick=False)
    second = inbox.page(inbox.visible_to(cast.vera), after=first.next, size=5)
    assert [row.notification.slug for row in second.rows] == ["one"]


# ---- what is owed ---------------------------------------------------------------------------------------------------


def deliver() -> list[str]:
    """Sends what is due, and returns the texts of the mails."""
    mail.outbox.clear()
    mailings.deliver()
    return [str(message.body) for message in mail.outbox]


def states() -> dict[str, str]:
    rows = Delivery.objects.values_list("user_notification__notification__slug", "state", "last_error")
    return {slug: f"{state} {reason}".strip() for slug, state, reason in rows}


@pytest.fixture
def daily(cast: Cast) -> Cast:
    """Only Alice gets mail, every day at eight."""
    Preference.objects.create(team=cast.acme, email_enabled=False)
    Preference.objects.create(user=cast.alice, email_enabled=True, email_frequency="daily", digest_hour=8)
    return cast


EIGHT = NOON + 20 * HOUR


def test_a_line_of_a_digest_that_expires_while_it_is_held_is_dropped(daily: Cast, at_noon: Any) -> None:
    for slug in ("sale", "lasting", "other"):
        tell(daily.acme, slug, level="warning", expires_at=NOON + HOUR if slug == "sale" else None)
    assert deliver() == []
    at_noon.move_to(EIGHT, tick=False)
    [digest] = deliver()
    assert "lasting" in digest
    assert "sale" not in digest
    assert states() == {"sale": "dropped The thread expired.", "lasting": "sent", "other": "sent"}


def test_a_digest_of_which_every_line_expired_is_not_sent(daily: Cast, at_noon: Any) -> None:
    for slug in ("sale", "other"):
        tell(daily.acme, slug, level="warning")
    assert deliver() == []
    at_noon.move_to(EIGHT, tick=False)
    assert deliver() == []
    assert set(states().values()) == {"dropped The thread expired."}
    assert not Mailing.objects.exists()


def test_a_mail_that_failed_and_expired_before_the_next_try_is_not_sent(
    daily: Cast, at_noon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> str:
        raise ChannelError("no answer", permanent=False)

    tell(daily.acme, level="error")
    with monkeypatch.context() as broken:
        broken.setattr(EmailChannel, "send", fails)
        assert deliver() == []
    assert Mailing.objects.get().state == Mailing.State.PENDING
    at_noon.move_to(NOON + HOUR, tick=False)
    assert deliver() == []
    assert states() == {"sale": "dropped The thread expired."}
    assert Mailing.objects.get().state == Mailing.State.DROPPED


def test_a_mail_that_quiet_hours_or_a_snooze_hold_past_the_time_is_not_sent(daily: Cast, at_noon: Any) -> None:
    Preference.objects.filter(user=daily.alice).update(email_frequency="instant", do_not_disturb_until=EIGHT)
    tell(daily.acme, level="error")
    tell(daily.acme, "snoozed", level="error")
    inbox.snooze(inbox.visible_to(daily.alice).filter(notification__slug="snoozed"), EIGHT)
    assert deliver() == []
    at_noon.move_to(EIGHT, tick=False)
    assert deliver() == []
    assert set(states().values()) == {"dropped The thread expired."}


def test_a_mail_goes_until_the_last_moment(daily: Cast, at_noon: Any) -> None:
    tell(daily.acme, level="error")
    at_noon.move_to(NOON + HOUR - MOMENT, tick=False)
    assert len(deliver()) == 1


# ---- who was not told yet -------------------------------------------------------------------------------------------


def test_the_rest_of_a_large_team_is_not_told_after_it_expired(db: None, at_noon: Any, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 2}
    tell(crowd(5), level="error")
    at_noon.move_to(NOON + HOUR, tick=False)
    assert sweeper.sweep().notified == 0
    assert UserNotification.objects.count() == 2
    assert not UnfinishedFanout.objects.exists()
    assert mail.outbox == []


def test_the_rest_of_a_large_team_is_told_until_the_last_moment(db: None, at_noon: Any, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 2}
    thread = tell(crowd(5))
    at_noon.move_to(NOON + HOUR - MOMENT, tick=False)
    assert fanout.finish(thread.pk) == 3


# ---- coming back ----------------------------------------------------------------------------------------------------


def test_it_comes_back_unread_for_all_when_it_happens_again(cast: Cast, at_noon: Any) -> None:
    tell(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.vera))
    at_noon.move_to(NOON + 2 * HOUR, tick=False)
    tell(cast.acme, expires_at=None)
    assert [inbox.unread_count(user) for user in (cast.alice, cast.vera)] == [1, 1]


def test_another_time_moves_its_end(cast: Cast, at_noon: Any) -> None:
    tell(cast.acme)
    tell(cast.acme, expires_at=NOON + 3 * HOUR)
    at_noon.move_to(NOON + 2 * HOUR, tick=False)
    assert slugs(cast.vera) == ["sale"]


def test_it_can_still_be_resolved(cast: Cast, at_noon: Any) -> None:
    tell(cast.acme)
    at_noon.move_to(NOON + HOUR, tick=False)
    assert resolve_notification(team=cast.acme, slug="sale") is not None
    assert slugs(cast.vera) == []
