"""What holds for many members at once: their preferences, in their time zones, in one query."""

import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Q
from django.utils import timezone

from team_notifications import conf
from team_notifications.delivery.schedule import Rules
from team_notifications.models import Delivery, Preference
from team_notifications.personal import PERSONAL

Scope = tuple[Any, Any]  # the keys of a user and of a team; no team: personal


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """One member in one team: the effective preferences by name, and the rules of time that follow from them."""

    preferences: Mapping[str, Any]
    rules: Rules


def wishes_of(deliveries: Iterable[Delivery]) -> dict[Scope, Wishes]:
    """The wishes of each member and team among `deliveries`, by their keys."""
    users = {(delivery.user_id, delivery.team_id): delivery.user for delivery in deliveries}
    rows = _preferences(users)
    return {scope: _wishes(user, scope, rows) for scope, user in users.items()}


def zone_of(user: Any) -> tzinfo:
    """The time zone that the user's own field names, else the one of the site."""
    name = getattr(user, conf.settings().time_zone_field, "")
    try:
        return zoneinfo.ZoneInfo(name) if name else timezone.get_default_timezone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return timezone.get_default_timezone()


def _preferences(scopes: Iterable[Scope]) -> dict[tuple[Any, Any], Preference]:
    """By the keys of user and `Preference.scope`; no user: everyone."""
    users = {user for user, _ in scopes}
    teams = {team for _, team in scopes}
    wanted = Q(user__in=users) & (Q(team=None) | Q(team__in=teams)) | Q(user=None, team__in=teams)
    return {(row.user_id, row.scope): row for row in Preference.objects.filter(wanted)}


def _wishes(user: Any, scope: Scope, rows: dict[tuple[Any, Any], Preference]) -> Wishes:
    user_id, team_id = scope
    here = PERSONAL if team_id is None else team_id
    own = [rows[key] for key in ((user_id, here), (user_id, None)) if key in rows]
    default = [rows[key] for key in [(None, team_id)] if key in rows]
    preferences = {field: _first(field, [*own, *default]) for field in conf.settings().preferences}
    return Wishes(preferences=preferences, rules=rules_of(user, preferences, _latest(own)))


def rules_of(user: Any, chosen: Mapping[str, Any], do_not_disturb_until: datetime | None) -> Rules:
    """The rules that follow from the effective preferences by name."""
    return Rules(
        zone=zone_of(user),
        frequency=chosen["email_frequency"],
        instant_level=chosen["email_instant_level"],
        digest_hour=chosen["digest_hour"],
        digest_weekday=chosen["digest_weekday"],
        quiet_hours=chosen["quiet_hours"],
        quiet_from=chosen["quiet_from"],
        quiet_until=chosen["quiet_until"],
        quiet_except_errors=chosen["quiet_except_errors"],
        do_not_disturb_until=do_not_disturb_until,
    )


def _first(field: str, answers: list[Preference]) -> Any:
    given = (getattr(answer, field) for answer in answers)
    return next((value for value in given if value is not None), conf.settings().preferences[field])


def _latest(own: list[Preference]) -> datetime | None:
    """Do not disturb, for one team or for all: whichever lasts longer."""
    return max((row.do_not_disturb_until for row in own if row.do_not_disturb_until), default=None)
