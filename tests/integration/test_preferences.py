"""What a member chose, what holds, and where it comes from."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from team_notifications import preferences
from team_notifications.levels import Level
from team_notifications.models import Delivery, Preference
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Choice, Origin
from teams.models import Team
from tests.cast import Cast
from tests.web import tell
from users.models import User


def choice(user: User, team: Team | None, field: str = "in_app_level") -> Choice:
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    return scope.choices[field]


def test_a_member_has_a_scope_everywhere_one_for_personal_ones_and_one_for_each_team_by_name(cast: Cast) -> None:
    assert [scope.team for scope in preferences.scopes(cast.bob)] == [None, PERSONAL, cast.acme, cast.globex]
    assert [scope.team for scope in preferences.scopes(cast.oscar)] == [None, PERSONAL]


def test_the_first_answer_holds_and_says_where_it_comes_from(cast: Cast) -> None:
    here = choice(cast.vera, cast.acme)
    assert (here.own, here.effective, here.origin) == (None, Level.INFO, Origin.SETTING)

    Preference.objects.create(team=cast.acme, in_app_level=Level.WARNING)
    here = choice(cast.vera, cast.acme)
    assert (here.own, here.effective, here.origin) == (None, Level.WARNING, Origin.TEAM)

    preferences.choose(cast.vera, in_app_level=Level.ERROR)
    here = choice(cast.vera, cast.acme)
    assert (here.own, here.effective, here.origin) == (None, Level.ERROR, Origin.EVERYWHERE)

    preferences.choose(cast.vera, cast.acme, in_app_level=Level.INFO)
    here = choice(cast.vera, cast.acme)
    assert (here.own, here.effective, here.origin) == (Level.INFO, Level.INFO, Origin.HERE)
    assert (here.inherited, here.inherited_from) == (Level.ERROR, Origin.EVERYWHERE)


def test_what_is_chosen_for_one_team_says_nothing_about_another(cast: Cast) -> None:
    preferences.choose(cast.bob, cast.acme, in_app_enabled=False)
    assert choice(cast.bob, cast.acme, "in_app_enabled").effective is False
    assert choice(cast.bob, cast.globex, "in_app_enabled").effective is True
    assert choice(cast.alice, cast.acme, "in_app_enabled").effective is True


def test_switched_off_is_a_choice_and_not_an_empty_answer(cast: Cast) -> None:
    preferences.choose(cast.vera, in_app_enabled=True)
    preferences.choose(cast.vera, cast.acme, in_app_enabled=False)
    assert choice(cast.vera, cast.acme, "in_app_enabled").effective is False


def test_the_end_of_the_cascade_is_a_setting(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DEFAULTS": {"in_app_level": Level.ERROR}}
    assert choice(cast.vera, cast.acme).effective == Level.ERROR
    assert choice(cast.vera, cast.acme, "in_app_enabled").effective is True


def test_a_choice_can_be_taken_back_and_leaves_no_row(cast: Cast) -> None:
    preferences.choose(cast.vera, cast.acme, in_app_level=Level.ERROR, in_app_enabled=False)
    preferences.choose(cast.vera, cast.acme, in_app_level=None)
    assert Preference.objects.get().in_app_enabled is False
    preferences.choose(cast.vera, cast.acme, in_app_enabled=None)
    assert not Preference.objects.exists()


def test_choosing_nothing_stores_nothing(cast: Cast) -> None:
    preferences.choose(cast.vera, cast.acme, in_app_level=None)
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"in_app_level": 25}, ValidationError, "25"),
        ({"in_app_level": "loud"}, ValidationError, "loud"),
        ({"in_app_enabled": "perhaps"}, ValidationError, "perhaps"),
        ({"email_frequency": "yearly"}, ValidationError, "'yearly'"),
        ({"email_frequency": ""}, ValidationError, "email_frequency"),
        ({"email_instant_level": 25}, ValidationError, "email_instant_level"),
        ({"digest_hour": 24}, ValidationError, "24"),
        ({"digest_hour": -1}, ValidationError, "-1"),
        ({"digest_weekday": 7}, ValidationError, "digest_weekday"),
        ({"quiet_from": "25:00"}, ValidationError, "25:00"),
        ({"quiet_hours": "perhaps"}, ValidationError, "quiet_hours"),
        ({"retention_days": 0}, ValidationError, "retention_days"),
        ({"retention_days": -1}, ValidationError, "-1"),
        ({"retention_days": "a week"}, ValidationError, "a week"),
        ({"retention_days": 40_000}, ValidationError, "40000"),
        ({"volume": 11}, TypeError, "volume"),
        ({"do_not_disturb_until": None}, TypeError, "do_not_disturb_until"),
    ],
)
def test_a_bad_value_raises_naming_it_and_nothing_is_stored(
    cast: Cast, values: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as raised:
        preferences.choose(cast.vera, cast.acme, **{"email_level": Level.ERROR, **values})
    assert text in str(raised.value)
    assert not Preference.objects.exists()


def test_every_preference_cascades(cast: Cast) -> None:
    values = {
        "email_enabled": False,
        "email_level": Level.ERROR,
        "email_frequency": "weekly",
        "email_instant_level": Level.WARNING,
        "digest_hour": 0,
        "digest_weekday": 6,
        "quiet_hours": True,
        "quiet_from": time(0),
        "quiet_until": time(5, 30),
        "quiet_except_errors": True,
        "retention_days": 30,
    }
    Preference.objects.create(team=cast.acme, **values)
    for field, value in values.items():
        here = choice(cast.vera, cast.acme, field)
        assert (field, here.effective, here.origin) == (field, value, Origin.TEAM)
        preferences.choose(cast.vera, **{field: here.inherited})
        assert choice(cast.vera, cast.acme, field).origin == Origin.EVERYWHERE
        assert choice(cast.bob, cast.globex, field).origin == Origin.SETTING


def test_texts_are_kept_as_what_they_say(cast: Cast) -> None:
    preferences.choose(cast.vera, digest_hour="7", quiet_from="21:30", email_enabled="False")
    chosen = Preference.objects.get()
    assert (chosen.digest_hour, chosen.quiet_from, chosen.email_enabled) == (7, time(21, 30), False)


# ---- do not disturb -------------------------------------------------------------------------------------------------


def undisturbed(user: User) -> list[datetime | None]:
    """Everywhere, for personal ones, then by team."""
    return [scope.do_not_disturb_until for scope in preferences.scopes(user)]


def test_do_not_disturb_is_for_one_team_or_for_all_and_cascades_nowhere(cast: Cast) -> None:
    later, latest = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(days=1)
    preferences.do_not_disturb(cast.bob, cast.acme, until=later)
    assert undisturbed(cast.bob) == [None, None, later, None]
    preferences.do_not_disturb(cast.bob, until=latest)
    assert undisturbed(cast.bob) == [latest, None, later, None]
    preferences.do_not_disturb(cast.bob, PERSONAL, until=later)
    assert undisturbed(cast.bob) == [latest, later, later, None]
    assert undisturbed(cast.vera) == [None, None, None]


def test_do_not_disturb_is_over_when_its_time_has_passed_and_can_be_ended(cast: Cast) -> None:
    until = timezone.now() + timedelta(hours=1)
    preferences.do_not_disturb(cast.vera, until=until)
    with time_machine.travel(until, tick=False):
        assert undisturbed(cast.vera) == [None, None, None]
    preferences.do_not_disturb(cast.vera, until=None)
    assert not Preference.objects.exists()


def test_a_choice_that_is_taken_back_does_not_end_it(cast: Cast) -> None:
    until = timezone.now() + timedelta(hours=1)
    preferences.choose(cast.vera, email_enabled=False)
    preferences.do_not_disturb(cast.vera, until=until)
    preferences.choose(cast.vera, email_enabled=None)
    assert undisturbed(cast.vera) == [until, None, None]


def test_a_time_without_a_zone_is_refused(cast: Cast) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        preferences.do_not_disturb(cast.vera, until=datetime(2030, 1, 1))  # noqa: DTZ001
    assert not Preference.objects.exists()


# ---- what follows ---------------------------------------------------------------------------------------------------


def held(user: User, team: Team, **changes: Any) -> Delivery:
    """A delivery that waits for its digest."""
    tell(team, level="error")
    delivery = Delivery.objects.get(user=user, team=team)
    Delivery.objects.filter(pk=delivery.pk).update(**{"due_at": timezone.now() + timedelta(hours=9), **changes})
    return delivery


def is_due(delivery: Delivery) -> bool:
    return Delivery.objects.due("email", timezone.now()).filter(pk=delivery.pk).exists()


def test_what_is_held_is_looked_at_again_after_the_commit(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    acme, globex, others = held(cast.bob, cast.acme), held(cast.bob, cast.globex), held(cast.vera, cast.acme)
    with django_capture_on_commit_callbacks() as callbacks:
        preferences.choose(cast.bob, cast.acme, email_frequency="instant")
        assert not is_due(acme)
    for callback in callbacks:
        callback()
    assert [is_due(delivery) for delivery in (acme, globex, others)] == [True, True, False]


def test_the_end_of_do_not_disturb_too(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    delivery = held(cast.vera, cast.acme)
    with django_capture_on_commit_callbacks(execute=True):
        preferences.do_not_disturb(cast.vera, until=None)
    assert is_due(delivery)


def test_what_waits_after_a_failure_is_left_alone(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    failed = held(cast.bob, cast.acme, attempts=1, last_error="TimeoutError: no answer")
    sent = held(cast.ed, cast.acme, state=Delivery.State.SENT)
    with django_capture_on_commit_callbacks(execute=True):
        for user in (cast.bob, cast.ed):
            preferences.choose(user, email_frequency="instant")
    assert [is_due(delivery) for delivery in (failed, sent)] == [False, False]


def test_what_a_worker_has_stays_with_it_and_may_not_be_held_on_an_old_answer(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    leased = held(cast.vera, cast.acme, lease_until=timezone.now() + timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        preferences.choose(cast.vera, email_frequency="instant")
    assert is_due(leased)
    assert not Delivery.objects.filter(pk=leased.pk).unleased(timezone.now()).exists()


def test_nothing_follows_a_choice_that_was_refused(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(ValidationError):
        preferences.choose(cast.vera, email_frequency="yearly")
    assert callbacks == []


@pytest.mark.parametrize("scope", ["user and team", "user everywhere", "user for personal ones", "default of a team"])
def test_there_is_one_row_for_each_scope(cast: Cast, scope: str) -> None:
    keys = {
        "user and team": {"user": cast.vera, "team": cast.acme},
        "user everywhere": {"user": cast.vera},
        "user for personal ones": {"user": cast.vera, "personal": True},
        "default of a team": {"team": cast.acme},
    }[scope]
    Preference.objects.create(**keys)
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(**keys)


def test_the_scopes_of_a_user_stand_side_by_side(cast: Cast) -> None:
    for keys in ({}, {"personal": True}, {"team": cast.acme}):
        Preference.objects.create(user=cast.vera, **keys)
    assert Preference.objects.count() == 3


@pytest.mark.parametrize("keys", [{"team": "acme", "user": "vera"}, {"team": "acme"}], ids=["user and team", "team"])
def test_what_is_for_personal_ones_is_a_users_and_no_teams(cast: Cast, keys: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        Preference.objects.create(personal=True, **{field: getattr(cast, name) for field, name in keys.items()})


@pytest.mark.parametrize("days", [0, -1])
def test_nothing_is_kept_for_less_than_a_day(cast: Cast, days: int) -> None:
    with pytest.raises(IntegrityError):
        Preference.objects.create(user=cast.vera, retention_days=days)


def test_a_preference_is_somebodys(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        Preference.objects.create()
