"""What a member chose, what holds for them, and where that comes from.

The first answer wins: the member for this team, the member everywhere, the team, the setting. Only what somebody chose
is stored, so a changed default reaches everyone who did not choose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext_lazy as _

from team_notifications import conf
from team_notifications.models import Preference


class Origin(Enum):
    """Who gave the answer that holds."""

    HERE = _("your choice")
    EVERYWHERE = _("your setting for all teams")
    TEAM = _("the team's default")
    SETTING = _("the default")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One field: the member's `own` choice (None: they inherit), what is `effective`, and its `origin`.

    `inherited` and `inherited_from` are what would hold without a choice of their own.
    """

    field: str
    own: Any
    inherited: Any
    inherited_from: Origin

    @property
    def effective(self) -> Any:
        return self.inherited if self.own is None else self.own

    @property
    def origin(self) -> Origin:
        return self.inherited_from if self.own is None else Origin.HERE


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A member's choices for one team, or (team None) everywhere."""

    team: Any
    choices: Mapping[str, Choice]


def scopes(user: Any) -> list[Scope]:
    """The choices everywhere, then those for each of the user's teams by name. Two queries."""
    teams = list(conf.directory().teams(user))
    teams.sort(key=lambda team: (str(team).casefold(), team.pk))
    own = {preference.team_id: preference for preference in Preference.objects.filter(user=user.pk)}
    defaults = {row.team_id: row for row in Preference.objects.filter(user=None, team__in=[team.pk for team in teams])}
    everywhere = own.get(None)
    return [
        _scope(None, [(Origin.HERE, everywhere)]),
        *(
            _scope(
                team,
                [
                    (Origin.HERE, own.get(team.pk)),
                    (Origin.EVERYWHERE, everywhere),
                    (Origin.TEAM, defaults.get(team.pk)),
                ],
            )
            for team in teams
        ),
    ]


def choose(user: Any, team: Any = None, **values: Any) -> None:
    """Stores what `user` chose for `team`, or (None) everywhere. None takes a choice back: inherit again.

    A row in which nothing is chosen any more is removed. Raises ValidationError, naming the field, for a bad value, and
    TypeError for a field that does not exist; nothing is stored then.
    """
    unknown = sorted(set(values) - set(fields()))
    if unknown:
        raise TypeError(f"There is no preference {', '.join(unknown)}; there are {', '.join(fields())}.")
    with transaction.atomic(using=router.db_for_write(Preference)):
        chosen = Preference.objects.select_for_update().filter(user=user, team=team).first()
        chosen = chosen or Preference(user=user, team=team)
        for field, value in values.items():
            setattr(chosen, field, value)
        chosen.clean_fields(exclude=["user", "team"])
        if any(getattr(chosen, field) is not None for field in fields()):
            chosen.save()
        elif chosen.pk is not None:
            chosen.delete()


def fields() -> Iterable[str]:
    """The names of all preferences."""
    return conf.settings().preferences.keys()


def _scope(team: Any, answers: list[tuple[Origin, Preference | None]]) -> Scope:
    return Scope(team=team, choices={field: _choice(field, answers) for field in fields()})


def _choice(field: str, answers: list[tuple[Origin, Preference | None]]) -> Choice:
    """`answers` in the order in which they are asked, the member's own first."""
    (_here, own), *others = answers
    given = ((origin, getattr(row, field)) for origin, row in others if row is not None)
    default = (Origin.SETTING, conf.settings().preferences[field])
    inherited_from, inherited = next((answer for answer in given if answer[1] is not None), default)
    return Choice(
        field=field,
        own=getattr(own, field, None),
        inherited=inherited,
        inherited_from=inherited_from,
    )
