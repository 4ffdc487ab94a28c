"""What a member chose, what holds, and where it comes from."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from team_notifications import preferences
from team_notifications.levels import Level
from team_notifications.models import Preference
from team_notifications.preferences import Choice, Origin
from teams.models import Team
from tests.cast import Cast
from users.models import User


def choice(user: User, team: Team | None, field: str = "in_app_level") -> Choice:
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    return scope.choices[field]


def test_a_member_has_one_scope_everywhere_and_one_for_each_team_by_name(cast: Cast) -> None:
    assert [scope.team for scope in preferences.scopes(cast.bob)] == [None, cast.acme, cast.globex]
    assert [scope.team for scope in preferences.scopes(cast.oscar)] == [None]


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
        ({"volume": 11}, TypeError, "volume"),
    ],
)
def test_a_bad_value_raises_naming_it_and_nothing_is_stored(
    cast: Cast, values: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as raised:
        preferences.choose(cast.vera, cast.acme, **{"email_level": Level.ERROR, **values})
    assert text in str(raised.value)
    assert not Preference.objects.exists()


@pytest.mark.parametrize("scope", ["user and team", "user everywhere", "default of a team"])
def test_there_is_one_row_for_each_scope(cast: Cast, scope: str) -> None:
    keys = {
        "user and team": {"user": cast.vera, "team": cast.acme},
        "user everywhere": {"user": cast.vera},
        "default of a team": {"team": cast.acme},
    }[scope]
    Preference.objects.create(**keys)
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(**keys)


def test_a_preference_is_somebodys(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        Preference.objects.create()
