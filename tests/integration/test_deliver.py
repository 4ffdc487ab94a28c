"""From an event to the mail: who is sent what, when, and what is dropped on the way."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from team_notifications import inbox
from team_notifications.delivery import checking, mailings, outbox
from team_notifications.delivery.channels.email.channel import EmailChannel
from team_notifications.delivery.retry import ChannelError
from team_notifications.delivery.rules import wishes_of
from team_notifications.levels import Level
from team_notifications.models import Delivery, Mailing, Notification, Preference, Suppression
from team_notifications.notify import create_notification, resolve_notification
from teams.models import Team
from tests.cast import Cast
from tests.crowd import crowd
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
MANAGE = ["teams.change_team"]


def tell(team: Team, slug: str = "server-down", level: Level = Level.ERROR, **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": slug, "title": slug, "level": level, **changes})


def deliver(at: datetime = NOON) -> list[str]:
    """Sends what is due at that time, and returns who got a mail."""
    mail.outbox.clear()
    with time_machine.travel(at, tick=False):
        assert mailings.deliver() == len(mail.outbox)
    return sorted(message.to[0].partition("@")[0] for message in mail.outbox)


def states() -> dict[str, str]:
    """First name → state of their delivery, and why."""
    rows = Delivery.objects.values_list("user_notification__user__first_name", "state", "last_error")
    return {name: f"{state} {reason}".strip() for name, state, reason in rows}


@pytest.fixture(autouse=True)
def at_noon(cast: Cast) -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


# ---- who ------------------------------------------------------------------------------------------------------------


def test_a_mail_goes_to_each_whom_email_lets_through_and_no_second_time(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, email_enabled=False)
    Preference.objects.create(user=cast.ed, team=cast.acme, email_level=Level.ERROR)
    tell(cast.acme, level=Level.WARNING)
    assert deliver() == ["alice", "bob"]
    assert deliver() == []


def test_what_is_under_the_threshold_owes_nothing(cast: Cast) -> None:
    tell(cast.acme, level=Level.SUCCESS)
    assert not Delivery.objects.exists()


def test_whom_only_email_reaches_gets_the_mail(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_enabled=False)
    tell(cast.acme)
    assert "vera" in deliver()


def test_a_thread_that_is_still_unread_is_not_mailed_again(cast: Cast) -> None:
    tell(cast.acme)
    deliver()
    tell(cast.acme)
    assert deliver() == []


def test_who_had_read_it_is_mailed_again_when_it_happens_again(cast: Cast) -> None:
    tell(cast.acme)
    deliver()
    inbox.mark_read(inbox.visible_to(cast.vera))
    tell(cast.acme)
    assert deliver() == ["vera"]


# ---- the last look --------------------------------------------------------------------------------------------------


def read(cast: Cast) -> None:
    inbox.mark_read(inbox.visible_to(cast.alice))


def archive(cast: Cast) -> None:
    inbox.archive(inbox.visible_to(cast.alice))


def mute(cast: Cast) -> None:
    inbox.mute(inbox.visible_to(cast.alice), inbox.FOREVER)


def leave(cast: Cast) -> None:
    cast.acme.memberships.filter(user=cast.alice).delete()


def lose_the_role(cast: Cast) -> None:
    cast.acme.memberships.get(user=cast.alice).roles.clear()


def be_deactivated(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)


def switch_mail_off(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, team=cast.acme, email_enabled=False)


def raise_the_threshold(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_level=Level.ERROR)


def suppress(cast: Cast) -> None:
    Suppression.objects.create(address=cast.alice.email, reason=Suppression.Reason.BOUNCED)


def lose_the_address(cast: Cast) -> None:
    User.objects.filter(pk=cast.alice.pk).update(email="")


def expire(cast: Cast) -> None:
    Notification.objects.update(expires_at=NOON)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (read, "The member had read it."),
        (archive, "The member had archived it."),
        (mute, "The member had muted the thread."),
        (leave, "The member may no longer know, or no longer wants a mail."),
        (lose_the_role, "The member may no longer know, or no longer wants a mail."),
        (be_deactivated, "The member may no longer know, or no longer wants a mail."),
        (switch_mail_off, "The member may no longer know, or no longer wants a mail."),
        (raise_the_threshold, "The member may no longer know, or no longer wants a mail."),
        (suppress, "The address takes no mail; its owner can lift that in their preferences."),
        (lose_the_address, "The member has no email address."),
        (expire, "The thread expired."),
    ],
)
def test_what_changed_since_is_looked_at_before_sending(cast: Cast, change: Any, reason: str) -> None:
    tell(cast.acme, level=Level.WARNING, permissions=MANAGE)
    change(cast)
    assert deliver() == []
    assert states() == {"Alice": f"dropped {reason}"}


def test_resolving_withdraws_what_is_owed(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    resolve_notification(team=cast.acme, slug="server-down")
    assert states() == {"Alice": "dropped The thread was resolved."}
    assert deliver() == []


# ---- when -----------------------------------------------------------------------------------------------------------


def test_a_digest_waits_for_its_hour_and_has_everything_in_one_mail(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_frequency="daily", digest_hour=8)
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug, level=Level.WARNING, permissions=MANAGE)
    assert deliver() == []
    assert deliver(NOON + 19 * HOUR) == []
    assert deliver(NOON + 20 * HOUR) == ["alice"]
    assert Mailing.objects.get().kind == Mailing.Kind.DIGEST
    assert Mailing.objects.get().deliveries.count() == 3
    assert deliver(NOON + 44 * HOUR) == []


def test_what_is_grave_goes_at_once_and_leaves_the_digest_waiting(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_frequency="daily", digest_hour=8)
    tell(cast.acme, "careful", level=Level.WARNING, permissions=MANAGE)
    tell(cast.acme, "broken", level=Level.ERROR, permissions=MANAGE)
    assert deliver() == ["alice"]
    assert Mailing.objects.get().kind == Mailing.Kind.INSTANT
    assert deliver(NOON + 20 * HOUR) == ["alice"]


def test_two_teams_are_two_mails(cast: Cast) -> None:
    tell(cast.acme)
    tell(cast.globex)
    assert deliver().count("bob") == 2


def test_a_worker_that_was_off_for_three_days_sends_one_digest(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_frequency="daily", digest_hour=8)
    for day in range(3):
        with time_machine.travel(NOON + day * 24 * HOUR, tick=False):
            tell(cast.acme, f"day-{day}", level=Level.WARNING, permissions=MANAGE)
    assert deliver(NOON + 70 * HOUR) == ["alice"]
    assert Mailing.objects.get().deliveries.count() == 3
    assert deliver(NOON + 71 * HOUR) == []


def test_quiet_hours_and_do_not_disturb_hold_mail_until_they_end(cast: Cast) -> None:
    """Neither is over before the other; more of both in test_wishes.py."""
    Preference.objects.create(
        user=cast.alice,
        team=cast.acme,
        do_not_disturb_until=NOON + 3 * HOUR,
        quiet_hours=True,
        quiet_from=time(14),
        quiet_until=time(16),
    )
    tell(cast.acme, permissions=MANAGE)
    assert deliver() == []
    assert deliver(NOON + 3 * HOUR) == []  # it is quiet
    assert deliver(NOON + 4 * HOUR) == ["alice"]


def test_a_snoozed_thread_is_mailed_when_the_snooze_ends(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    inbox.snooze(inbox.visible_to(cast.alice), NOON + HOUR)
    assert deliver() == []
    assert deliver(NOON + HOUR) == ["alice"]


def test_a_snooze_that_is_shortened_lets_the_mail_go_sooner(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    tell(cast.acme, permissions=MANAGE)
    inbox.snooze(inbox.visible_to(cast.alice), NOON + 48 * HOUR)
    assert deliver() == []
    with django_capture_on_commit_callbacks(execute=True):
        inbox.snooze(inbox.readable_by(cast.alice), NOON + HOUR)
    assert deliver() == []
    assert deliver(NOON + HOUR) == ["alice"]


def test_a_thread_that_happened_twice_before_the_digest_is_one_line(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_frequency="daily")
    tell(cast.acme, level=Level.WARNING, permissions=MANAGE)
    deliver()
    inbox.mark_read(inbox.visible_to(cast.alice))
    tell(cast.acme, level=Level.WARNING, permissions=MANAGE)
    assert deliver(NOON + 20 * HOUR) == ["alice"]
    assert Mailing.objects.get().kind == Mailing.Kind.INSTANT
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["dropped", "sent"]


def test_what_was_mailed_at_once_is_not_in_the_digest_again(cast: Cast) -> None:
    Preference.objects.create(user=cast.alice, email_frequency="daily")
    tell(cast.acme, level=Level.WARNING, permissions=MANAGE)
    assert deliver() == []
    tell(cast.acme, level=Level.ERROR, permissions=MANAGE)
    assert deliver() == ["alice"]
    assert deliver(NOON + 20 * HOUR) == []


def test_a_preference_that_changes_while_a_worker_looks_is_looked_at_again(cast: Cast) -> None:
    preference = Preference.objects.create(user=cast.alice, do_not_disturb_until=NOON + 720 * HOUR)
    tell(cast.acme, permissions=MANAGE)
    claimed = outbox.claim("email")
    wishes = wishes_of(claimed)
    preference.delete()
    with time_machine.travel(NOON + timedelta(seconds=1), tick=False):
        outbox.reconsider(user=cast.alice)
    with time_machine.travel(NOON, tick=False):
        assert mailings._ready(claimed, wishes) == {}
    assert deliver(NOON + timedelta(seconds=2)) == ["alice"]


def test_a_changed_default_of_the_team_reaches_what_is_held(cast: Cast) -> None:
    preference = Preference.objects.create(team=cast.acme, email_frequency="weekly", email_instant_level=Level.ERROR)
    tell(cast.acme, level=Level.WARNING)
    assert deliver() == []
    preference.delete()
    with time_machine.travel(NOON + HOUR, tick=False):
        assert outbox.reconsider(team=cast.globex) == 0
        assert outbox.reconsider(team=cast.acme) == 4
    assert deliver(NOON + HOUR) == ["alice", "bob", "ed", "vera"]


def test_what_waited_for_a_failure_and_then_for_the_member_goes_when_the_member_says_so(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(cast.acme, permissions=MANAGE)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _timed_out)
        deliver()
    preference = Preference.objects.create(user=cast.alice, do_not_disturb_until=NOON + 720 * HOUR)
    assert deliver(NOON + HOUR) == []
    preference.delete()
    with time_machine.travel(NOON + 2 * HOUR, tick=False):
        outbox.reconsider(user=cast.alice)
    assert deliver(NOON + 2 * HOUR) == ["alice"]


# ---- failures -------------------------------------------------------------------------------------------------------


def test_a_mail_that_cannot_be_written_fails_alone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    original = mailings.build

    def build(mailing: Mailing, *arguments: Any) -> Any:
        if mailing.user == cast.ed:
            raise KeyError("poison")
        return original(mailing, *arguments)

    monkeypatch.setattr(mailings, "build", build)
    tell(cast.acme)
    assert deliver() == ["alice", "bob", "vera"]
    assert states()["Ed"] == "failed KeyError: 'poison'"
    assert Mailing.objects.get(user=cast.ed).state == Mailing.State.FAILED


@pytest.mark.parametrize("text", ["\ud800", "\0", "x" * 5_000], ids=["half", "nul", "long"])
def test_whatever_an_error_says_it_is_kept_and_holds_up_nobody(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def build(mailing: Mailing, *arguments: Any) -> Any:
        if mailing.user == cast.ed:
            raise ValueError(text)
        return original(mailing, *arguments)

    original = mailings.build
    monkeypatch.setattr(mailings, "build", build)
    tell(cast.acme)
    assert deliver() == ["alice", "bob", "vera"]
    assert states()["Ed"].startswith("failed ValueError")


def test_a_mail_that_went_is_recorded_though_its_row_was_deleted_meanwhile(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(channel: EmailChannel, message: Any) -> str:
        answer = original(channel, message)
        inbox.delete(inbox.visible_to(cast.alice))
        mailings.deliver()  # by another worker
        return answer

    original = EmailChannel.send
    monkeypatch.setattr(EmailChannel, "send", send)
    tell(cast.acme, permissions=["teams.change_team"])
    assert deliver() == ["alice"]
    assert Mailing.objects.get().state == Mailing.State.SENT


def test_a_retry_is_the_same_mailing_with_the_same_message_id(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(cast.acme, permissions=MANAGE)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _timed_out)
        assert deliver() == []
    assert states() == {"Alice": "pending TimeoutError: no answer"}
    before = Mailing.objects.get()
    tell(cast.acme, "meanwhile", permissions=MANAGE)
    assert deliver(NOON + HOUR) == ["alice", "alice"]  # the one that was tried before, and what came since
    again = Mailing.objects.get(pk=before.pk)
    assert (again.message_id, again.state) == (before.message_id, Mailing.State.SENT)
    assert again.deliveries.count() == 1
    assert [message.extra_headers["Message-ID"] for message in mail.outbox].count(before.message_id) == 1


def _timed_out(*arguments: Any) -> None:
    raise TimeoutError("no answer")


def test_after_the_last_try_a_delivery_has_failed_and_keeps_its_reason(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _timed_out)
    tell(cast.acme, permissions=MANAGE)
    for day in range(8):
        deliver(NOON + day * 24 * HOUR)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("failed", 8, "TimeoutError: no answer")
    assert Mailing.objects.get().state == Mailing.State.FAILED


def test_a_team_of_which_nobody_can_say_who_may_know_does_not_hold_up_the_others(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell(cast.acme)
    tell(cast.globex)
    original = checking.Recipients

    def recipients(audience: Any) -> Any:
        if audience.team == cast.acme:
            raise RuntimeError("the directory is out of order")
        return original(audience)

    with monkeypatch.context() as patch:
        patch.setattr(checking, "Recipients", recipients)
        assert deliver() == ["bob", "grace"]
    assert "out of order" in caplog.text
    assert deliver(NOON + HOUR) == ["alice", "bob", "ed", "vera"]


def test_a_batch_that_cannot_be_made_ready_is_given_back(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell(cast.acme)
    with monkeypatch.context() as patch:
        patch.setattr(mailings, "wishes_of", lambda claimed: 1 / 0)
        assert deliver() == []
    assert "division by zero" in caplog.text
    assert not Delivery.objects.filter(lease_token__isnull=False).exists()
    assert len(deliver(NOON + HOUR)) == 4


def test_why_a_batch_could_not_be_made_ready_is_logged_though_it_cannot_be_given_back_either(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(mailings, "wishes_of", lambda claimed: 1 / 0)
    monkeypatch.setattr(outbox, "hold", away)
    tell(cast.acme)
    with pytest.raises(OperationalError):
        mailings.deliver()
    assert "division by zero" in caplog.text


def test_what_changes_while_the_mails_before_take_long_is_looked_at_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "FRESH", -1.0)
    original = mailings.EmailChannel.send

    def send(channel: Any, message: Any) -> str:
        answer = original(channel, message)
        resolve_notification(team=cast.acme, slug="server-down")
        return answer

    monkeypatch.setattr(mailings.EmailChannel, "send", send)
    tell(cast.acme)
    assert len(deliver()) == 1
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["dropped", "dropped", "dropped", "sent"]


def test_a_task_ends_in_time_and_gives_back_what_it_did_not_send(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(cast.acme)
    claimed = outbox.claim("email")
    wishes = wishes_of(claimed)
    assert mailings._send_all(EmailChannel(), mailings._ready(claimed, wishes), wishes, end=0) == 0
    assert not Delivery.objects.filter(lease_token__isnull=False).exists()
    assert len(deliver()) == 4


def test_a_mailing_of_which_nothing_is_left_ends(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(cast.acme, permissions=MANAGE)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _timed_out)
        deliver()
    resolve_notification(team=cast.acme, slug="server-down")
    deliver(NOON + HOUR)
    assert Mailing.objects.get().state == Mailing.State.DROPPED


def test_a_worker_that_comes_back_with_a_failure_does_not_write_over_a_mailing_that_was_sent(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    first = outbox.claim("email")
    ready = mailings._ready(first, wishes_of(first))
    [(mailing, deliveries)] = ready.items()
    assert deliver(NOON + HOUR) == ["alice"]
    mailings._failed(mailing, deliveries, ChannelError("timed out", permanent=False))
    assert Mailing.objects.get().state == Mailing.State.SENT


def test_a_worker_that_comes_back_before_it_sent_takes_nothing_over(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    first = outbox.claim("email")
    with time_machine.travel(NOON + HOUR, tick=False):
        second = outbox.claim("email")
        assert mailings._ready(first, wishes_of(first)) == {}
        assert len(mailings._ready(second, wishes_of(second))) == 1


def test_a_connection_that_does_not_close_loses_nothing_that_was_sent(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.close", _timed_out)
    tell(cast.acme)
    assert len(deliver()) == 4
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert "no answer" in caplog.text


# ---- workers --------------------------------------------------------------------------------------------------------


def test_what_one_worker_has_another_does_not_get(cast: Cast) -> None:
    tell(cast.acme)
    assert len(outbox.claim("email")) == 4
    assert outbox.claim("email") == []


def test_a_lease_that_ended_is_taken_over_and_the_first_worker_writes_nothing_more(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    first = outbox.claim("email")
    with time_machine.travel(NOON + HOUR, tick=False):
        second = outbox.claim("email")
        assert [delivery.pk for delivery in second] == [delivery.pk for delivery in first]
        assert not outbox.still_ours(first)
        assert outbox.finish(first, Delivery.State.FAILED) == 0
        assert outbox.finish(second, Delivery.State.SENT) == 1


def test_what_arrives_while_a_worker_has_a_members_mail_waits_for_the_next(cast: Cast) -> None:
    tell(cast.acme, "one", permissions=MANAGE)
    claimed = outbox.claim("email")
    tell(cast.acme, "two", permissions=MANAGE)
    assert outbox.claim("email") == []
    outbox.finish(claimed, Delivery.State.SENT)
    assert len(outbox.claim("email")) == 1


def test_a_batch_takes_whole_members(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DELIVERY_BATCH": 2}
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug)
    claimed = outbox.claim("email")
    assert len(claimed) == 6
    assert len({delivery.user_id for delivery in claimed}) == 2


def test_a_worker_looks_past_what_others_have(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DELIVERY_BATCH": 1}
    tell(cast.acme, "one")
    first = outbox.claim("email")
    tell(cast.acme, "two")
    claimed = [outbox.claim("email") for _ in range(4)]
    assert [len(batch) for batch in claimed] == [2, 2, 2, 0]
    assert {delivery.user_id for batch in claimed for delivery in batch} == {
        person.pk for person in (cast.alice, cast.bob, cast.ed, cast.vera)
    } - {first[0].user_id}


def test_a_mail_that_went_is_not_sent_again_though_its_worker_ended_before_its_deliveries_were_written(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(cast.acme)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "finish", lambda *_: 0)
        assert len(deliver()) == 4
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}
    assert deliver(NOON + HOUR) == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert set(Mailing.objects.values_list("state", flat=True)) == {"sent"}


def test_mail_whose_worker_ended_is_taken_over_one_member_at_a_time(cast: Cast) -> None:
    tell(cast.acme)
    assert len(outbox.claim("email")) == 4
    with time_machine.travel(NOON + HOUR, tick=False):
        assert [len(outbox.claim("email")) for _ in range(5)] == [1, 1, 1, 1, 0]
    assert deliver(NOON + 2 * HOUR) == ["alice", "bob", "ed", "vera"]


def test_what_no_worker_survives_fails_in_the_end_and_takes_nobody_elses_mail_along(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "MAX_ATTEMPTS": 3}
    tell(cast.acme)
    poison = outbox.claim("email")[0]
    for hours in (1, 2, 3):
        with time_machine.travel(NOON + hours * HOUR, tick=False):
            claimed = outbox.claim("email")  # and the worker ends
            assert claimed == [poison]
    assert mailings._ready(claimed, wishes_of(claimed)) == {}
    poison.refresh_from_db()
    assert (poison.state, poison.takeovers) == ("failed", 3)
    assert poison.last_error == "3 workers ended while they were at it, and did not say why."
    assert deliver(NOON + 4 * HOUR) == ["bob", "ed", "vera"]


# ---- costs ----------------------------------------------------------------------------------------------------------


def test_planning_costs_one_statement_for_10_mails_and_for_1000(db: None) -> None:
    counts = []
    for size in (10, 1_000):
        team = crowd(size, name=f"crowd-{size}")
        with CaptureQueriesContext(connection) as captured:
            tell(team)
        assert Delivery.objects.filter(team=team).count() == size
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 10


def test_claiming_and_looking_again_cost_the_same_for_5_mails_and_for_50(db: None, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DELIVERY_BATCH": 1_000}
    counts = []
    for size in (5, 50):
        tell(crowd(size, name=f"crowd-{size}"))
        with CaptureQueriesContext(connection) as captured:
            claimed = outbox.claim("email")
            ready = mailings._ready(claimed, wishes_of(claimed))
        assert len(ready) == size
        counts.append(len(captured))
    assert counts[0] == counts[1]
