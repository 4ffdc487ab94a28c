"""The module's settings: ``TEAM_NOTIFICATIONS = {"DIRECTORY": "teams.permissions.Directory", …}``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from functools import cache
from typing import Any, cast

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.models import Model
from django.utils.module_loading import import_string

from team_notifications.directory import TeamDirectory
from team_notifications.levels import Level

DEFAULT_PREFERENCES: dict[str, Any] = {
    "in_app_enabled": True,
    "in_app_level": Level.INFO,
    "email_enabled": True,
    "email_level": Level.WARNING,
    "email_frequency": "instant",
    "email_instant_level": Level.ERROR,
    "digest_hour": 8,
    "digest_weekday": 0,
    "quiet_hours": False,
    "quiet_from": time(22),
    "quiet_until": time(7),
    "quiet_except_errors": False,
    "retention_days": None,  # as long as MAX_AGE_DAYS
}


# The label of the host's model of a team, which the foreign keys of our models name.
TEAM_MODEL: str = getattr(django_settings, "TEAM_NOTIFICATIONS_TEAM_MODEL", "")
if not TEAM_MODEL:
    raise ImproperlyConfigured('Name the model of a team: TEAM_NOTIFICATIONS_TEAM_MODEL = "teams.Team".')


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One attribute for each key of ``TEAM_NOTIFICATIONS``, in lower case."""

    directory: str = ""  # dotted path of the TeamDirectory
    defaults: Mapping[str, Any] = field(default_factory=dict)  # the end of the cascade of preferences
    fanout_chunk: int = 5_000  # members told at once; the rest of a larger team is told by the worker
    renotify_after: timedelta = timedelta(hours=24)  # for members whom only email reaches
    page_size: int = 50  # threads on a page of the inbox
    bell_size: int = 10  # threads under the bell
    unread_cap: int = 99  # counts stop here and show a plus
    time_zone_field: str = "time_zone"  # the user's field with a name such as Europe/Lisbon; without it: TIME_ZONE
    language_field: str = "language"  # the user's field with a code such as pt-br; without it: LANGUAGE_CODE
    site_url: str = ""  # https://app.example.com, in front of the paths in mails
    site_name: str = "Team notifications"  # who the mails are from, in words
    delivery_batch: int = 200  # members whom a worker takes at once
    delivery_lease: timedelta = timedelta(minutes=5)  # after which another worker takes over; renewed before each mail
    max_attempts: int = 8  # tries of one delivery; with the backoff they span about a day
    digest_lines: int = 50  # threads in one mail; the rest is counted
    events_synchronous: bool = False  # handlers run right after the commit, in the process that published
    event_max_bytes: int = 65_536  # of one payload as JSON
    event_retention: timedelta = timedelta(days=30)  # after which the log of an event is deleted
    event_time_limit: timedelta = timedelta(minutes=2)  # that one handler may take for one event
    event_max_attempts: int = 8  # tries of one handler for one event; with the backoff they span about a day
    max_age_days: int = 90  # what was read or archived is kept so long, and history too; members may only shorten it
    unread_max_age_days: int | None = None  # None: what nobody read is kept
    cleanup_chunk: int = 10_000  # rows that one transaction of the cleanup looks at
    readers_permission: str = "team_notifications.view_readers"  # its holders see who has read a thread of their team
    team_settings_permission: str = ""  # of who looks after a team's notifications; empty: to change the team
    floor_permissions: Sequence[str] | None = None  # whose holders floors can be for; None: who looks after the team

    @property
    def preferences(self) -> dict[str, Any]:
        """What holds for a member when neither they nor their team chose."""
        return {**DEFAULT_PREFERENCES, "retention_days": self.max_age_days, **self.defaults}

    @property
    def team_admin_permission(self) -> str:
        """What somebody holds who looks after the notifications of a team."""
        app, _, model = TEAM_MODEL.partition(".")
        return self.team_settings_permission or f"{app}.change_{model.lower()}"

    @property
    def offered_floor_permissions(self) -> Sequence[str]:
        """Whose holders a floor can be for, besides every member."""
        return [self.team_admin_permission] if self.floor_permissions is None else self.floor_permissions


def load() -> Settings:
    """Reads the setting. Raises ImproperlyConfigured for a key that does not exist."""
    given: dict[str, Any] = getattr(django_settings, "TEAM_NOTIFICATIONS", {})
    known = {field.name.upper(): field.name for field in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ImproperlyConfigured(
            f"TEAM_NOTIFICATIONS has no setting {', '.join(unknown)}; there are {', '.join(known)}."
        )
    return Settings(**{known[key]: value for key, value in given.items()})


@cache
def settings() -> Settings:
    return load()


@cache
def directory() -> TeamDirectory:
    """The host's directory. Raises what `load_directory` raises."""
    return load_directory(settings())


def load_directory(settings: Settings) -> TeamDirectory:
    """Raises ImproperlyConfigured when no directory is named, and ImportError when it cannot be imported."""
    if not settings.directory:
        raise ImproperlyConfigured("TEAM_NOTIFICATIONS names no DIRECTORY.")
    return cast(TeamDirectory, import_string(settings.directory)())


def team_model() -> type[Model]:
    """The host's model of a team."""
    return apps.get_model(TEAM_MODEL)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "TEAM_NOTIFICATIONS":
        settings.cache_clear()
        directory.cache_clear()


setting_changed.connect(_forget, dispatch_uid="team_notifications.conf")
