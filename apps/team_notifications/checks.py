"""Wrong settings fail at start, with an id and a hint."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from team_notifications import conf
from team_notifications.directory import TeamDirectory
from team_notifications.levels import Threshold
from team_notifications.models import UserNotification

HTMX = "django_htmx.middleware.HtmxMiddleware"
METHODS = [name for name in vars(TeamDirectory) if not name.startswith("_")]


@register
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001: an unknown setting. E002: no usable directory. E003, E004: values that make no sense. E006: no htmx."""
    try:
        settings = conf.load()
    except ImproperlyConfigured as error:
        return [_error(1, str(error), "Correct the name, or remove the setting.")]
    return [*_check_directory(settings), *_check_chunk(settings), *_check_defaults(settings), *_check_middleware()]


@register(Tags.database)
def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """E005: a database whose upserts and locks the module does not know. W001: SQLite that loses races."""
    alias = router.db_for_write(UserNotification)
    if alias not in (databases or []):
        return []
    connection = connections[alias]
    if connection.vendor not in {"postgresql", "sqlite"}:
        return [_error(5, f"The database {alias!r} is {connection.display_name}.", "Use PostgreSQL or SQLite.")]
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode")
    if connection.vendor == "sqlite" and mode != "IMMEDIATE":
        return [
            Warning(
                f"SQLite's transaction_mode is {mode or 'DEFERRED'}: of two that report at once, one fails.",
                hint='Set DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}.',
                id="team_notifications.W001",
            )
        ]
    return []


def _check_directory(settings: conf.Settings) -> list[CheckMessage]:
    try:
        directory = conf.load_directory(settings)
    except (ImproperlyConfigured, ImportError) as error:
        return [_error(2, str(error), 'TEAM_NOTIFICATIONS = {"DIRECTORY": "teams.permissions.Directory"}')]
    missing = [name for name in METHODS if not callable(getattr(type(directory), name, None))]
    if missing:
        hint = "Implement team_notifications.directory.TeamDirectory."
        return [_error(2, f"{settings.directory} has no method {', '.join(missing)}.", hint)]
    return []


def _check_chunk(settings: conf.Settings) -> list[CheckMessage]:
    chunk = settings.fanout_chunk
    if isinstance(chunk, int) and chunk > 0:
        return []
    return [_error(3, f"FANOUT_CHUNK is {chunk!r}.", "A whole number of members, at least 1.")]


def _check_defaults(settings: conf.Settings) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, value in settings.defaults.items():
        if name not in conf.DEFAULT_PREFERENCES:
            hint = f"There are {', '.join(conf.DEFAULT_PREFERENCES)}."
            found.append(_error(4, f"DEFAULTS has no preference {name!r}.", hint))
        elif name.endswith("_level") and value not in Threshold.values:
            found.append(_error(4, f"DEFAULTS[{name!r}] is {value!r}.", f"A threshold: one of {Threshold.values}."))
        elif name.endswith("_enabled") and not isinstance(value, bool):
            found.append(_error(4, f"DEFAULTS[{name!r}] is {value!r}.", "True or False."))
    return found


def _check_middleware() -> list[CheckMessage]:
    if HTMX in django_settings.MIDDLEWARE:
        return []
    return [_error(6, "The pages ask each request whether htmx sent it.", f"Add {HTMX!r} to MIDDLEWARE.")]


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"team_notifications.E{number:03}")
