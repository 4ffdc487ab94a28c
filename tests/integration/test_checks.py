"""Wrong settings fail at start, each with its id."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings

from team_notifications import conf
from teams.apps import TeamsConfig


def ids(prefix: str) -> list[str]:
    found = run_checks(databases=["default"])
    return [message.id for message in found if message.id and message.id.startswith(prefix)]


def with_settings(**changes: Any) -> override_settings:
    return override_settings(TEAM_NOTIFICATIONS={"DIRECTORY": "teams.permissions.Directory", **changes})


@pytest.mark.django_db
def test_the_project_itself_passes() -> None:
    assert ids("") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"FANOUT_CHUNKS": 5}, "team_notifications.E001"),
        ({"DIRECTORY": ""}, "team_notifications.E002"),
        ({"DIRECTORY": "teams.nowhere.Directory"}, "team_notifications.E002"),
        ({"DIRECTORY": "teams.models.Team"}, "team_notifications.E002"),
        ({"FANOUT_CHUNK": 0}, "team_notifications.E003"),
        ({"FANOUT_CHUNK": "many"}, "team_notifications.E003"),
        ({"DEFAULTS": {"in_app_volume": 11}}, "team_notifications.E004"),
        ({"DEFAULTS": {"in_app_level": 25}}, "team_notifications.E004"),
        ({"DEFAULTS": {"in_app_enabled": "yes"}}, "team_notifications.E004"),
    ],
)
def test_a_wrong_setting_is_reported(changes: dict[str, Any], check: str) -> None:
    with with_settings(**changes):
        assert ids("team_notifications") == [check]


@pytest.mark.django_db
def test_pages_without_the_middleware_that_they_need_are_reported(settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "htmx" not in name]
    assert ids("team_notifications") == ["team_notifications.E006"]


@pytest.mark.django_db
def test_an_unknown_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "mysql")
    assert ids("team_notifications") == ["team_notifications.E005"]


@pytest.mark.django_db
def test_sqlite_that_loses_races_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": "DEFERRED"})
    assert ids("team_notifications") == ["team_notifications.W001"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("declared", "check"), [({"Owner": []}, "teams.E001"), ({"Admin": ["teams.fly_team"]}, "teams.E002")]
)
def test_a_role_or_permission_that_does_not_exist_is_reported(
    declared: dict[str, list[str]], check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TeamsConfig, "role_permissions", declared)
    assert ids("teams") == [check]


def test_a_changed_setting_is_read_anew() -> None:
    with with_settings(UNREAD_CAP=5):
        assert conf.settings().unread_cap == 5
    assert conf.settings().unread_cap == 99
