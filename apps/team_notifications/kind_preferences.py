"""Through which channels a member wants each kind: what they chose, what holds, and where that comes from.

The first answer wins: the member for this team, the member everywhere, all channels. It holds besides the switch and
the threshold of a channel, so it can silence one for a kind and never opens one. Only what a member chose is stored.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Q

from team_notifications import kinds, preferences
from team_notifications.models import KindPreference
from team_notifications.models.kind_preference import CHANNELS
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Choice, Origin
from team_notifications.report import check_recipients, check_team
from team_notifications.sql import take_turns, writing

Channels = frozenset[str]

ALL_CHANNELS: Channels = frozenset(CHANNELS)


def kind_choices(user: Any, team: Any = None) -> dict[str, Choice]:
    """The channels of each kind by its slug, for `team` or (None) everywhere. One query.

    The registered ones, then those of which something was chosen that still holds, and which nobody registers any more.
    """
    scope = None if team is None else team.pk
    rows = KindPreference.objects.filter(Q(team=None) | Q(team=scope), user=user.pk)
    chosen = {(row.team_id, row.slug): row.channels for row in rows}
    slugs = [kind.slug for kind in kinds.all_kinds()]
    slugs += sorted({slug for _team, slug in chosen}.difference(slugs))
    return {slug: _choice(slug, scope, chosen) for slug in slugs}


def kind_choice(user: Any, slug: str, team: Any = None) -> Choice:
    """The channels of one slug, registered or not, for `team` or (None) everywhere. One query."""
    scope = None if team is None else team.pk
    rows = KindPreference.objects.filter(Q(team=None) | Q(team=scope), user=user.pk, slug=slug)
    return _choice(slug, scope, {(row.team_id, row.slug): row.channels for row in rows})


def choose_channels(user: Any, slug: str, team: Any = None, *, channels: Collection[str] | None) -> None:
    """Stores through which `channels` the user wants the kind, for `team` or (None) everywhere.

    An empty collection: through none. None takes the choice back, so that it is inherited again. Raises as
    `choose_channels_of_kinds` does.
    """
    choose_channels_of_kinds(user, {slug: channels}, team)


def choose_channels_of_kinds(user: Any, choices: Mapping[str, Collection[str] | None], team: Any = None) -> None:
    """The same for several kinds, by their slugs, in a constant number of queries.

    Raises ValueError for a slug without a kind, for a channel that does not exist, for `PERSONAL` and for what is not
    saved; TypeError for what is no user, team or collection. They name the value, and nothing is stored.
    """
    check_recipients([user])
    scope = _check_scope(team)
    checked = {slug: _check_channels(channels) for slug, channels in choices.items()}
    _check_slugs(user, [slug for slug, chosen in checked.items() if chosen is not None])
    database = router.db_for_write(KindPreference)
    with transaction.atomic(using=database):
        # Of two that come at once, such as a double click, the second finds what the first one wrote.
        take_turns(f"kind preferences of {user.pk}", connections[database])
        writing(KindPreference).filter(user=user.pk, team=scope, slug__in=list(checked)).delete()
        KindPreference.objects.bulk_create(
            KindPreference(user=user, team=scope, slug=slug, channels=channels)  # type: ignore[misc]  # it can be set
            for slug, channels in checked.items()
            if channels is not None
        )
        preferences.announce(user, scope)


def _choice(slug: str, team_id: Any, chosen: Mapping[tuple[Any, str], Channels]) -> Choice:
    everywhere = None if team_id is None else chosen.get((None, slug))
    return Choice(
        field=slug,
        own=chosen.get((team_id, slug)),
        inherited=ALL_CHANNELS if everywhere is None else everywhere,
        inherited_from=Origin.SETTING if everywhere is None else Origin.EVERYWHERE,
    )


def _check_scope(team: Any) -> Any:
    if team is PERSONAL:
        raise ValueError(f"{team!r} has no kinds to choose for: its switches are in `preferences`.")
    return None if team is None else check_team(team)


def _check_slugs(user: Any, slugs: Collection[str]) -> None:
    """Each has a kind, or had one when the user chose for it."""
    without = [slug for slug in slugs if kinds.find(slug) is None]
    if not without:
        return
    chosen = set(writing(KindPreference).filter(user=user.pk, slug__in=without).values_list("slug", flat=True))
    for slug in without:
        if slug not in chosen:
            known = ", ".join(kind.slug for kind in kinds.all_kinds())
            raise ValueError(f"There is no kind {slug!r}; there are {known}.")


def _check_channels(channels: Collection[str] | None) -> Channels | None:
    if channels is None:
        return None
    if isinstance(channels, str) or not isinstance(channels, Collection):
        raise TypeError(f"Channels are a list of names like {list(CHANNELS)!r}, not {channels!r}.")
    for name in channels:
        if name not in CHANNELS:
            raise ValueError(f"There is no channel {name!r}; there are {', '.join(CHANNELS)}.")
    return frozenset(channels)
