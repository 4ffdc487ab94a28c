"""Floors: the level from which on a channel reaches members of a team whatever they chose. What holds, and setting it.

Fan-out makes them part of its statement; see `recipients`. Here is what pages and mails say of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission
from django.db import connections, router, transaction
from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from team_notifications import conf, preferences
from team_notifications.directory import UnknownPermission
from team_notifications.levels import WHAT, Threshold
from team_notifications.models import Floor
from team_notifications.models.kind_preference import CHANNELS
from team_notifications.report import check_team
from team_notifications.sql import take_turns, writing

EVERYONE = ""  # in place of a permission

Key = tuple[str, str]  # a channel, and a permission or EVERYONE

SENTENCES: dict[str, Promise] = {
    "in_app": _("%(what)s come to your inbox whatever you choose: a rule of %(team)s."),
    "email": _("%(what)s reach you by email whatever you choose: a rule of %(team)s."),
}


@dataclass(frozen=True, kw_only=True)
class Circle:
    """Those members of a team whom a floor can be for, and the floors that there are, by channel.

    `members` is how many they are now; None when the permission is gone, and the floors reach nobody.
    """

    permission: str
    label: str
    members: int | None
    floors: Mapping[str, Threshold]


def held_by(user: Any) -> dict[Any, dict[str, Threshold]]:
    """From which level on each channel reaches `user` whatever they choose: by the key of each team that has floors.

    One query; where there are floors, those of `TeamDirectory.permissions` as well.
    """
    teams = conf.directory().teams(user).order_by().values("pk")
    floors = list(Floor.objects.filter(team__in=teams).values_list("team", "channel", "permission", "level"))
    permissions = conf.directory().permissions(user) if floors else {}
    found: dict[Any, dict[str, Threshold]] = {}
    for team, channel, permission, level in floors:
        if team in permissions and (permission == EVERYONE or permission in permissions[team]):
            lowest = found.setdefault(team, {})
            lowest[channel] = Threshold(min(level, lowest.get(channel, level)))
    return found


def sentence(channel: str, level: int, team: Any) -> str:
    """What a floor means for a member."""
    return str(SENTENCES[channel]) % {"what": WHAT[level], "team": team}


def circles(team: Any) -> list[Circle]:
    """Every member, the holders of each permission that is offered, then those whom other floors are for.

    Three queries, and one or two for each permission.
    """
    floors: dict[str, dict[str, Threshold]] = {}
    for floor in Floor.objects.filter(team=team).order_by("permission"):
        floors.setdefault(floor.permission, {})[floor.channel] = Threshold(floor.level)
    names = dict.fromkeys([EVERYONE, *conf.settings().offered_floor_permissions, *floors])
    labels = _labels(names)
    found = [
        Circle(permission=name, label=labels[name], members=_count(team, name), floors=floors.get(name, {}))
        for name in names
    ]
    return [circle for circle in found if circle.members is not None or circle.floors]


def choose(team: Any, levels: Mapping[Key, int | None]) -> None:
    """Sets the floors of `team`: for each channel and permission a level, or None for no floor. Others stay.

    Raises TypeError or ValueError, naming the value, for what is no saved team, channel, permission or level, and for
    a permission that does not exist unless its floor is taken away; nothing is stored then.
    """
    check_team(team)
    checked = {_check_key(key): _check_level(level) for key, level in levels.items()}
    for name in {permission for (_channel, permission), level in checked.items() if level is not None}:
        conf.directory().holders(team, [name] if name else [])
    database = router.db_for_write(Floor)
    with transaction.atomic(using=database):
        # Of two that come at once the second finds what the first one wrote.
        take_turns(f"floors of {team.pk}", connections[database])
        for channel, names in _by_channel(checked).items():
            writing(Floor).filter(team=team.pk, channel=channel, permission__in=names).delete()
        Floor.objects.bulk_create(
            Floor(team=team, channel=channel, permission=permission, level=level)
            for (channel, permission), level in checked.items()
            if level is not None
        )
        preferences.announce(None, team)


def _by_channel(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for channel, permission in keys:
        found.setdefault(channel, []).append(permission)
    return found


def _check_key(key: Key) -> Key:
    channel, permission = key
    if channel not in CHANNELS:
        raise ValueError(f"There is no channel {channel!r}; there are {', '.join(CHANNELS)}.")
    if not isinstance(permission, str):
        raise TypeError(f"A permission is named by text like 'app_label.codename', not {permission!r}.")
    return channel, permission


def _check_level(level: int | None) -> Threshold | None:
    if level is None:
        return None
    if isinstance(level, bool) or level not in Threshold.values:
        known = ", ".join(f"{one.value} ({one.name})" for one in Threshold)
        raise ValueError(f"{level!r} is no threshold; there are {known}.")
    return Threshold(level)


def _count(team: Any, permission: str) -> int | None:
    try:
        holders = conf.directory().holders(team, [permission] if permission else [])
    except UnknownPermission:
        return None
    return holders.order_by().values("pk").distinct().count()


def _labels(names: Collection[str]) -> dict[str, str]:
    """The permissions' own names, or their codenames. Where two have the same, the whole name follows."""
    codenames = [name.partition(".")[2] for name in names]
    rows = Permission.objects.filter(codename__in=codenames).annotate(app=F("content_type__app_label"))
    own = {f"{row.app}.{row.codename}": row.name for row in rows.order_by("-pk")}  # the first of several
    labels = {name: own.get(name) or name.partition(".")[2] or name for name in names}
    twice = {label for label, times in Counter(labels.values()).items() if times > 1}
    labels = {name: f"{label} ({name})" if label in twice else label for name, label in labels.items()}
    return {**labels, EVERYONE: gettext("Every member")}
