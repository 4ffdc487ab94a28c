"""Wrong settings fail at start, each with its id."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings
from django.utils.translation import gettext_lazy

from team_notifications import conf
from team_notifications.checks import check_kinds
from team_notifications.kinds import Kind
from team_notifications.levels import Level
from teams.apps import TeamsConfig
from tests.kinds import kind, registered


def ids(prefix: str) -> list[str]:
    found = run_checks(databases=["default"])
    return [message.id for message in found if message.id and message.id.startswith(prefix)]


def with_settings(**changes: Any) -> override_settings:
    needed = {"DIRECTORY": "teams.permissions.Directory", "SITE_URL": "https://app.example.com"}
    return override_settings(TEAM_NOTIFICATIONS={**needed, **changes})


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
        ({"FANOUT_CHUNK": True}, "team_notifications.E003"),
        ({"PAGE_SIZE": -1}, "team_notifications.E003"),
        ({"RENOTIFY_AFTER": 24}, "team_notifications.E003"),
        ({"RENOTIFY_AFTER": timedelta()}, "team_notifications.E003"),
        ({"DEFAULTS": {"in_app_volume": 11}}, "team_notifications.E004"),
        ({"DEFAULTS": {"in_app_level": 25}}, "team_notifications.E004"),
        ({"DEFAULTS": {"in_app_enabled": "yes"}}, "team_notifications.E004"),
        ({"DEFAULTS": {"email_enabled": None}}, "team_notifications.E004"),
        ({"DEFAULTS": {"email_level": "30"}}, "team_notifications.E004"),
        ({"DEFAULTS": {"email_frequency": "yearly"}}, "team_notifications.E004"),
        ({"DEFAULTS": {"email_frequency": ""}}, "team_notifications.E004"),
        ({"DEFAULTS": {"digest_hour": 24}}, "team_notifications.E004"),
        ({"DEFAULTS": {"digest_hour": True}}, "team_notifications.E004"),
        ({"DEFAULTS": {"digest_weekday": "Monday"}}, "team_notifications.E004"),
        ({"DEFAULTS": {"quiet_from": "22:00"}}, "team_notifications.E004"),
        ({"MAX_AGE_DAYS": 0}, "team_notifications.E003"),
        ({"TEAM_SETTINGS_PERMISSION": "change_team"}, "team_notifications.E031"),
        ({"TEAM_SETTINGS_PERMISSION": 7}, "team_notifications.E031"),
        ({"FLOOR_PERMISSIONS": "teams.change_team"}, "team_notifications.E031"),
        ({"FLOOR_PERMISSIONS": ["teams.change_team", "admins"]}, "team_notifications.E031"),
        ({"FLOOR_PERMISSIONS": [None]}, "team_notifications.E031"),
        ({"FLOOR_PERMISSIONS": 7}, "team_notifications.E031"),
        ({"MAX_AGE_DAYS": "90"}, "team_notifications.E003"),
        ({"CLEANUP_CHUNK": 0}, "team_notifications.E003"),
        ({"DEFAULTS": {"retention_days": 0}}, "team_notifications.E004"),
        ({"DEFAULTS": {"retention_days": "a week"}}, "team_notifications.E004"),
        ({"MAX_AGE_DAYS": 1_000_000}, "team_notifications.E030"),
        ({"UNREAD_MAX_AGE_DAYS": 0}, "team_notifications.E030"),
        ({"UNREAD_MAX_AGE_DAYS": -1}, "team_notifications.E030"),
        ({"UNREAD_MAX_AGE_DAYS": "30"}, "team_notifications.E030"),
        ({"UNREAD_MAX_AGE_DAYS": True}, "team_notifications.E030"),
        ({"MAX_AGE_DAYS": 30, "DEFAULTS": {"retention_days": 31}}, "team_notifications.E030"),
        ({"SITE_URL": ""}, "team_notifications.W002"),
        ({"SITE_URL": "app.example.com"}, "team_notifications.W002"),
        ({"SITE_URL": "ftp://app.example.com"}, "team_notifications.W002"),
        ({"SITE_URL": "https://app.example.com:port"}, "team_notifications.W002"),
        ({"SITE_URL": "https://app.example.com/?a=b"}, "team_notifications.W002"),
    ],
)
def test_a_wrong_setting_is_reported(changes: dict[str, Any], check: str) -> None:
    with with_settings(**changes):
        assert ids("team_notifications") == [check]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"SITE_URL": "http://127.0.0.1:8000"},
        {"SITE_URL": "https://example.com/app/"},
        {"SITE_URL": "", "DEFAULTS": {"email_enabled": False}},
        {"DEFAULTS": {"email_frequency": "daily", "email_level": Level.ERROR, "quiet_from": time(23, 15)}},
    ],
)
def test_a_right_setting_is_not(changes: dict[str, Any]) -> None:
    with with_settings(**changes):
        assert ids("team_notifications") == []


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


# ---- kinds ----------------------------------------------------------------------------------------------------------


def told_about_kinds(*kinds: Kind) -> list[str]:
    with registered(*kinds):
        return [message.msg for message in check_kinds(None)]


def test_two_kinds_with_one_slug_are_reported() -> None:
    [message] = told_about_kinds(kind(), kind(label="Another"))
    assert message == "There are two kinds 'ai-cluster-complete': Another."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "{cluster}"}, "'{cluster}': there is no such name here; there is {clusters}, {keywords}."),
        ({"message": gettext_lazy("{keywords} {when}")}, "'{when}': there is no such name here"),
        ({"title": "{keywords.__class__}"}, "'{keywords.__class__}' is no placeholder"),
        ({"title": " "}, "holds no readable character"),
        ({"label": ""}, "The label '' holds no readable character"),
        ({"category": None}, "The category is text, not None"),
        ({"title": None}, "The title is text, not None"),
        ({"slug": "AI cluster"}, "'AI cluster' is not a slug"),
        ({"level": 7}, "7 is not a level"),
        ({"permissions": "teams.view_team"}, "Permissions are a list of names"),
        ({"params": {"clusters": 1, "keywords": object()}}, "Param 'keywords' is of type object"),
        ({"params": {"clusters": 1, "keywords": 2, "no name": 3}}, "'{no name}' is no placeholder"),
    ],
)
def test_a_kind_that_makes_no_sense_is_reported(changes: dict[str, Any], told: str) -> None:
    messages = told_about_kinds(kind(**changes))
    assert any(f"The kind {kind(**changes).slug!r}: " in message and told in message for message in messages), messages


def test_a_kind_that_makes_sense_is_not_reported() -> None:
    assert told_about_kinds(kind(params={"clusters": gettext_lazy("many"), "keywords": 2})) == []


@pytest.mark.django_db
def test_kinds_are_checked_at_start() -> None:
    with registered(kind(), kind(), kind(slug="a-b", title="{x}")):
        assert ids("team_notifications") == ["team_notifications.E020", "team_notifications.E021"]
