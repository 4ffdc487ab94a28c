"""Floors: what reaches members of a team whatever they chose."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from team_notifications import explain, floors, inbox, preferences
from team_notifications.delivery import mailings
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.delivery.channels.email.unsubscribe import token_for
from team_notifications.explain import Ground, Rule, why_not
from team_notifications.kind_preferences import choose_channels, kind_choices
from team_notifications.levels import Level, Threshold
from team_notifications.models import (
    Delivery,
    Floor,
    KindPreference,
    Notification,
    Preference,
    Suppression,
    UserNotification,
)
from team_notifications.models.kind_preference import CHANNELS
from team_notifications.notify import create_notification, notify_user, resolve_notification
from team_notifications.sweeper import sweep
from teams.models import Team
from teams.permissions import Directory
from tests.cast import Cast, join
from tests.crowd import crowd
from tests.kinds import kind, registered
from tests.web import UNSUBSCRIBE, row_of, text, unread_slugs
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADMINS = "teams.change_team"
GONE = "teams.fly_team"
OFF = {"in_app_enabled": False, "email_enabled": False}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False), registered(kind(slug="sync-failed")):
        yield


def floor(team: Team, channel: str = "email", level: int = Threshold.ERROR, permission: str = "") -> Floor:
    return Floor.objects.create(team=team, channel=channel, level=level, permission=permission)


def tell(team: Team, slug: str = "sync-failed", **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": slug, "title": slug, "level": "error", **changes})


def mailed_to(at: datetime = NOON) -> list[str]:
    """Sends what is due at that time: who got a mail."""
    mail.outbox.clear()
    with time_machine.travel(at, tick=False):
        mailings.deliver()
    return sorted(message.to[0].partition("@")[0] for message in mail.outbox)


def all_off(cast: Cast) -> None:
    for user in (cast.alice, cast.ed, cast.vera, cast.bob):
        preferences.choose(user, **OFF)


# ---- what a floor opens ---------------------------------------------------------------------------------------------


def test_errors_reach_admins_by_email_whatever_they_chose(cast: Cast) -> None:
    all_off(cast)
    floor(cast.acme, permission=ADMINS)
    tell(cast.acme)
    assert mailed_to() == ["alice"]
    assert unread_slugs(cast.alice) == set()


def test_a_floor_for_every_member_reaches_every_member_through_its_channel(cast: Cast) -> None:
    all_off(cast)
    floor(cast.acme, "in_app")
    tell(cast.acme)
    for user in (cast.alice, cast.ed, cast.vera, cast.bob):
        assert unread_slugs(user) == {"sync-failed"}
    assert mailed_to() == []


@pytest.mark.parametrize(
    ("level", "from_level", "reached"),
    [
        ("error", Threshold.ERROR, True),
        ("warning", Threshold.ERROR, False),
        ("error", Threshold.WARNING, True),
        ("success", Threshold.WARNING, False),
        ("success", Threshold.INFO, True),
        ("info", Threshold.INFO, True),
    ],
)
def test_it_begins_at_its_level(cast: Cast, level: str, from_level: Threshold, reached: bool) -> None:
    preferences.choose(cast.vera, **OFF)
    floor(cast.acme, level=from_level)
    tell(cast.acme, level=level)
    assert ("vera" in mailed_to()) is reached


def test_it_goes_over_switch_threshold_and_kind(cast: Cast) -> None:
    preferences.choose(cast.alice, cast.acme, email_enabled=False)
    preferences.choose(cast.ed, email_level=Threshold.ERROR)
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=[])
    Preference.objects.create(team=cast.acme, email_enabled=False)
    floor(cast.acme, level=Threshold.WARNING)
    tell(cast.acme, level="warning")
    assert mailed_to() == ["alice", "bob", "ed", "vera"]
    assert unread_slugs(cast.vera) == set()


def test_who_chose_more_gets_more(cast: Cast) -> None:
    floor(cast.acme, permission=ADMINS)
    preferences.choose(cast.vera, email_level=Threshold.INFO)
    tell(cast.acme, level="info")
    assert mailed_to() == ["vera"]


def test_other_teams_have_no_part_in_it(cast: Cast) -> None:
    preferences.choose(cast.bob, **OFF)
    floor(cast.acme)
    floor(cast.acme, "in_app")
    tell(cast.globex)
    assert mailed_to() == ["grace"]
    assert unread_slugs(cast.bob) == set()


def test_a_role_counts_in_the_team_where_it_is_held(cast: Cast) -> None:
    preferences.choose(cast.bob, **OFF)  # an admin of Globex alone
    for team in (cast.acme, cast.globex):
        floor(team, permission=ADMINS)
        tell(team)
    assert mailed_to() == ["alice", "bob", "ed", "grace", "vera"]
    assert {row.team for row in UserNotification.objects.filter(user=cast.bob)} == {cast.globex}


def test_what_one_user_is_told_in_a_team_is_under_its_floors_too(cast: Cast) -> None:
    all_off(cast)
    floor(cast.acme, "in_app", Threshold.WARNING, ADMINS)
    assert notify_user(cast.alice, "Look", level="warning", team=cast.acme) is not None
    assert notify_user(cast.alice, "Look", level="info", team=cast.acme) is None
    assert notify_user(cast.vera, "Look", level="error", team=cast.acme) is None


def test_personal_notifications_have_no_floors(cast: Cast) -> None:
    all_off(cast)
    for channel in CHANNELS:
        floor(cast.acme, channel, Threshold.INFO)
    assert notify_user(cast.alice, "Look", level="error") is None


def test_the_rest_of_a_large_team_is_under_them_too(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 1}
    join(cast.grace, cast.acme, "Admin")
    all_off(cast)
    preferences.choose(cast.grace, **OFF)
    floor(cast.acme, permission=ADMINS)
    tell(cast.acme)
    sweep()
    assert sorted(message.to[0] for message in mail.outbox) == ["alice@example.com", "grace@example.com"]


# ---- what it does not open ------------------------------------------------------------------------------------------


def test_it_tells_nobody_what_they_may_not_know(cast: Cast) -> None:
    floor(cast.acme)
    floor(cast.acme, "in_app")
    tell(cast.acme, permissions=[ADMINS])
    tell(cast.acme, "for-ed", recipients=[cast.ed])
    cast.acme.memberships.filter(user=cast.vera).delete()
    cast.bob.is_active = False
    cast.bob.save()
    tell(cast.acme, "after")
    assert mailed_to() == ["alice", "ed"]
    told = {(row.notification.slug, row.user.first_name) for row in UserNotification.objects.all()}
    assert told == {("sync-failed", "Alice"), ("for-ed", "Ed"), ("after", "Alice"), ("after", "Ed")}


def test_a_thread_that_a_member_muted_stays_quiet(cast: Cast) -> None:
    thread = tell(cast.acme, recipients=[cast.vera])
    assert mailed_to() == ["vera"]
    inbox.mark_read(inbox.readable_by(cast.vera))
    inbox.mute(inbox.readable_by(cast.vera), NOON + 8 * HOUR)
    floor(cast.acme, level=Threshold.INFO)
    floor(cast.acme, "in_app", Threshold.INFO)
    tell(cast.acme, recipients=[cast.vera])
    assert mailed_to() == []
    assert row_of(cast.vera, thread).is_read


def test_a_thread_that_a_member_snoozed_comes_back_when_they_said(cast: Cast) -> None:
    floor(cast.acme)
    tell(cast.acme, recipients=[cast.vera])
    inbox.snooze(inbox.readable_by(cast.vera), NOON + 8 * HOUR)
    assert mailed_to() == []
    assert mailed_to(NOON + 9 * HOUR) == ["vera"]


def test_an_address_that_takes_no_mail_gets_none(cast: Cast) -> None:
    floor(cast.acme)
    suppress(cast.vera.email, Suppression.Reason.BOUNCED)
    tell(cast.acme)
    assert mailed_to() == ["alice", "bob", "ed"]


def test_quiet_hours_and_do_not_disturb_delay_it(cast: Cast) -> None:
    all_off(cast)
    floor(cast.acme)
    preferences.choose(cast.vera, quiet_hours=True, quiet_from=time(11), quiet_until=time(14))
    preferences.do_not_disturb(cast.ed, cast.acme, until=NOON + 4 * HOUR)
    tell(cast.acme)
    assert mailed_to() == ["alice", "bob"]
    assert mailed_to(NOON + 3 * HOUR) == ["vera"]
    assert mailed_to(NOON + 5 * HOUR) == ["ed"]


def test_how_often_stays_the_members_own_choice(cast: Cast) -> None:
    preferences.choose(
        cast.vera, email_enabled=False, email_frequency="daily", email_instant_level=Threshold.ERROR, digest_hour=18
    )
    floor(cast.acme, level=Threshold.WARNING)
    tell(cast.acme, level="warning", recipients=[cast.vera])
    assert mailed_to() == []
    assert mailed_to(NOON.replace(hour=18)) == ["vera"]


@pytest.mark.parametrize("over", ["resolved", "expired"])
def test_what_is_over_is_not_mailed(cast: Cast, over: str) -> None:
    floor(cast.acme)
    preferences.choose(cast.vera, quiet_hours=True, quiet_from=time(11), quiet_until=time(14))
    tell(cast.acme, recipients=[cast.vera], expires_at=NOON + HOUR if over == "expired" else None)
    if over == "resolved":
        resolve_notification(team=cast.acme, slug="sync-failed")
    assert mailed_to(NOON + 3 * HOUR) == []


# ---- between the event and the mail ---------------------------------------------------------------------------------


def held_mail(cast: Cast) -> Delivery:
    """Vera switched mail off, a floor wants it anyway, and her quiet hours hold it back."""
    preferences.choose(cast.vera, email_enabled=False, quiet_hours=True, quiet_from=time(11), quiet_until=time(14))
    floor(cast.acme, permission="custom_actions.view_customaction")
    tell(cast.acme, recipients=[cast.vera])
    assert mailed_to() == []
    return Delivery.objects.get()


def test_the_last_look_asks_the_floors_too(cast: Cast) -> None:
    held_mail(cast)
    assert mailed_to(NOON + 3 * HOUR) == ["vera"]


def test_a_floor_that_is_gone_by_then_sends_nothing(cast: Cast) -> None:
    held = held_mail(cast)
    Floor.objects.all().delete()
    assert mailed_to(NOON + 3 * HOUR) == []
    held.refresh_from_db()
    assert held.state == Delivery.State.DROPPED


def test_who_lost_the_permission_by_then_is_sent_nothing(cast: Cast) -> None:
    held_mail(cast)
    cast.acme.memberships.get(user=cast.vera).roles.clear()
    assert mailed_to(NOON + 3 * HOUR) == []


# ---- what mails say -------------------------------------------------------------------------------------------------

IN_ACME = "You get this because you are in Acme."
DEMANDED = "Errors reach you by email whatever you choose: a rule of Acme."


def reasons() -> dict[str, str]:
    """By name, why each who got a mail gets it."""
    mailed_to()
    found = {message.to[0].partition("@")[0]: str(message.body) for message in mail.outbox}
    return {name: body.partition("\n--\n")[2].splitlines()[0] for name, body in found.items()}


def test_a_mail_that_only_a_floor_demanded_does_not_call_it_their_choice(cast: Cast) -> None:
    preferences.choose(cast.alice, email_enabled=False)
    choose_channels(cast.ed, "sync-failed", channels=["in_app"])
    floor(cast.acme)
    tell(cast.acme)
    said = reasons()
    assert said["alice"] == said["ed"] == f"{IN_ACME} {DEMANDED}"
    assert said["vera"] == said["bob"] == f"{IN_ACME} Warnings and errors reach you by email at once."


def test_a_digest_says_of_what_they_chose_and_of_what_a_floor_demanded(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", channels=[])
    floor(cast.acme)
    for slug in ("sync-failed", "something-else"):
        tell(cast.acme, slug, recipients=[cast.vera])
    assert reasons() == {"vera": f"{IN_ACME} Warnings and errors reach you by email at once. {DEMANDED}"}


def test_the_link_in_a_mail_stops_what_the_floors_do_not_demand_and_says_so(cast: Cast, client: Client) -> None:
    floor(cast.acme, permission=ADMINS)
    for user, still_comes in ((cast.alice, True), (cast.vera, False)):
        link = f"{UNSUBSCRIBE}{token_for(user, cast.acme)}/"
        for page in (text(client.get(link)), text(client.post(link))):
            assert (DEMANDED in page) is still_comes
            assert ("No other mail from this team" in page) is still_comes
            assert ("No more mail from this team" in page) is not still_comes
    tell(cast.acme, "slow", level="warning")
    tell(cast.acme)
    assert mailed_to() == ["alice", "bob", "ed"]
    assert {message.subject for message in mail.outbox if message.to == [cast.alice.email]} == {"Error: sync-failed"}


@pytest.mark.parametrize("user", ["grace", "oscar", "sue"])
def test_the_page_that_stops_mail_says_of_no_floor_to_who_is_not_in_the_team(
    cast: Cast, client: Client, user: str
) -> None:
    floor(cast.acme)
    assert DEMANDED not in text(client.get(f"{UNSUBSCRIBE}{token_for(getattr(cast, user), cast.acme)}/"))
    assert DEMANDED not in text(client.get(f"{UNSUBSCRIBE}{token_for(cast.vera, None)}/"))


# ---- why, and why not -----------------------------------------------------------------------------------------------


def test_who_got_it_by_a_floor_is_told_so(cast: Cast, client: Client) -> None:
    preferences.choose(cast.alice, **OFF)
    floor(cast.acme, "in_app", Threshold.WARNING, ADMINS)
    floor(cast.acme, "email", Threshold.INFO, GONE)
    row = row_of(cast.alice, tell(cast.acme))
    found = {(reason.ground, reason.channel, reason.lets_through) for reason in explain.why(row, cast.alice)}
    assert (Ground.CHANNEL, "in_app", False) in found
    assert (Ground.FLOOR, "in_app", True) in found
    assert (Ground.FLOOR, "email", True) not in found
    client.force_login(cast.alice)
    page = text(client.get(f"/notifications/thread/{row.pk}/"))
    assert "Warnings and errors come to your inbox whatever you choose a rule of Acme" in page


@pytest.mark.parametrize(
    "choose",
    [
        lambda vera: preferences.choose(vera, in_app_enabled=False),
        lambda vera: preferences.choose(vera, in_app_level=Threshold.ERROR),
        lambda vera: choose_channels(vera, "sync-failed", channels=["email"]),
    ],
    ids=["switch", "threshold", "kind"],
)
def test_what_a_floor_overrules_is_not_why_they_did_not_get_it(cast: Cast, choose: Callable[[User], None]) -> None:
    choose(cast.vera)
    thread = tell(cast.acme, level="warning", recipients=[cast.ed])
    assert why_not(thread, cast.vera).rule in {Rule.IN_APP_OFF, Rule.UNDER_THRESHOLD, Rule.KIND_SILENCED}
    floor(cast.acme, "in_app", Threshold.ERROR)
    assert why_not(thread, cast.vera).rule in {Rule.IN_APP_OFF, Rule.UNDER_THRESHOLD, Rule.KIND_SILENCED}
    floor(cast.acme, "in_app", Threshold.WARNING, "custom_actions.view_customaction")
    assert why_not(thread, cast.vera).rule is Rule.NO_COPY


# ---- what holds for somebody, and setting it ------------------------------------------------------------------------


def test_of_several_floors_the_lowest_holds(cast: Cast) -> None:
    floor(cast.acme)
    floor(cast.acme, permission=ADMINS, level=Threshold.WARNING)
    floor(cast.acme, "in_app", level=Threshold.INFO)
    floor(cast.acme, "in_app", permission=ADMINS)
    floor(cast.globex, "in_app", permission=ADMINS)
    floor(cast.globex, permission=GONE)
    assert floors.held_by(cast.alice) == {cast.acme.pk: {"email": Threshold.WARNING, "in_app": Threshold.INFO}}
    assert floors.held_by(cast.bob) == {
        cast.acme.pk: {"email": Threshold.ERROR, "in_app": Threshold.INFO},
        cast.globex.pk: {"in_app": Threshold.ERROR},
    }
    assert floors.held_by(cast.sue) == floors.held_by(cast.oscar) == {}


def test_floors_are_set_by_channel_and_permission_and_the_others_stay(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    floor(cast.acme, permission=GONE)
    floor(cast.globex)
    with django_capture_on_commit_callbacks() as callbacks:
        floors.choose(cast.acme, {("email", ADMINS): Threshold.ERROR, ("in_app", ""): Threshold.INFO})
    assert len(callbacks) == 1  # what is held back is looked at again
    floors.choose(cast.acme, {("email", ADMINS): Threshold.WARNING, ("in_app", ""): None, ("email", ""): None})
    found = set(Floor.objects.values_list("team", "channel", "permission", "level"))
    assert found == {
        (cast.acme.pk, "email", GONE, 40),
        (cast.acme.pk, "email", ADMINS, 30),
        (cast.globex.pk, "email", "", 40),
    }
    floors.choose(cast.acme, {("email", GONE): None})
    assert not Floor.objects.filter(permission=GONE).exists()


@pytest.mark.parametrize(
    ("levels", "error", "said"),
    [
        ({("fax", ""): 40}, ValueError, "There is no channel 'fax'; there are in_app, email."),
        ({("email", None): 40}, TypeError, "A permission is named by text like 'app_label.codename', not None."),
        ({("email", GONE): 40}, ValueError, "There is no permission 'teams.fly_team'"),
        ({("email", "admins"): 40}, ValueError, "There is no permission 'admins'"),
        ({("email", ""): 25}, ValueError, "25 is no threshold; there are 20 (INFO), 30 (WARNING), 40 (ERROR)."),
        ({("email", ""): "40"}, ValueError, "'40' is no threshold"),
        ({("email", ""): True}, ValueError, "True is no threshold"),
    ],
    ids=str,
)
def test_nonsense_raises_naming_it_and_nothing_is_stored(
    cast: Cast, levels: dict[Any, Any], error: type[Exception], said: str
) -> None:
    floor(cast.acme)
    with pytest.raises(error) as raised:
        floors.choose(cast.acme, {("in_app", ""): 20, **levels})
    assert said in str(raised.value)
    assert Floor.objects.get().channel == "email"


@pytest.mark.parametrize(
    ("team", "error"), [("acme", TypeError), (None, TypeError), (Team(name="New"), ValueError)], ids=str
)
def test_what_is_no_saved_team_raises(cast: Cast, team: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        floors.choose(team, {("email", ""): 40})
    with pytest.raises(error):
        preferences.choose_for_team(team, in_app_enabled=False)
    assert not Preference.objects.exists()


def test_two_permissions_of_one_name_are_told_apart(cast: Cast, settings: Any) -> None:
    names = ["teams.change_team", "custom_actions.change_customaction", "content.change_site"]
    Permission.objects.filter(codename__in=["change_team", "change_site"]).update(name="Can change it")
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FLOOR_PERMISSIONS": names}
    assert [circle.label for circle in floors.circles(cast.acme)] == [
        "Every member",
        "Can change it (teams.change_team)",
        "Can change custom action",
        "Can change it (content.change_site)",
    ]


# ---- a permission that is gone --------------------------------------------------------------------------------------


def test_a_permission_that_is_gone_is_passed_over_and_logged(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    all_off(cast)
    floor(cast.acme, permission=GONE)
    floor(cast.acme, permission=ADMINS)
    tell(cast.acme)
    assert mailed_to() == ["alice"]
    assert f"Team {cast.acme.pk} has a floor for who holds '{GONE}', which does not exist." in caplog.messages


def test_one_that_is_alone_changes_nothing(cast: Cast) -> None:
    preferences.choose(cast.vera, **OFF)
    floor(cast.acme, permission=GONE)
    tell(cast.acme)
    assert mailed_to() == ["alice", "bob", "ed"]


# ---- what it costs --------------------------------------------------------------------------------------------------


def statements(team: Team, **changes: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        tell(team, **changes)
    return [query["sql"] for query in captured]


def test_an_event_costs_the_same_for_10_members_and_for_10000_and_one_more_for_a_permission(
    db: None, settings: Any
) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 100_000}
    costs = []
    for size in (10, 10_000):
        team = crowd(size, name=f"crowd-{size}")
        before = len(statements(team, slug="first"))
        floor(team, "in_app", Threshold.INFO)
        for_everyone = len(statements(team, slug="second"))
        floor(team, "email", Threshold.ERROR, ADMINS)
        costs.append((before, for_everyone, len(statements(team, slug="third"))))
        assert UserNotification.objects.filter(team=team).count() == 3 * size
    assert costs[0] == costs[1]
    before, for_everyone, for_admins = costs[0]
    assert (for_everyone, for_admins) == (before, before + 1)
    assert for_admins <= 10


@pytest.mark.parametrize("elsewhere", ["another team", "a higher level", "nothing"])
def test_without_a_floor_for_its_level_the_statements_are_as_ever(cast: Cast, elsewhere: str) -> None:
    tell(cast.acme, "warm")  # what Django caches on first use
    Notification.objects.all().delete()
    before = statements(cast.acme, level="warning")
    Notification.objects.all().delete()
    if elsewhere == "another team":
        floor(cast.globex, permission=ADMINS, level=Threshold.INFO)
    elif elsewhere == "a higher level":
        floor(cast.acme, permission=ADMINS, level=Threshold.ERROR)
    after = statements(cast.acme, level="warning")
    assert [shape(sql, cast) for sql in after] == [shape(sql, cast) for sql in before]


def shape(sql: str, cast: Cast) -> str:
    """A statement without the key of the thread, which is another each time."""
    keys = "".join(character if not character.isdigit() else "#" for character in sql)
    while "##" in keys:
        keys = keys.replace("##", "#")
    return keys


# ---- an oracle ------------------------------------------------------------------------------------------------------

NAMES = ["", ADMINS, "custom_actions.change_customaction", "custom_actions.view_customaction", GONE]
CHOICES = [(), ("in_app",), ("email",), ("in_app", "email")]


@pytest.mark.parametrize("seed", range(12))
def test_asking_each_member_by_themselves_comes_to_the_same(db: None, seed: int) -> None:
    """Floors, switches, thresholds, kinds and roles at random, beside an oracle in plain Python."""
    draw = random.Random(seed)
    team, elsewhere = crowd(15, role="Viewer"), crowd(2, name="Elsewhere")
    for member, role in zip(list(crowd(20, name="More", role="Viewer").members.all()), "AEV" * 7, strict=False):
        join(member, team, {"A": "Admin", "E": "Editor", "V": "Viewer"}[role])
    for user, scope in product(team.members.all(), (team, elsewhere, None)):
        if draw.random() < 0.6:
            switches = {f"{channel}_enabled": draw.choice([None, True, False, False]) for channel in CHANNELS}
            levels = {f"{channel}_level": draw.choice([None, 20, 30, 40]) for channel in CHANNELS}
            Preference.objects.create(user=user, team=scope, **switches, **levels)
        if draw.random() < 0.4:
            KindPreference.objects.create(user=user, team=scope, slug="sync-failed", channels=draw.choice(CHOICES))
    for there, channel, name in product((team, elsewhere), CHANNELS, NAMES):
        if draw.random() < 0.25:
            floor(there, channel, draw.choice(Threshold.values), name)
    level = draw.choice(list(Level))
    permissions = draw.choice([[], [], ["custom_actions.change_customaction"]])
    recipients = draw.choice([None, None, draw.sample(list(team.members.all()), 20)])
    thread = tell(team, level=level, permissions=permissions, recipients=recipients)
    expected = {
        user: channels
        for user in (team.members.all() if recipients is None else recipients)
        if Directory().permissions(user)[team.pk].issuperset(permissions) and (channels := reached(user, team, level))
    }
    assert told(thread) == expected
    mailed = {f"{name}@example.com" for name in mailed_to()}
    assert mailed == {user.email for user, channels in expected.items() if "email" in channels}


def reached(user: User, team: Team, level: Level) -> set[str]:
    """The channels that let `level` through to `user`, said in plain Python."""
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    held = Directory().permissions(user)[team.pk] | {""}
    chosen = {
        channel
        for channel in kind_choices(user, team)["sync-failed"].effective
        if scope.choices[f"{channel}_enabled"].effective and scope.choices[f"{channel}_level"].effective <= level.weight
    }
    demanded = {
        floor.channel for floor in Floor.objects.filter(team=team) if floor.level <= level and floor.permission in held
    }
    return chosen | demanded


def told(thread: Notification) -> dict[User, set[str]]:
    owed = set(Delivery.objects.values_list("user_notification", flat=True))
    return {
        row.user: {"in_app"} & {"in_app" if row.in_app else ""} | ({"email"} if row.pk in owed else set())
        for row in UserNotification.objects.filter(notification=thread)
    }


# ---- the table ------------------------------------------------------------------------------------------------------


def test_there_is_one_floor_for_each_channel_and_permission(cast: Cast) -> None:
    floor(cast.acme)
    floor(cast.acme, permission=ADMINS)
    floor(cast.acme, "in_app")
    floor(cast.globex)
    with pytest.raises(IntegrityError), transaction.atomic():
        floor(cast.acme, level=Threshold.INFO)


@pytest.mark.parametrize("wrong", [{"channel": "fax"}, {"level": 25}, {"level": 0}], ids=str)
def test_a_channel_or_a_level_that_is_none_is_refused(cast: Cast, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        floor(cast.acme, **wrong)


def test_a_team_that_goes_takes_its_floors_along(cast: Cast) -> None:
    floor(cast.acme)
    floor(cast.globex)
    cast.acme.delete()
    assert Floor.objects.get().team == cast.globex
