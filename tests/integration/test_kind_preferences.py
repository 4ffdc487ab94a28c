"""What a member chose for one kind: which channels it takes, beside what holds for every kind."""

import random
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction

from team_notifications import preferences
from team_notifications.delivery import mailings
from team_notifications.kind_preferences import ALL_CHANNELS, choose_channels, choose_channels_of_kinds, kind_choices
from team_notifications.levels import Level
from team_notifications.models import Delivery, KindPreference, Notification, Preference, UserNotification
from team_notifications.models.kind_preference import CHANNELS
from team_notifications.notify import create_notification, notify_user
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Choice, Origin
from team_notifications.sweeper import sweep
from teams.models import Team
from tests.cast import Cast
from tests.crowd import crowd
from tests.kinds import kind, registered
from tests.web import unread_slugs
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHOICES = [(), ("in_app",), ("email",), ("in_app", "email")]
KINDS = [kind(slug=slug) for slug in ("sync-failed", "credits-low", "user-notice")]


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False), registered(*KINDS):
        yield


def tell(team: Team, slug: str = "sync-failed", **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": slug, "title": slug, "level": "error", **changes})


def mailed(at: datetime = NOON) -> list[tuple[str, str]]:
    """Sends what is due at that time: who got a mail, and its subject."""
    mail.outbox.clear()
    with time_machine.travel(at, tick=False):
        mailings.deliver()
    return sorted((message.to[0].partition("@")[0], message.subject) for message in mail.outbox)


def mailed_to(at: datetime = NOON) -> list[str]:
    return [name for name, _subject in mailed(at)]


def choice(user: User, team: Team | None = None, slug: str = "sync-failed") -> Choice:
    return kind_choices(user, team)[slug]


# ---- what reaches a member ------------------------------------------------------------------------------------------


def test_in_app_only_is_in_the_inbox_and_in_no_mail(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=["in_app"])
    tell(cast.acme)
    assert unread_slugs(cast.vera) == {"sync-failed"}
    assert mailed_to() == ["alice", "bob", "ed"]


def test_email_only_is_mailed_and_not_in_the_inbox(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=["email"])
    tell(cast.acme)
    assert unread_slugs(cast.vera) == set()
    assert mailed_to() == ["alice", "bob", "ed", "vera"]


def test_no_channel_leaves_neither_row_nor_mail(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=[])
    tell(cast.acme)
    assert not UserNotification.objects.filter(user=cast.vera).exists()
    assert mailed_to() == ["alice", "bob", "ed"]


def test_both_channels_are_what_holds_without_a_choice(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=["email", "in_app"])
    tell(cast.acme)
    assert unread_slugs(cast.vera) == unread_slugs(cast.ed) == {"sync-failed"}
    assert mailed_to() == ["alice", "bob", "ed", "vera"]


def test_other_kinds_are_unaffected(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", channels=[])
    tell(cast.acme, "credits-low")
    tell(cast.acme, "no-kind-at-all")
    assert unread_slugs(cast.vera) == {"credits-low", "no-kind-at-all"}


def test_other_members_and_other_teams_are_unaffected(cast: Cast) -> None:
    choose_channels(cast.bob, "sync-failed", cast.acme, channels=[])
    for team in (cast.acme, cast.globex):
        tell(team)
    assert set(UserNotification.objects.filter(user=cast.bob).values_list("team", flat=True)) == {cast.globex.pk}
    for user in (cast.alice, cast.ed, cast.vera, cast.grace):
        assert unread_slugs(user) == {"sync-failed"}


def test_the_choice_for_a_team_goes_over_that_for_everywhere(cast: Cast) -> None:
    choose_channels(cast.bob, "sync-failed", channels=[])
    choose_channels(cast.bob, "sync-failed", cast.globex, channels=["in_app"])
    for team in (cast.acme, cast.globex):
        tell(team)
    assert set(UserNotification.objects.filter(user=cast.bob).values_list("team", flat=True)) == {cast.globex.pk}
    assert "bob" not in mailed_to()


def test_a_choice_that_is_taken_back_is_inherited_again(cast: Cast) -> None:
    choose_channels(cast.vera, "sync-failed", channels=["in_app"])
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=[])
    choose_channels(cast.vera, "sync-failed", cast.acme, channels=None)
    tell(cast.acme)
    assert unread_slugs(cast.vera) == {"sync-failed"}
    assert "vera" not in mailed_to()
    choose_channels(cast.vera, "sync-failed", channels=None)
    assert not KindPreference.objects.exists()
    tell(cast.acme, event_data={"again": True})
    assert "vera" in mailed_to()


def test_a_kind_opens_no_channel_that_is_off_or_whose_threshold_is_higher(cast: Cast) -> None:
    preferences.choose(cast.vera, in_app_enabled=False)
    preferences.choose(cast.ed, email_level=Level.ERROR)
    for user in (cast.vera, cast.ed):
        choose_channels(user, "sync-failed", cast.acme, channels=ALL_CHANNELS)
    tell(cast.acme, level="warning")
    assert unread_slugs(cast.vera) == set()
    assert mailed_to() == ["alice", "bob", "vera"]


def test_who_switched_one_channel_off_and_wants_only_that_for_the_kind_is_not_told(cast: Cast) -> None:
    preferences.choose(cast.vera, in_app_enabled=False)
    choose_channels(cast.vera, "sync-failed", channels=["in_app"])
    tell(cast.acme)
    assert not UserNotification.objects.filter(user=cast.vera).exists()


def test_the_rest_of_a_large_team_is_asked_too(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 1}
    for user in (cast.alice, cast.ed, cast.vera, cast.bob):
        choose_channels(user, "sync-failed", channels=["in_app"] if user == cast.bob else [])
    tell(cast.acme)
    sweep()
    assert UserNotification.objects.get().user == cast.bob
    assert not Delivery.objects.exists()


# ---- one user -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", CHOICES, ids=str)
@pytest.mark.parametrize("scope", ["team", "everywhere"])
def test_notices_to_one_user_are_a_kind_as_well(cast: Cast, scope: str, channels: Collection[str]) -> None:
    choose_channels(cast.vera, "user-notice", cast.acme if scope == "team" else None, channels=channels)
    row = notify_user(cast.vera, "Your export failed", level="error", team=cast.acme)
    assert (row is not None and row.in_app) is ("in_app" in channels)
    assert Delivery.objects.exists() is ("email" in channels)
    assert (row is None) is (not channels)
    assert notify_user(cast.ed, "Your export failed", team=cast.acme) is not None


@pytest.mark.parametrize("channels", CHOICES, ids=str)
def test_of_personal_ones_the_choice_for_everywhere_holds(cast: Cast, channels: Collection[str]) -> None:
    choose_channels(cast.vera, "user-notice", channels=channels)
    choose_channels(cast.vera, "user-notice", cast.acme, channels=[])
    row = notify_user(cast.vera, "Your export failed", level="error")
    assert (row is not None and row.in_app) is ("in_app" in channels)
    assert mailed_to() == (["vera"] if "email" in channels else [])


# ---- every combination ----------------------------------------------------------------------------------------------

OWN = [None, *CHOICES]


def told_in(team: Team) -> dict[User, set[str]]:
    """Through which channels each member was told; nobody is left out."""
    rows = {row.user: row for row in UserNotification.objects.filter(team=team).select_related("user")}
    owed = set(Delivery.objects.filter(team=team).values_list("user", flat=True))
    used = {user: {"in_app"} if user in rows and rows[user].in_app else set() for user in team.members.all()}
    for user, channels in used.items():
        if user.pk in owed:
            channels.add("email")
    assert {user for user, channels in used.items() if channels} == set(rows)  # a row for whom a channel reaches
    return used


def test_a_channel_is_used_when_it_is_on_and_the_first_choice_for_the_kind_names_it(db: None) -> None:
    combinations = list(product(OWN, OWN, CHOICES))
    team = crowd(len(combinations))
    expected: dict[User, set[str]] = {}
    for user, (here, everywhere, switched_on) in zip(team.members.all(), combinations, strict=True):
        on = {f"{channel}_enabled": channel in switched_on for channel in CHANNELS}
        Preference.objects.create(user=user, team=team, **on)
        for scope, channels in ((team, here), (None, everywhere)):
            choose_channels(user, "sync-failed", scope, channels=channels)
        chosen = next((channels for channels in (here, everywhere) if channels is not None), CHANNELS)
        expected[user] = set(switched_on) & set(chosen)
    tell(team)
    assert told_in(team) == expected
    mailings.deliver()
    assert {message.to[0] for message in mail.outbox} == {
        user.email for user, channels in expected.items() if "email" in channels
    }


@pytest.mark.parametrize("seed", range(8))
def test_asking_each_member_by_themselves_comes_to_the_same(db: None, seed: int) -> None:
    """Switches, thresholds and choices at random, beside an oracle in plain Python."""
    draw = random.Random(seed)
    team, elsewhere = crowd(40), crowd(1, name="Elsewhere")
    slugs = ("sync-failed", "credits-low")
    for user, scope in product(team.members.all(), (team, elsewhere, None)):
        if draw.random() < 0.6:
            switches = {f"{channel}_enabled": draw.choice([None, True, True, False]) for channel in CHANNELS}
            levels = {f"{channel}_level": draw.choice([None, 20, 30, 40]) for channel in CHANNELS}
            Preference.objects.create(user=user, team=scope, **switches, **levels)
        KindPreference.objects.bulk_create(
            KindPreference(user=user, team=scope, slug=slug, channels=draw.choice(CHOICES))
            for slug in slugs
            if draw.random() < 0.6
        )
    level, slug = draw.choice(list(Level)), draw.choice([*slugs, "user-notice"])
    tell(team, slug, level=level)
    assert told_in(team) == {user: _used(user, team, slug, level) for user in team.members.all()}


def _used(user: User, team: Team, slug: str, level: Level) -> set[str]:
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    wanted = kind_choices(user, team)[slug].effective
    return {
        channel
        for channel in wanted
        if scope.choices[f"{channel}_enabled"].effective and scope.choices[f"{channel}_level"].effective <= level.weight
    }


# ---- the last look --------------------------------------------------------------------------------------------------


def daily(user: User) -> None:
    preferences.choose(user, email_frequency="daily", email_instant_level=Level.ERROR, digest_hour=18)


def test_a_choice_that_changed_while_a_digest_waits_is_honoured(cast: Cast) -> None:
    for user in (cast.vera, cast.ed):
        daily(user)
    for slug in ("sync-failed", "credits-low"):
        tell(cast.acme, slug, level="warning", recipients=[cast.vera, cast.ed])
    assert mailed() == []
    choose_channels(cast.vera, "credits-low", cast.acme, channels=["in_app"])
    evening = NOON.replace(hour=18)
    subjects = dict(mailed(evening))
    assert set(subjects) == {"vera", "ed"}
    dropped = Delivery.objects.get(state=Delivery.State.DROPPED)
    assert (dropped.user, dropped.user_notification.notification.slug) == (cast.vera, "credits-low")
    assert dropped.last_error == "The member may no longer know, or no longer wants a mail."
    assert "sync-failed" in subjects["vera"]
    assert subjects["ed"] != subjects["vera"]


def test_threads_that_differ_in_their_kind_alone_are_asked_apart(cast: Cast) -> None:
    for slug in ("sync-failed", "credits-low"):
        tell(cast.acme, slug, recipients=[cast.vera])
    choose_channels(cast.vera, "sync-failed", channels=[])
    mailed()
    states = dict(Delivery.objects.values_list("user_notification__notification__slug", "state"))
    assert states == {"sync-failed": "dropped", "credits-low": "sent"}


def test_a_choice_taken_back_while_the_mail_waits_lets_it_go(cast: Cast) -> None:
    tell(cast.acme, recipients=[cast.vera])
    choose_channels(cast.vera, "sync-failed", channels=[])
    choose_channels(cast.vera, "sync-failed", channels=None)
    assert mailed_to() == ["vera"]


def test_what_is_held_is_looked_at_again_after_the_commit(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    preferences.choose(cast.vera, quiet_hours=True, quiet_from=time(11), quiet_until=time(20))
    tell(cast.acme, recipients=[cast.vera])
    assert mailed() == []
    held = Delivery.objects.get()
    assert held.due_at > NOON
    with django_capture_on_commit_callbacks(execute=True):
        choose_channels(cast.vera, "sync-failed", cast.acme, channels=["in_app"])
    mailed()
    held.refresh_from_db()
    assert held.state == Delivery.State.DROPPED


# ---- what holds, and where it comes from ----------------------------------------------------------------------------


def test_the_first_answer_holds_and_says_where_it_comes_from(cast: Cast) -> None:
    here = choice(cast.bob, cast.acme)
    assert (here.own, here.effective, here.origin) == (None, ALL_CHANNELS, Origin.SETTING)
    choose_channels(cast.bob, "sync-failed", channels=["email"])
    here = choice(cast.bob, cast.acme)
    assert (here.own, here.effective, here.origin) == (None, {"email"}, Origin.EVERYWHERE)
    choose_channels(cast.bob, "sync-failed", cast.acme, channels=[])
    here = choice(cast.bob, cast.acme)
    assert (here.own, here.effective, here.origin) == (frozenset(), frozenset(), Origin.HERE)
    assert (here.inherited, here.inherited_from) == ({"email"}, Origin.EVERYWHERE)
    everywhere = choice(cast.bob)
    assert (everywhere.own, everywhere.inherited, everywhere.inherited_from) == (
        {"email"},
        ALL_CHANNELS,
        Origin.SETTING,
    )
    assert choice(cast.bob, cast.globex).effective == {"email"}
    assert choice(cast.vera, cast.acme).origin == choice(cast.bob, slug="credits-low").origin == Origin.SETTING


def test_there_is_a_choice_for_each_registered_kind(cast: Cast) -> None:
    assert set(kind_choices(cast.vera)) >= {"sync-failed", "credits-low", "custom-action-down"}


def test_a_choice_for_a_kind_that_is_gone_is_named_and_can_be_taken_back(cast: Cast) -> None:
    gone = "of-a-feature-that-is-gone"
    KindPreference.objects.create(user=cast.vera, slug=gone, channels=["email"])
    assert gone not in kind_choices(cast.ed)
    assert kind_choices(cast.vera)[gone].own == {"email"}
    assert kind_choices(cast.vera, cast.acme)[gone].inherited == {"email"}
    choose_channels(cast.vera, gone, channels=None)
    assert gone not in kind_choices(cast.vera)
    with pytest.raises(ValueError, match="There is no kind 'of-a-feature-that-is-gone'"):
        choose_channels(cast.vera, gone, channels=["email"])


def test_several_are_chosen_at_once_and_the_others_stay(cast: Cast) -> None:
    choose_channels(cast.vera, "user-notice", channels=["email"])
    choose_channels_of_kinds(cast.vera, {"sync-failed": [], "credits-low": ["in_app"]})
    choose_channels_of_kinds(cast.vera, {"sync-failed": None, "credits-low": ["email"]})
    chosen = {slug: here.own for slug, here in kind_choices(cast.vera).items() if here.own is not None}
    assert chosen == {"user-notice": {"email"}, "credits-low": {"email"}}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"slug": "sync-fialed"}, ValueError, "There is no kind 'sync-fialed'; there are custom-action-down, "),
        ({"slug": "SYNC"}, ValueError, "There is no kind 'SYNC'"),
        ({"channels": ["fax"]}, ValueError, "There is no channel 'fax'; there are in_app, email."),
        ({"channels": ["email", "fax"]}, ValueError, "There is no channel 'fax'"),
        ({"channels": "email"}, TypeError, "Channels are a list of names like ['in_app', 'email'], not 'email'."),
        ({"channels": 3}, TypeError, "not 3."),
        ({"team": PERSONAL}, ValueError, "PERSONAL has no kinds to choose for"),
        ({"team": "acme"}, TypeError, "The team is a teams.Team, not 'acme'."),
        ({"team": Team(name="New")}, ValueError, "is not saved yet"),
        ({"user": User(email="new@example.com")}, ValueError, "is not saved yet"),
        ({"user": "vera"}, TypeError, "'vera'"),
    ],
    ids=str,
)
def test_nonsense_raises_naming_it_and_nothing_is_stored(
    cast: Cast, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    choose_channels(cast.vera, "sync-failed", channels=["email"])
    before = list(KindPreference.objects.values())
    with pytest.raises(error) as raised:
        choose_channels(**{"user": cast.vera, "slug": "sync-failed", "channels": [], **changes})
    assert said in str(raised.value)
    assert list(KindPreference.objects.values()) == before


def test_of_several_one_that_is_wrong_stores_none(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(ValueError, match="fax"):
        choose_channels_of_kinds(cast.vera, {"sync-failed": [], "credits-low": ["fax"]})
    assert not KindPreference.objects.exists()
    assert callbacks == []


# ---- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("team", ["acme", None])
def test_there_is_one_row_for_each_scope_and_slug(cast: Cast, team: str | None) -> None:
    keys = {"user": cast.vera, "team": team and getattr(cast, team), "slug": "sync-failed"}
    KindPreference.objects.create(**keys, channels=["email"])
    with pytest.raises(IntegrityError), transaction.atomic():
        KindPreference.objects.create(**keys, channels=[])


def test_scopes_and_slugs_of_a_user_stand_side_by_side(cast: Cast) -> None:
    for team, slug, user in product(
        [None, cast.acme, cast.globex], ["sync-failed", "credits-low"], [cast.bob, cast.ed]
    ):
        KindPreference.objects.create(user=user, team=team, slug=slug, channels=[])
    assert KindPreference.objects.count() == 12


def test_a_user_or_a_team_that_goes_takes_its_choices_along(cast: Cast) -> None:
    for user, team in ((cast.bob, cast.acme), (cast.bob, cast.globex), (cast.vera, None)):
        choose_channels(user, "sync-failed", team, channels=[])
    cast.vera.delete()
    cast.acme.delete()
    assert KindPreference.objects.get().team == cast.globex
