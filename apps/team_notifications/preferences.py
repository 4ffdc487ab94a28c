"""What a member chose, what holds for them, and where that comes from.

The first answer wins: the member for this team, the member everywhere, the team, the setting; for personal
notifications the member for `PERSONAL` ones, the member everywhere, the setting. Only what somebody chose is stored, so
a changed default reaches everyone who did not choose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from team_notifications import conf
from team_notifications.models import Preference
from team_notifications.personal import PERSONAL
from team_notifications.report import check_team
from team_notifications.signals import preferences_changed

DO_NOT_DISTURB = "do_not_disturb_until"  # no part of the cascade: either scope holds, whichever lasts longer


class Origin(Enum):
    """Who gave the answer that holds."""

    HERE = _("your choice")
    EVERYWHERE = _("your setting for everywhere")
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
    """A member's choices for one team or for `PERSONAL`, or (team None) everywhere.

    `do_not_disturb_until` is None when it is over.
    """

    team: Any
    choices: Mapping[str, Choice]
    do_not_disturb_until: datetime | None


def scopes(user: Any) -> list[Scope]:
    """The choices everywhere, those for `PERSONAL`, then those for each of the user's teams by name. Two queries."""
    teams = list(conf.directory().teams(user))
    teams.sort(key=lambda team: (str(team).casefold(), team.pk))
    own = {preference.scope: preference for preference in Preference.objects.filter(user=user.pk)}
    defaults = {row.team_id: row for row in Preference.objects.filter(user=None, team__in=[team.pk for team in teams])}
    everywhere = own.get(None)
    return [
        _scope(None, [(Origin.HERE, everywhere)]),
        _scope(PERSONAL, [(Origin.HERE, own.get(PERSONAL)), (Origin.EVERYWHERE, everywhere)]),
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


def scopes_of(user: Any, team: Any) -> tuple[Scope, Scope]:
    """The choices for `team`, one of the user's or `PERSONAL`, and those everywhere. One query."""
    wanted, key = Q(user=user.pk, team=None), PERSONAL
    if team is not PERSONAL:
        wanted, key = wanted | Q(user=user.pk, team=team) | Q(user=None, team=team), team.pk
    rows = {(row.user_id, row.scope): row for row in Preference.objects.filter(wanted)}
    everywhere = rows.get((user.pk, None))
    here = [
        (Origin.HERE, rows.get((user.pk, key))),
        (Origin.EVERYWHERE, everywhere),
        (Origin.TEAM, rows.get((None, key))),  # of which there is none for personal ones
    ]
    return _scope(team, here), _scope(None, [(Origin.HERE, everywhere)])


def choose(user: Any, team: Any = None, **values: Any) -> None:
    """Stores what `user` chose for `team`, for `PERSONAL`, or (None) everywhere. A value of None inherits again.

    Raises ValidationError, naming the field and the value, for a bad value, and TypeError for a field that does not
    exist; nothing is stored then.
    """
    _store(user, team, {field: clean(field, value) for field, value in values.items()})


def default_scope(team: Any) -> Scope:
    """What `team` chose for those of its members who chose nothing. One query."""
    return _scope(team, [(Origin.HERE, Preference.objects.filter(user=None, team=team).first())])


def choose_for_team(team: Any, **values: Any) -> None:
    """Stores what holds for members of `team` who chose nothing. A value of None leaves it to the setting.

    Raises as `choose` does, and TypeError or ValueError for what is no saved team.
    """
    _store(None, check_team(team), {field: clean(field, value) for field, value in values.items()})


def do_not_disturb(user: Any, team: Any = None, *, until: datetime | None) -> None:
    """Holds back what leaves for `user` about `team`, `PERSONAL`, or (None) anything, until a time. None ends it.

    Raises ValueError for a time without a time zone.
    """
    if until is not None and timezone.is_naive(until):
        raise ValueError(f"{until!r} has no time zone.")
    _store(user, team, {DO_NOT_DISTURB: until})


def announce(user: Any, team: Any) -> None:
    """Says, after the commit, that what `user` (None: the team) wants for `team` (None: for all) changed."""
    send = partial(preferences_changed.send_robust, sender=Preference, user=user, team=team)
    transaction.on_commit(send, using=router.db_for_write(Preference))


def clean(field: str, value: Any) -> Any:
    """`value` as `field` keeps it; None stays None. Raises as `choose` does."""
    if field not in fields():
        raise TypeError(f"There is no preference {field}; there are {', '.join(fields())}.")
    if value is None:
        return None
    try:
        cleaned = Preference._meta.get_field(field).clean(value, None)  # type: ignore[union-attr]  # none is a relation
    except ValidationError as error:
        raise ValidationError({field: f"{value!r}: {' '.join(error.messages)}"}) from error
    if cleaned in (None, ""):  # Django takes an empty text for no answer
        raise ValidationError({field: f"{value!r} is no value; None inherits."})
    return cleaned


def fields() -> Iterable[str]:
    """The names of all preferences."""
    return conf.settings().preferences.keys()


def _store(user: Any, team: Any, values: Mapping[str, Any]) -> None:
    """Writes values that were checked. A row in which nothing is chosen any more is removed."""
    database = router.db_for_write(Preference)
    with transaction.atomic(using=database):
        # Not read first and then created: of two that come at once, such as a double click, one would fail.
        chosen, _created = Preference.objects.select_for_update().get_or_create(
            user=user, team=None if team is PERSONAL else team, personal=team is PERSONAL
        )
        for field, value in values.items():
            setattr(chosen, field, value)
        if any(getattr(chosen, field) is not None for field in (*fields(), DO_NOT_DISTURB)):
            chosen.save()
        else:
            chosen.delete()
        announce(user, team)


def _scope(team: Any, answers: list[tuple[Origin, Preference | None]]) -> Scope:
    _origin, own = answers[0]
    until = getattr(own, DO_NOT_DISTURB, None)
    return Scope(
        team=team,
        choices={field: _choice(field, answers) for field in fields()},
        do_not_disturb_until=until if until and until > timezone.now() else None,
    )


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
