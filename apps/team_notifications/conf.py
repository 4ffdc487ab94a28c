"""The module's settings: ``TEAM_NOTIFICATIONS = {"DIRECTORY": "teams.permissions.Directory", …}``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
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
}


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

    @property
    def preferences(self) -> dict[str, Any]:
        """What holds for a member when neither they nor their team chose."""
        return {**DEFAULT_PREFERENCES, **self.defaults}


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
    return apps.get_model(django_settings.TEAM_NOTIFICATIONS_TEAM_MODEL)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "TEAM_NOTIFICATIONS":
        settings.cache_clear()
        directory.cache_clear()


setting_changed.connect(_forget, dispatch_uid="team_notifications.conf")
