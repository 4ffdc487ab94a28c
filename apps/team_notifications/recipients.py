"""Who is told, and through which channel: one queryset, which fan-out makes part of its statement."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import BooleanField, Case, Exists, FilteredRelation, Model, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from team_notifications import conf
from team_notifications.directory import UnknownPermission
from team_notifications.levels import Level
from team_notifications.models import KindPreference, Notification, Preference
from team_notifications.models.kind_preference import CHANNELS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What holds where a member chose nothing, and whether anybody `chose_kind`: channels for just this slug.

    `floors` are the permissions to whose holders the level is brought whatever they chose, by channel; "" is everyone.
    """

    preferences: Mapping[str, Any]
    chose_kind: bool
    floors: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who may be told of a thread. `only` narrows it to these users (a queryset, or their keys); it never widens it.

    `team` None: it is personal, and `user` the key of the one whom it belongs to.
    """

    team: Any
    user: Any = None
    slug: str
    level: Level
    permissions: Collection[str] = ()
    source: Model | None = None
    only: QuerySet[Any, Any] | Collection[Any] | None = None
    defaults: Defaults  # see `team_defaults`

    @classmethod
    def of(cls, notification: Notification) -> "Audience":
        """The whole audience of a thread as it stands. The source may be gone; then no grant on it counts."""
        return cls(
            team=notification.team,
            user=notification.user_id,
            slug=notification.slug,
            level=notification.severity,
            permissions=notification.permissions,
            source=find_source(notification) if notification.permissions else None,  # for what is asked for only
            defaults=team_defaults(notification.team, notification.slug, notification.severity),
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
        self._floors = _floors(audience)

    def has_floor(self, channel: str) -> bool:
        """Whether the team brings the level to some through the channel who did not choose so."""
        return channel in self._floors

    def between(self, first: Any = None, end: Any = None) -> QuerySet[Any, Any]:
        """Those whose key is at least `first` and less than `end`, each once; None is no bound.

        `to_in_app` and `to_email` say which channel lets through.
        """
        keys = bounds(first, end, "pk")
        # Inside as well: the planner does not carry a range over to the other side of an IN.
        users = all_users().filter(pk__in=self._holders.filter(**keys).values("pk"), **keys)
        if self.audience.only is not None:
            users = users.filter(pk__in=self.audience.only)
        return self.wanting(users, first, end)

    def wanting(self, users: QuerySet[Any, Any], first: Any = None, end: Any = None) -> QuerySet[Any, Any]:
        """Those of `users` whom a channel lets through to, whatever they may know. All are in the range, and members.

        `chose_<channel>` says whether it does without the team's floors.
        """
        keys = bounds(first, end, "pk")
        users = users.alias(**_preferences(self.audience), **_kind_preferences(self.audience))
        for channel in CHANNELS:
            users = _with_channel(users, channel, self.audience, self._under_floor(channel, keys))
        wanting: QuerySet[Any, Any] = users.filter(Q(to_in_app=True) | Q(to_email=True))
        return wanting

    def _under_floor(self, channel: str, keys: Mapping[str, Any]) -> Q | None:
        """Whom the team's floors bring the level to through the channel; None where it has none."""
        if channel not in self._floors:
            return None
        holders = self._floors[channel]
        if holders is None:
            return Q(pk__isnull=False)  # everyone
        # No more of them than are asked about: PostgreSQL keeps them in a table in memory, if they are few enough.
        only = self.audience.only
        asked = keys if only is None or isinstance(only, QuerySet) else {**keys, "pk__in": only}
        return reduce(or_, (Q(pk__in=held.filter(**asked).values("pk")) for held in holders))


def _preferences(audience: Audience) -> dict[str, FilteredRelation]:
    """By name the preferences of a user that may answer for the audience."""
    here = {"personal": True} if audience.team is None else {"team": audience.team}
    relation = "team_notification_preferences"
    return {
        "tn_here": _chosen(relation, **here),
        "tn_everywhere": _chosen(relation, team=None, personal=False),
    }


def _kind_preferences(audience: Audience) -> dict[str, FilteredRelation]:
    """By name the choices of a user for the kind, the first to be asked first. Empty where nobody chose: no join."""
    if not audience.defaults.chose_kind:
        return {}
    teams = {"tn_kind_here": audience.team, "tn_kind_everywhere": None}
    if audience.team is None:  # a choice for everywhere is the only one that a kind of personal ones can have
        del teams["tn_kind_here"]
    relation = "team_notification_kind_preferences"
    return {name: _chosen(relation, team=team, slug=audience.slug) for name, team in teams.items()}


def _chosen(relation: str, **scope: Any) -> FilteredRelation:
    """What a user chose for a scope, of which there is one row at most."""
    return FilteredRelation(relation, condition=Q(**{f"{relation}__{name}": value for name, value in scope.items()}))


def bounds(first: Any, end: Any, field: str) -> dict[str, Any]:
    """The filter of a range: `field` is at least `first` and less than `end`; None is no bound."""
    return {name: key for name, key in ((f"{field}__gte", first), (f"{field}__lt", end)) if key is not None}


def _with_channel(
    users: QuerySet[Any, Any], channel: str, audience: Audience, under_floor: Q | None
) -> QuerySet[Any, Any]:
    """Annotates `to_<channel>`: whether it is on, its threshold lets the level through, and it is wanted for the kind.

    Of each the first answer wins. Or the user is one of those `under_floor`, to whom it is brought anyway.
    """

    def chosen(field: str) -> Coalesce:
        name = f"{channel}_{field}"
        return Coalesce(f"tn_here__{name}", f"tn_everywhere__{name}", Value(audience.defaults.preferences[name]))

    is_on, from_level, for_kind = (f"tn_{channel}_{name}" for name in ("on", "from", "for_kind"))
    asked = {is_on: chosen("enabled"), from_level: chosen("level")}
    answers = {is_on: True, f"{from_level}__lte": audience.level.weight}
    if kinds := _kind_preferences(audience):
        asked[for_kind] = Coalesce(*(f"{name}__{channel}" for name in kinds), Value(True))
        answers[for_kind] = True
    chose = When(**answers, then=True)
    reaches = [chose] if under_floor is None else [chose, When(under_floor, then=True)]
    users = users.alias(**asked).alias(**{f"chose_{channel}": _whether(chose)})
    annotated: QuerySet[Any, Any] = users.annotate(**{f"to_{channel}": _whether(*reaches)})
    return annotated


def _whether(*cases: When) -> Case:
    return Case(*cases, default=False, output_field=BooleanField())


def _floors(audience: Audience) -> dict[str, list[QuerySet[Any, Any]] | None]:
    """By channel, whom the team's floors bring the level to: any of these holders, or (None) everyone."""
    known: dict[str, QuerySet[Any, Any] | None] = {}
    floors: dict[str, list[QuerySet[Any, Any]] | None] = {}
    for channel, names in audience.defaults.floors.items():
        if "" in names:
            floors[channel] = None
            continue
        known.update({name: _holders(audience.team, name) for name in sorted(names) if name not in known})
        if holders := [held for name in sorted(names) if (held := known[name]) is not None]:
            floors[channel] = holders
    return floors


def _holders(team: Any, permission: str) -> QuerySet[Any, Any] | None:
    """Who holds it in the team. None when it is gone: what happens is told all the same."""
    try:
        return conf.directory().holders(team, [permission])
    except UnknownPermission:
        logger.warning("Team %s has a floor for who holds %r, which does not exist.", team.pk, permission)
        return None


def team_defaults(team: Any, slug: str, level: Level) -> Defaults:
    """What holds in `team` for a member who chose nothing: the team's choice, else the setting. One query.

    With it come the floors that `level` reaches.

    For personal notifications, of which `team` is None, the setting, without a query; whether their user chose anything
    for the slug is then left to the statement about this one user. Raises ValueError when the team is not, or no
    longer, in the database.
    """
    fields = [f"{channel}_{field}" for channel in CHANNELS for field in ("enabled", "level")]
    settled = conf.settings().preferences
    if team is None:
        return Defaults(preferences={name: settled[name] for name in fields}, chose_kind=True)
    own = FilteredRelation("team_notification_preferences", condition=Q(team_notification_preferences__user=None))
    floor = FilteredRelation("team_notification_floors", condition=Q(team_notification_floors__level__lte=level.weight))
    # Where it is written: a team that was made a moment ago may not have reached a replica.
    teams = conf.team_model()._base_manager.using(router.db_for_write(Preference)).filter(pk=team.pk)
    # Two probes of an index, where one for both teams would be a search through all who chose.
    here, everywhere = (Exists(KindPreference.objects.filter(team=of, slug=slug)) for of in (team, None))
    asked = teams.alias(own=own, floor=floor).annotate(tn_chose_kind=Q(here) | Q(everywhere))
    names = [f"own__{name}" for name in fields]
    # A row for each floor, of which there are few; one when there is none.
    found = list(asked.values("tn_chose_kind", *names, "floor__channel", "floor__permission"))
    if not found:
        raise ValueError(f"There is no team {team!r} with the key {team.pk!r}.")
    given = {name: found[0][f"own__{name}"] for name in fields}
    floors: dict[str, set[str]] = defaultdict(set)
    for row in found:
        if row["floor__channel"] is not None:
            floors[row["floor__channel"]].add(row["floor__permission"])
    return Defaults(
        preferences={name: settled[name] if value is None else value for name, value in given.items()},
        chose_kind=found[0]["tn_chose_kind"],
        floors=dict(floors),
    )


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
