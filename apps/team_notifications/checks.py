"""Wrong settings fail at start, with an id and a hint."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connections, router
from django.urls import NoReverseMatch, reverse

from team_notifications import conf, kinds, placeholders, preferences
from team_notifications.directory import TeamDirectory
from team_notifications.events import handlers, types
from team_notifications.identifiers import check_slug
from team_notifications.kinds import Kind
from team_notifications.levels import Level
from team_notifications.models import UserNotification
from team_notifications.report import check_permissions
from team_notifications.retention import LONGEST
from team_notifications.texts import clean_title
from team_notifications.wording import check_params

HTMX = "django_htmx.middleware.HtmxMiddleware"
METHODS = [name for name in vars(TeamDirectory) if not name.startswith("_")]


@register
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001: an unknown setting. E002: no usable directory. E003, E004: values that make no sense. E006: no htmx.

    E030: ages that make no sense. E031: permissions that are none by their names. W002: mails that link nowhere.
    """
    try:
        settings = conf.load()
    except ImproperlyConfigured as error:
        return [_error(1, str(error), "Correct the name, or remove the setting.")]
    return [
        *_check_directory(settings),
        *_check_amounts(settings),
        *_check_defaults(settings),
        *_check_ages(settings),
        *_check_permissions(settings),
        *_check_middleware(),
        *_check_site_url(settings),
    ]


@register
def check_event_handlers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E010: a handler of an event that nobody registered."""
    known = types.names()
    hint = f"There are {', '.join(known) or 'none'}. Register it in ready(), or correct the name."
    return [
        _error(10, f"{subscription.path} is subscribed to {subscription.event!r}, which is no event.", hint)
        for subscription in handlers.subscriptions()
        if subscription.event not in known
    ]


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


@register
def check_webhooks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E007: Anymail's webhooks without a secret: who knows the address could suppress anybody's mail."""
    anymail = getattr(django_settings, "ANYMAIL", {})
    secret = anymail.get("WEBHOOK_SECRET") or getattr(django_settings, "ANYMAIL_WEBHOOK_SECRET", "")
    if secret or not (_has_webhooks() or django_settings.EMAIL_BACKEND.startswith("anymail.")):
        return []
    hint = 'Set ANYMAIL["WEBHOOK_SECRET"] to "name:password", and put both into the address that the provider calls.'
    return [_error(7, "Anymail's webhooks have no secret: anybody could report bounces and complaints.", hint)]


@register
def check_kinds(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E020: two kinds with one slug. E021: a kind that makes no sense somewhere, such as a text with unknown params."""
    hint = "Give each kind a slug of its own; the first that was registered counts."
    twice = [_error(20, f"There are two kinds {kind.slug!r}: {kind.label!s}.", hint) for kind in kinds.duplicates()]
    wrong = [(kind, reason) for kind in kinds.all_kinds() for reason in _why_no_kind(kind)]
    hint = "Correct the kind where its feature registers it."
    return [*twice, *(_error(21, f"The kind {kind.slug!r}: {reason}", hint) for kind, reason in wrong)]


def _why_no_kind(kind: Kind) -> Iterator[str]:
    """What is wrong with `kind`, each as a sentence."""
    checks: list[Callable[[], object]] = [
        lambda: check_slug(kind.slug),
        lambda: Level.parse(kind.level),
        lambda: check_permissions(kind.permissions),
        lambda: check_params(kind, kind.params),  # the samples
        lambda: [placeholders.names(f"{{{name}}}") for name in kind.params],
        lambda: clean_title(kind.label, "label"),
        lambda: clean_title(kind.category, "category"),
        lambda: clean_title(kind.title),
        lambda: placeholders.check(kind.title, kind.params),
        lambda: placeholders.check(kind.message, kind.params),
    ]
    for check in checks:
        try:
            check()
        except (TypeError, ValueError) as error:
            yield str(error)


def _has_webhooks() -> bool:
    try:
        return bool(reverse("anymail:postmark_tracking_webhook"))
    except NoReverseMatch:
        return False


def _check_directory(settings: conf.Settings) -> list[CheckMessage]:
    try:
        directory = conf.load_directory(settings)
    except (ImproperlyConfigured, ImportError, TypeError) as error:  # the last: it cannot be made without arguments
        return [_error(2, str(error), 'TEAM_NOTIFICATIONS = {"DIRECTORY": "teams.permissions.Directory"}')]
    missing = [name for name in METHODS if not callable(getattr(type(directory), name, None))]
    if missing:
        hint = "Implement team_notifications.directory.TeamDirectory."
        return [_error(2, f"{settings.directory} has no method {', '.join(missing)}.", hint)]
    return []


def _check_amounts(settings: conf.Settings) -> list[CheckMessage]:
    """Numbers are whole and at least 1, times longer than nothing, switches on or off."""
    found: list[CheckMessage] = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.type is int and (type(value) is not int or value < 1):
            found.append(_error(3, f"{field.name.upper()} is {value!r}.", "A whole number, at least 1."))
        elif field.type is timedelta and (not isinstance(value, timedelta) or value <= timedelta()):
            found.append(_error(3, f"{field.name.upper()} is {value!r}.", "A timedelta of more than nothing."))
        elif field.type is bool and not isinstance(value, bool):
            found.append(_error(3, f"{field.name.upper()} is {value!r}.", "True or False."))
    return found


def _check_defaults(settings: conf.Settings) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, value in settings.defaults.items():
        if name not in conf.DEFAULT_PREFERENCES:
            hint = f"There are {', '.join(conf.DEFAULT_PREFERENCES)}."
            found.append(_error(4, f"DEFAULTS has no preference {name!r}.", hint))
        elif reason := _why_no_default(name, value):
            found.append(_error(4, f"DEFAULTS[{name!r}] is {value!r}.", reason))
    return found


def _check_ages(settings: conf.Settings) -> list[CheckMessage]:
    longest, unread, wished = (
        settings.max_age_days,
        settings.unread_max_age_days,
        settings.defaults.get("retention_days"),
    )
    if type(longest) is not int:
        return []  # E003 says so
    found: list[CheckMessage] = []
    if longest > LONGEST:
        found.append(_error(30, f"MAX_AGE_DAYS is {longest}.", f"At most {LONGEST} days."))
    if unread is not None and (type(unread) is not int or not 1 <= unread <= LONGEST):
        hint = f"A whole number of days, 1 to {LONGEST}, or None to keep what nobody read."
        found.append(_error(30, f"UNREAD_MAX_AGE_DAYS is {unread!r}.", hint))
    if type(wished) is int and wished > longest:
        said = f"DEFAULTS['retention_days'] is {wished}, and MAX_AGE_DAYS {longest}."
        found.append(_error(30, said, "Nothing is kept longer than MAX_AGE_DAYS."))
    return found


def _check_permissions(settings: conf.Settings) -> list[CheckMessage]:
    """By how they are written: which of them exist is for the directory to say, and may change."""
    offered = settings.floor_permissions
    found = [
        ("TEAM_SETTINGS_PERMISSION", [settings.team_settings_permission or settings.team_admin_permission]),
        ("FLOOR_PERMISSIONS", [] if offered is None else offered),
    ]
    hint = "Permissions are named 'app_label.codename'."
    return [
        _error(31, f"{setting} is {getattr(settings, setting.lower())!r}.", hint)
        for setting, names in found
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(map(_is_permission, names))
    ]


def _is_permission(name: object) -> bool:
    return isinstance(name, str) and all(name.partition("."))


def _why_no_default(name: str, value: Any) -> str:
    """What is wrong with `value` as the default of a preference; empty when nothing is."""
    try:
        cleaned = preferences.clean(name, value)
    except ValidationError as error:
        return " ".join(error.messages)
    if cleaned is None:
        return "It is the last answer, and cannot be None."
    if cleaned != value or isinstance(cleaned, bool) != isinstance(value, bool):
        return f"Give {cleaned!r}."
    return ""


def _check_site_url(settings: conf.Settings) -> list[CheckMessage]:
    if _is_site_url(settings.site_url) or not settings.preferences["email_enabled"]:
        return []
    return [
        Warning(
            f"SITE_URL is {settings.site_url!r}: the links in mails lead nowhere, and no mail can be stopped by one.",
            hint='TEAM_NOTIFICATIONS = {"SITE_URL": "https://app.example.com"}, or DEFAULTS with email_enabled False.',
            id="team_notifications.W002",
        )
    ]


def _is_site_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)


def _check_middleware() -> list[CheckMessage]:
    if HTMX in django_settings.MIDDLEWARE:
        return []
    return [_error(6, "The pages ask each request whether htmx sent it.", f"Add {HTMX!r} to MIDDLEWARE.")]


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"team_notifications.E{number:03}")
