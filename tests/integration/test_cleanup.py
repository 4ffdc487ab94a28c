"""What the cleanup removes, and what it leaves."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from team_notifications import inbox, retention
from team_notifications.models import (
    Delivery,
    Mailing,
    Notification,
    Occurrence,
    Preference,
    Suppression,
    UnfinishedFanout,
    UserNotification,
)
from teams.models import Team
from tests.aged import DAY, HOUR, NOW, ago, clean_up, holders, tell
from tests.cast import Cast
from tests.crowd import crowd
from users.models import User

EVERYONE = ["Alice", "Bob", "Ed", "Vera"]


@pytest.fixture(autouse=True)
def small_chunks(settings: Any) -> None:
    change(settings, CLEANUP_CHUNK=3)


def change(settings: Any, **values: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, **values}


def read(user: User, *, days: float) -> None:
    with time_machine.travel(ago(days), tick=False):
        assert inbox.mark_read(inbox.visible_to(user))


def archive(user: User, *, days: float) -> None:
    with time_machine.travel(ago(days), tick=False):
        assert inbox.archive(inbox.visible_to(user))


# ---- what a member is done with -------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [read, archive])
def test_what_was_read_or_archived_goes_when_it_is_past_its_age(cast: Cast, done: Any) -> None:
    thread = tell(cast.acme, days=91.5)
    done(cast.vera, days=91)
    done(cast.ed, days=89)
    assert clean_up()["UserNotification"] == 1
    assert holders(thread) == ["Alice", "Bob", "Ed"]


def test_what_nobody_read_stays(cast: Cast) -> None:
    thread = tell(cast.acme, days=1_000)
    assert clean_up() == {}
    assert holders(thread) == EVERYONE


def test_older_than_the_age_is_older_by_a_moment(cast: Cast) -> None:
    thread = tell(cast.acme, days=100)
    read(cast.vera, days=90)
    assert "UserNotification" not in clean_up()
    assert clean_up(NOW + timedelta.resolution)["UserNotification"] == 1
    assert holders(thread) == ["Alice", "Bob", "Ed"]


def test_what_was_read_long_ago_and_happened_again_is_unread_and_stays(cast: Cast) -> None:
    thread = tell(cast.acme, days=300)
    read(cast.vera, days=299)
    tell(cast.acme, days=200)
    assert "UserNotification" not in clean_up()
    assert "Vera" in holders(thread)


def test_its_age_is_that_of_the_last_thing_the_member_did_with_it(cast: Cast) -> None:
    thread = tell(cast.acme, days=300)
    read(cast.vera, days=299)
    archive(cast.vera, days=10)
    assert "UserNotification" not in clean_up()
    assert clean_up(NOW + 81 * DAY)["UserNotification"] == 1
    assert "Vera" not in holders(thread)


def test_marked_unread_again_it_stays(cast: Cast) -> None:
    thread = tell(cast.acme, days=300)
    read(cast.vera, days=299)
    inbox.mark_unread(inbox.readable_by(cast.vera))
    assert "UserNotification" not in clean_up()
    assert "Vera" in holders(thread)


def test_what_was_marked_read_without_a_time_is_as_old_as_the_event(cast: Cast) -> None:
    for slug, days in (("old", 91), ("new", 89)):
        tell(cast.acme, slug, days=days)
    UserNotification.objects.update(is_read=True, read_at=None)
    assert clean_up()["UserNotification"] == 4
    assert holders(Notification.objects.get(slug="new")) == EVERYONE


def test_what_is_muted_stays_until_the_mute_ends(cast: Cast) -> None:
    thread = tell(cast.acme, days=200)
    for user in (cast.vera, cast.ed):
        inbox.mute(inbox.visible_to(user), inbox.FOREVER if user == cast.vera else NOW - HOUR)
        read(user, days=199)
    assert clean_up()["UserNotification"] == 1
    assert holders(thread) == ["Alice", "Bob", "Vera"]
    tell(cast.acme)
    assert inbox.unread_count(cast.vera) == 0  # and is muted still


def test_what_reached_a_member_by_mail_alone_goes_as_if_it_had_been_read(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_enabled=False)
    thread = tell(cast.acme, level="error", days=91)
    assert "UserNotification" not in clean_up()  # the mail is still owed
    Delivery.objects.update(state=Delivery.State.SENT)
    assert clean_up()["UserNotification"] == 1
    assert holders(thread) == ["Alice", "Bob", "Ed"]


def test_nobody_is_told_again_by_mail_sooner_because_of_the_cleanup(cast: Cast, settings: Any) -> None:
    change(settings, RENOTIFY_AFTER=200 * DAY)
    Preference.objects.create(user=cast.vera, in_app_enabled=False)
    thread = tell(cast.acme, level="error", days=100)
    Delivery.objects.update(state=Delivery.State.SENT)
    clean_up()
    assert "Vera" in holders(thread)


# ---- how long a member wants it kept --------------------------------------------------------------------------------


def kept(cast: Cast, at: datetime = NOW, **options: Any) -> list[str]:
    """Of four who read it 20 days ago, who has it still."""
    thread = tell(cast.acme, days=21)
    for user in (cast.alice, cast.bob, cast.ed, cast.vera):
        read(user, days=20)
    clean_up(at, **options)
    return holders(thread)


def test_the_member_in_the_team_is_asked_first_then_everywhere_then_the_team(cast: Cast) -> None:
    Preference.objects.create(team=cast.acme, retention_days=10)
    Preference.objects.create(user=cast.ed, retention_days=30)
    Preference.objects.create(user=cast.vera, retention_days=30)
    Preference.objects.create(user=cast.vera, team=cast.acme, retention_days=19)
    Preference.objects.create(user=cast.bob, team=cast.globex, retention_days=80)
    Preference.objects.create(user=cast.alice, team=cast.acme, in_app_level=20)  # chose something else
    assert kept(cast) == ["Ed"]


def test_another_team_and_another_member_are_not_asked(cast: Cast) -> None:
    Preference.objects.create(team=cast.globex, retention_days=1)
    Preference.objects.create(user=cast.grace, retention_days=1)
    Preference.objects.create(user=cast.bob, team=cast.globex, retention_days=1)
    assert kept(cast) == EVERYONE


def test_the_setting_is_the_end_of_the_cascade(cast: Cast, settings: Any) -> None:
    change(settings, DEFAULTS={"retention_days": 15})
    Preference.objects.create(user=cast.vera, retention_days=25)
    assert kept(cast) == ["Vera"]


def test_a_wish_can_only_shorten_it(cast: Cast, settings: Any) -> None:
    change(settings, MAX_AGE_DAYS=15)
    Preference.objects.create(user=cast.vera, retention_days=200)
    Preference.objects.create(user=cast.ed, team=cast.acme, retention_days=200)
    assert kept(cast) == []


@pytest.mark.parametrize(("days", "who"), [(19, []), (20, ["Ed", "Vera"]), ("200", ["Ed", "Vera"])])
def test_another_ceiling_can_be_given_and_wishes_still_count(
    cast: Cast, settings: Any, days: Any, who: list[str]
) -> None:
    change(settings, MAX_AGE_DAYS=15)
    for user in (cast.alice, cast.bob):
        Preference.objects.create(user=user, retention_days=2)
    assert kept(cast, max_age_days=days) == who


def test_a_personal_one_is_kept_as_the_member_chose_for_everywhere(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, retention_days=10)
    Preference.objects.create(user=cast.ed, team=cast.acme, retention_days=10)
    for user in (cast.vera, cast.ed):
        own = Notification.objects.create(user=user, identifier="own", slug="a-b", title="x", last_event_at=ago(20))
        UserNotification.objects.create(notification=own, user=user, is_read=True, notified_at=ago(20))
    clean_up()
    assert UserNotification.objects.get().user == cast.ed


# ---- what expired ---------------------------------------------------------------------------------------------------


def test_an_expired_thread_goes_with_all_that_hangs_on_it(cast: Cast) -> None:
    tell(cast.acme, "over", days=0.5, expires_at=NOW - HOUR, level="error")
    stays = tell(cast.acme, "on", days=2, expires_at=NOW + HOUR, level="error")
    removed = clean_up()
    assert removed == {"UserNotification": 4, "Delivery": 4, "Occurrence": 1, "Notification": 1}
    assert list(Notification.objects.all()) == [stays]
    assert holders(stays) == EVERYONE
    assert Delivery.objects.count() == 4


def test_an_expired_thread_of_which_not_all_were_told_goes_too(db: None, settings: Any) -> None:
    change(settings, FANOUT_CHUNK=2)
    for slug, expires_at in (("over", NOW - HOUR), ("on", NOW + HOUR)):
        tell(crowd(5, name=slug), slug, days=2, expires_at=expires_at)
    assert clean_up() == {"UserNotification": 2, "UnfinishedFanout": 1, "Occurrence": 1, "Notification": 1}
    assert UnfinishedFanout.objects.get().notification.slug == "on"


def test_who_muted_a_thread_hears_nothing_when_it_comes_back_after_it_expired(cast: Cast) -> None:
    thread = tell(cast.acme, days=2, expires_at=NOW - HOUR)
    inbox.mute(UserNotification.objects.filter(user=cast.vera), inbox.FOREVER)
    assert clean_up()["UserNotification"] == 3
    assert holders(thread) == ["Vera"]
    tell(cast.acme)
    assert UserNotification.objects.get(user=cast.vera).notified_at == ago(2)  # not again
    assert UserNotification.objects.get(user=cast.ed).notified_at == NOW


# ---- threads that nobody has ----------------------------------------------------------------------------------------


def test_a_thread_that_nobody_has_any_more_goes_with_its_history(cast: Cast) -> None:
    tell(cast.acme, days=3)
    tell(cast.acme, days=2)
    UserNotification.objects.all().delete()
    assert clean_up() == {"Occurrence": 2, "Notification": 1}


def test_a_thread_that_reached_nobody_goes_as_well(cast: Cast) -> None:
    Preference.objects.create(team=cast.acme, in_app_enabled=False, email_enabled=False)
    tell(cast.acme, days=2)
    assert clean_up() == {"Occurrence": 1, "Notification": 1}


def test_a_thread_that_happened_today_is_let_be(cast: Cast) -> None:
    tell(cast.acme, days=300)
    tell(cast.acme, days=0.9)
    UserNotification.objects.all().delete()
    assert clean_up().keys() == {"Occurrence"}  # the older one
    assert Notification.objects.exists()


def test_a_thread_that_one_member_has_stays(cast: Cast) -> None:
    thread = tell(cast.acme, days=300)
    for user in (cast.alice, cast.bob, cast.ed):
        archive(user, days=299)
    assert clean_up() == {"UserNotification": 3}
    assert holders(thread) == ["Vera"]


def test_a_thread_of_which_somebody_is_still_to_be_told_stays(db: None, settings: Any) -> None:
    change(settings, FANOUT_CHUNK=2)
    tell(crowd(5), days=2)
    UserNotification.objects.all().delete()
    assert clean_up() == {}


# ---- history, deliveries, mailings ----------------------------------------------------------------------------------


def test_of_the_history_what_is_old_goes_and_the_last_stays(cast: Cast) -> None:
    for slug, days in (("a-b", (300, 200, 91)), ("c-d", (300, 89))):
        for day in days:
            tell(cast.acme, slug, days=day)
    assert clean_up() == {"Occurrence": 3}
    assert set(Occurrence.objects.values_list("notification__slug", "at")) == {("a-b", ago(91)), ("c-d", ago(89))}


def test_of_two_at_the_same_time_the_later_one_is_the_last(cast: Cast) -> None:
    tell(cast.acme, days=91)
    tell(cast.acme, days=91, message="later")
    clean_up()
    assert Occurrence.objects.get().message == "later"


ENDED = [Delivery.State.SENT, Delivery.State.DROPPED, Delivery.State.FAILED]


@pytest.mark.parametrize("state", Delivery.State.values)
def test_a_delivery_that_ended_goes_and_one_that_is_owed_stays(cast: Cast, state: str) -> None:
    for slug, days in (("a-b", 91), ("c-d", 89)):
        tell(cast.acme, slug, level="error", days=days)
    Delivery.objects.update(state=state)
    assert clean_up() == ({"Delivery": 4} if state in ENDED else {})
    assert Delivery.objects.filter(user_notification__notification__slug="c-d").count() == 4


def test_a_delivery_that_waited_long_for_its_turn_is_as_old_as_that(cast: Cast) -> None:
    tell(cast.acme, level="error", days=200)
    Delivery.objects.update(state=Delivery.State.SENT, due_at=ago(10))
    assert clean_up() == {}


def test_a_delivery_goes_with_the_row_that_it_tells_of_whatever_became_of_it(cast: Cast) -> None:
    tell(cast.acme, level="error", days=200)
    read(cast.vera, days=199)
    assert clean_up() == {"UserNotification": 1, "Delivery": 1}
    assert Delivery.objects.count() == 3


def test_a_delivery_that_a_worker_has_is_left_to_it(cast: Cast) -> None:
    tell(cast.acme, level="error", days=200)
    read(cast.vera, days=199)
    Delivery.objects.update(lease_until=NOW + HOUR)
    assert clean_up() == {"UserNotification": 1}
    assert clean_up(NOW + HOUR) == {"Delivery": 1}


def mailing(user: User, team: Team | None = None, **values: Any) -> Mailing:
    said = {"state": Mailing.State.SENT, "message_id": f"<{Mailing.objects.count()}@x>", "address": user.email}
    return Mailing.objects.create(user=user, team=team, kind=Mailing.Kind.INSTANT, **{**said, **values})


@pytest.mark.parametrize("state", Mailing.State.values)
def test_a_mailing_that_is_over_goes_and_one_that_is_under_way_stays(cast: Cast, state: str) -> None:
    for number in range(7):  # more than a chunk
        mailing(cast.vera, state=state, created_at=ago(91 + number), sent_at=ago(91))
    mailing(cast.vera, state=state, created_at=ago(91), sent_at=ago(89))
    mailing(cast.vera, state=state, created_at=ago(89))
    assert clean_up() == ({"Mailing": 7} if state != Mailing.State.PENDING else {})


def test_a_mailing_stays_as_long_as_what_it_told(cast: Cast) -> None:
    tell(cast.acme, level="error", days=91)
    Delivery.objects.update(state=Delivery.State.SENT, mailing=mailing(cast.vera, created_at=ago(91)))
    Delivery.objects.filter(user=cast.vera).update(due_at=ago(89))
    assert clean_up() == {"Delivery": 3}
    assert clean_up(NOW + 3 * DAY) == {"Delivery": 1, "Mailing": 1}


def test_suppressions_stay(cast: Cast) -> None:
    Suppression.objects.create(address="a@example.com", reason=Suppression.Reason.BOUNCED, at=ago(1_000))
    assert clean_up() == {}
    assert Suppression.objects.exists()


# ---- what belongs to nobody -----------------------------------------------------------------------------------------


def test_rows_of_a_user_who_is_gone_go(cast: Cast) -> None:
    thread = tell(cast.acme, level="error")
    # As when the user is deleted in the moment of the event.
    UserNotification.objects.filter(user=cast.vera).update(user=10_000_000)
    assert clean_up() == {"UserNotification": 1, "Delivery": 1}
    assert UserNotification.objects.filter(notification=thread).count() == 3


def test_rows_of_a_team_that_is_gone_go(cast: Cast) -> None:
    tell(cast.acme)
    UserNotification.objects.filter(user=cast.vera).update(team=10_000_000)
    assert clean_up() == {"UserNotification": 1}


def test_what_is_owed_about_a_row_that_is_gone_goes(cast: Cast) -> None:
    tell(cast.acme, level="error")
    Delivery.objects.filter(user=cast.vera).update(user_notification=10_000_000)
    assert clean_up() == {"Delivery": 1}


def test_a_user_who_may_not_sign_in_or_left_the_team_keeps_their_rows(cast: Cast) -> None:
    thread = tell(cast.acme)
    User.objects.filter(pk=cast.vera.pk).update(is_active=False)
    cast.acme.memberships.filter(user=cast.ed).delete()
    assert clean_up() == {}
    assert holders(thread) == EVERYONE


# ---- an age for what nobody read ------------------------------------------------------------------------------------


def test_a_setting_gives_unread_ones_an_age(cast: Cast, settings: Any) -> None:
    change(settings, UNREAD_MAX_AGE_DAYS=200)
    for slug, days in (("a-b", 201), ("c-d", 199)):
        tell(cast.acme, slug, days=days)
    assert clean_up() == {"UserNotification": 4, "Occurrence": 1, "Notification": 1}
    assert Notification.objects.get().slug == "c-d"


def test_an_unread_one_is_as_old_as_the_last_time_that_it_happened(cast: Cast, settings: Any) -> None:
    change(settings, UNREAD_MAX_AGE_DAYS=200)
    thread = tell(cast.acme, days=300)
    tell(cast.acme, days=10)
    assert "UserNotification" not in clean_up()
    assert holders(thread) == EVERYONE


def test_an_unread_one_that_is_snoozed_or_muted_or_still_owed_stays(cast: Cast, settings: Any) -> None:
    change(settings, UNREAD_MAX_AGE_DAYS=200)
    thread = tell(cast.acme, level="error", days=300)
    inbox.snooze(inbox.visible_to(cast.alice), ago(100))  # it was back only then
    inbox.mute(inbox.visible_to(cast.bob), inbox.FOREVER)
    Delivery.objects.exclude(user=cast.ed).delete()
    assert clean_up()["UserNotification"] == 1
    assert holders(thread) == ["Alice", "Bob", "Ed"]


@pytest.mark.postgresql
def test_what_is_owed_about_a_row_is_not_looked_for_among_all_that_is_owed(db: None) -> None:
    """As a planner does that was never told how much there is: for each row it went through the whole of it."""
    rows = UserNotification.objects.filter(retention.over(retention.Ages.of_settings()))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = rows.explain()
    assert "team_notifications_delivery_key" in plan
    assert not [index.name for index in Delivery._meta.indexes if index.name in plan]
