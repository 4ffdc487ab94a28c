"""Who is told, and through which channel: one queryset, which fan-out makes part of its statement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import BooleanField, Case, FilteredRelation, Model, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from team_notifications import conf
from team_notifications.levels import Level
from team_notifications.models import Notification, Preference

CHANNELS = ("in_app", "email")


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who may be told of a thread. `only` narrows it to these users (a queryset, or their keys); it never widens it.

    `team` None: it is personal, and `user` the key of the one whom it belongs to.
    """

    team: Any
    user: Any = None
    level: Level
    permissions: Collection[str] = ()
    source: Model | None = None
    only: QuerySet[Any, Any] | Collection[Any] | None = None
    defaults: Mapping[str, Any]  # what holds where a member chose nothing: see `team_defaults`

    @classmethod
    def of(cls, notification: Notification) -> "Audience":
        """The whole audience of a thread as it stands. The source may be gone; then no grant on it counts."""
        return cls(
            team=notification.team,
            user=notification.user_id,
            level=notification.severity,
            permissions=notification.permissions,
            source=find_source(notification) if notification.permissions else None,  # for what is asked for only
            defaults=team_defaults(notification.team),
        )


def members(team: Any) -> QuerySet[Any, Any]:
    """The members of `team`, each once, in the order in which fan-out goes through them."""
    return all_users().filter(pk__in=conf.directory().members(team).values("pk")).order_by("pk")


class Recipients:
    """The users of an audience whom a channel lets through to.

    Its permissions are looked up here, which raises UnknownPermission. All the rest becomes part of a statement.
    """

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self._holders = (
            active_users().filter(pk=audience.user)
            if audience.team is None
            else conf.directory().holders(audience.team, audience.permissions, audience.source)
        )

    def between(self, first: Any = None, end: Any = None) -> QuerySet[Any, Any]:
        """Those whose key is at least `first` and less than `end`, each once; None is no bound.

        `to_in_app` and `to_email` say which channel lets through.
        """
        keys = bounds(first, end, "pk")
        # Inside as well: the planner does not carry a range over to the other side of an IN.
        users = all_users().filter(pk__in=self._holders.filter(**keys).values("pk"), **keys)
        if self.audience.only is not None:
            users = users.filter(pk__in=self.audience.only)
        return self.wanting(users)

    def wanting(self, users: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Those of `users` whom a channel lets through to, whatever they may know."""
        team = self.audience.team
        here = _preference(personal=True) if team is None else _preference(team=team)
        users = users.alias(tn_here=here, tn_everywhere=_preference(team=None, personal=False))
        for channel in CHANNELS:
            users = _with_channel(users, channel, self.audience)
        wanting: QuerySet[Any, Any] = users.filter(Q(to_in_app=True) | Q(to_email=True))
        return wanting


def _preference(**scope: Any) -> FilteredRelation:
    """The preference of a user for a scope, of which there is one at most."""
    relation = "team_notification_preferences"
    return FilteredRelation(relation, condition=Q(**{f"{relation}__{name}": value for name, value in scope.items()}))


def bounds(first: Any, end: Any, field: str) -> dict[str, Any]:
    """The filter of a range: `field` is at least `first` and less than `end`; None is no bound."""
    return {name: key for name, key in ((f"{field}__gte", first), (f"{field}__lt", end)) if key is not None}


def _with_channel(users: QuerySet[Any, Any], channel: str, audience: Audience) -> QuerySet[Any, Any]:
    """Annotates `to_<channel>`: whether it is on and its threshold lets the level through. The first answer wins."""

    def chosen(field: str) -> Coalesce:
        name = f"{channel}_{field}"
        return Coalesce(f"tn_here__{name}", f"tn_everywhere__{name}", Value(audience.defaults[name]))

    is_on, from_level = f"tn_{channel}_on", f"tn_{channel}_from"
    lets_through = When(**{is_on: True, f"{from_level}__lte": audience.level.weight}, then=True)
    reaches = Case(lets_through, default=False, output_field=BooleanField())
    asked = users.alias(**{is_on: chosen("enabled"), from_level: chosen("level")})
    annotated: QuerySet[Any, Any] = asked.annotate(**{f"to_{channel}": reaches})
    return annotated


def team_defaults(team: Any) -> dict[str, Any]:
    """What holds in `team` for a member who chose nothing: the team's choice, else the setting. One query.

    For personal notifications, of which `team` is None, the setting. Raises ValueError when the team is not, or no
    longer, in the database.
    """
    fields = [f"{channel}_{field}" for channel in CHANNELS for field in ("enabled", "level")]
    settled = conf.settings().preferences
    if team is None:
        return {name: settled[name] for name in fields}
    own = FilteredRelation("team_notification_preferences", condition=Q(team_notification_preferences__user=None))
    # Where it is written: a team that was made a moment ago may not have reached a replica.
    teams = conf.team_model()._base_manager.using(router.db_for_write(Preference)).filter(pk=team.pk)
    chosen = teams.alias(own=own).values(*[f"own__{field}" for field in fields]).first()
    if chosen is None:
        raise ValueError(f"There is no team {team!r} with the key {team.pk!r}.")
    return {name: settled[name] if chosen[f"own__{name}"] is None else chosen[f"own__{name}"] for name in fields}


def find_source(notification: Notification) -> Model | None:
    """The object that a thread is about; None when there is none, or none any more."""
    if not notification.source_id:
        return None
    try:
        model = apps.get_model(notification.source_app, notification.source_model)
    except LookupError:
        return None
    try:
        source: Model | None = model._base_manager.filter(pk=notification.source_id).first()
    except (ValueError, ValidationError):  # it is no key of that model any more
        return None
    return source


def all_users() -> QuerySet[Any, Any]:
    """Every user. Not by the default manager: a host may hide users there whom its directory counts."""
    return get_user_model()._base_manager.all()


def active_users() -> QuerySet[Any, Any]:
    """Every user who is not switched off. A host's model may do without the field; then nobody is."""
    has_field = any(field.name == "is_active" for field in get_user_model()._meta.fields)
    return all_users().filter(is_active=True) if has_field else all_users()
