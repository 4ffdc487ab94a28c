"""The filters of the inbox page as a person meets them: in the address, as things to click, and as they were left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext

from team_notifications import conf, filters, kinds
from team_notifications.filters import INBOX, LEVELS, STATES, InboxFilter, Parameters
from team_notifications.personal import PERSONAL
from team_notifications.web.reader import Request

COOKIE = "team_notifications_filters"
COOKIE_AGE = 365 * 24 * 60 * 60
LONGEST_COOKIE = 1_000
LONGEST_VALUE = 60  # of what is repeated from an address


@dataclass(frozen=True, kw_only=True)
class Link:
    """Something to click that narrows the list or widens it; `count` as the bell says it: "", "3", "99+"."""

    key: str
    label: str
    address: str
    is_current: bool = False
    count: str = ""


def query_of(understood: Parameters) -> str:
    """The filters as the address has them, without the state that holds anyway."""
    pairs = [(name, value) for name, values in understood.lists() for value in values]
    return urlencode([pair for pair in pairs if pair != ("state", INBOX)])


def address(understood: Parameters, **changes: str | Sequence[str]) -> str:
    """The filters with these changes; an empty value takes one out. Without any it says so, or it would be the
    plain address, which brings back how the person left the page."""
    changed = understood.copy()
    for name, value in changes.items():
        changed.setlist(name, [value] if isinstance(value, str) and value else list(value))
    return f"?{query_of(changed) or urlencode({'state': INBOX})}"


def states(found: InboxFilter, counts: filters.Counts) -> list[Link]:
    numbers = {"unread": counts.unread, "snoozed": counts.snoozed, "archived": counts.archived}
    return [
        Link(
            key=key,
            label=str(label),
            address=address(found.understood, state="" if key == INBOX else key),
            is_current=found.state_name == key,
            count=capped(numbers.get(key, 0)),
        )
        for key, (label, _rows) in STATES.items()
    ]


def places(found: InboxFilter, counts: filters.Counts, teams: list[Any]) -> list[Link]:
    """All, the personal ones, and each team."""
    named = found.understood.get("team", "")
    numbered = [("", gettext("All"), 0), (PERSONAL.pk, str(PERSONAL), counts.personal)]
    numbered += [(str(team.pk), str(team), team.tn_unread) for team in teams]
    return [
        Link(
            key=f"team-{key}",
            label=label,
            address=address(found.understood, team=key),
            is_current=named == key,
            count=capped(number),
        )
        for key, label, number in numbered
    ]


def active(found: InboxFilter) -> list[Link]:
    """Each filter that holds, with the address that clears it. The state has its own place."""
    labels = {name: dict(getattr(field, "choices", ())) for name, field in found.form.fields.items()}
    return [
        Link(
            key=name,
            label=gettext("%(filter)s: %(value)s")
            % {"filter": found.form.fields[name].label, "value": _written(name, value, labels[name])},
            address=address(found.understood, **{name: [other for other in values if other != value]}),
        )
        for name, values in found.narrowing.lists()
        for value in values
    ]


def kind_groups(found: InboxFilter) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """The kinds to choose from by category, slug, label and whether it is chosen; last those that no feature has."""
    chosen = found.understood.getlist("kind")
    groups = [
        (label, [(kind.slug, str(kind.label), kind.slug in chosen) for kind in same])
        for label, same in filters.categories().values()
    ]
    others = [(slug, slug, True) for slug in chosen if kinds.find(slug) is None]
    return [*groups, (gettext("Others"), others)] if others else groups


def hidden(found: InboxFilter) -> list[tuple[str, str]]:
    """What holds and has no field in the form, so that sending it keeps them."""
    return [(name, str(found.understood[name])) for name in ("state", "team", "source") if name in found.understood]


def problems(found: InboxFilter) -> list[str]:
    """What of the address was ignored, in words."""
    text = gettext("This address asks for “%(name)s” to be “%(value)s”, which means nothing here. It is ignored.")
    return [text % {"name": one.name, "value": shortened(one.value)} for one in found.ignored]


def shortened(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"


def capped(number: int) -> str:
    cap = conf.settings().unread_cap
    return f"{cap}+" if number > cap else str(number or "")


# ---- as the person left it ------------------------------------------------------------------------------------------


def remembered(request: Request) -> str:
    """The filters that this person used last in this browser; empty when there were none."""
    text = request.get_signed_cookie(COOKIE, default="", salt=_salt(request))
    return QueryDict(text).urlencode() if text and len(text) <= LONGEST_COOKIE else ""


def remember(request: Request, response: HttpResponse, found: InboxFilter) -> None:
    """Keeps the filters in the browser for the next time. What is too long for a cookie is not kept."""
    query, path = query_of(found.understood), reverse("team_notifications:inbox")
    if query and len(query) <= LONGEST_COOKIE:
        response.set_signed_cookie(
            COOKIE,
            query,
            salt=_salt(request),
            max_age=COOKIE_AGE,
            path=path,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    elif COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, path=path, samesite="Lax")


def _salt(request: Request) -> str:
    """Another person at the same browser left their inbox in another way."""
    return f"{COOKIE}.{request.user.pk}"


def _written(name: str, value: str, labels: dict[str, Any]) -> str:
    if name in ("since", "until"):
        day = parse_date(value)
        return date_format(day, "DATE_FORMAT") if day else value
    if name == "level":
        return str(LEVELS[value].label)
    return shortened(str(labels.get(value, value)))
