"""Which threads of an inbox: by team, level, kind, category, state, source, day and words, and how many there are.

The rows to choose from are `inbox.readable_by`, so a filter narrows what a person may see and never widens it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db.models import IntegerField, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet, MultipleChoiceFilter

from team_notifications import conf, kinds
from team_notifications.identifiers import SLUG, SLUG_MAX_LENGTH
from team_notifications.kinds import Kind
from team_notifications.levels import Level
from team_notifications.models.notification import UserNotificationQuerySet
from team_notifications.personal import PERSONAL
from team_notifications.recipients import all_users

Rows = UserNotificationQuerySet
Parameters = MultiValueDict[str, str]  # what a `QueryDict` is

INBOX = "inbox"  # the state when none is named
STATES: dict[str, tuple[Promise, Callable[[Rows, datetime], Rows]]] = {
    INBOX: (_("Inbox"), lambda rows, now: rows.in_inbox(now)),
    "unread": (_("Unread"), lambda rows, now: rows.in_inbox(now).unread()),
    "read": (_("Read"), lambda rows, now: rows.in_inbox(now).read()),
    "snoozed": (_("Snoozed"), lambda rows, now: rows.snoozed(now).filter(archived_at=None)),
    "archived": (_("Archived"), lambda rows, now: rows.archived()),
}
LEVELS = {level.slug: level for level in Level}
SOURCE = re.compile(r"\A[a-z_][a-z0-9_]{0,99}\.[a-z_][a-z0-9_]{0,99}(:[^\x00]{1,100})?\Z")
LONGEST_SEARCH = 200
SEARCH = {"type": "search"}
DAY = {
    "input_formats": ["%Y-%m-%d"],
    "widget": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    # Other days overflow in one time zone or another.
    "validators": [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
}


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """A value that means nothing for this parameter, or nothing to this person."""

    name: str
    value: str


class InboxFilter(FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Narrows `inbox.readable_by(user)` by the parameters of an address; without any it is what the inbox shows.

    `ignored` is the nonsense among them, which narrows nothing; `understood` the rest, in a fixed order. Names that
    are no filter are none of its business.
    """

    q = CharFilter(label=_("Search"), method="by_words", max_length=LONGEST_SEARCH, widget=forms.TextInput(SEARCH))
    state = ChoiceFilter(label=_("State"), choices=[(key, label) for key, (label, _rows) in STATES.items()])
    team = ChoiceFilter(label=_("Team"), method="by_team")
    level = MultipleChoiceFilter(
        label=_("Level"),
        method="by_level",
        choices=[(slug, level.label) for slug, level in LEVELS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    category = ChoiceFilter(label=_("Category"), method="by_category", empty_label=_("Any"))
    kind = MultipleChoiceFilter(label=_("Kind"), method="by_kind")
    source = CharFilter(label=_("Source"), method="by_source", validators=[RegexValidator(SOURCE)])
    since = DateFilter(label=_("From"), method="by_first_day", **DAY)
    until = DateFilter(label=_("To"), method="by_last_day", **DAY)

    def __init__(self, data: Parameters, queryset: Rows, *, teams: list[Any], request: Any = None) -> None:
        """`teams` are those of the person; they and the parameter's value are all that an address can name."""
        super().__init__(None, queryset, request=request)
        self.filters["team"].extra["choices"] = [
            (PERSONAL.pk, str(PERSONAL)),
            *((str(team.pk), str(team)) for team in teams),
        ]
        self.filters["category"].extra["choices"] = [(key, label) for key, (label, _kinds) in categories().items()]
        self.filters["kind"].extra["choices"] = list(_kind_choices(data.getlist("kind")))
        self.ignored: list[Ignored] = []
        self.understood: Parameters = MultiValueDict()
        for name, filter_ in self.filters.items():
            self.understood.setlist(name, self._understand(name, filter_.field, data.getlist(name)))
            if not self.understood.getlist(name):
                del self.understood[name]
        self.data, self.is_bound = self.understood, True

    @property
    def state_name(self) -> str:
        return self.understood.get("state") or INBOX

    @property
    def narrowing(self) -> Parameters:
        """What was understood but for the state: what may hide threads that the state alone would show."""
        narrowing = self.understood.copy()
        narrowing.pop("state", None)
        return narrowing

    def filter_queryset(self, queryset: Rows) -> Rows:
        _label, of_state = STATES[self.state_name]
        queryset = of_state(queryset, timezone.now())
        for name, value in self.form.cleaned_data.items():
            if name != "state":
                queryset = self.filters[name].filter(queryset, value)
        return queryset

    def by_words(self, rows: Rows, name: str, value: str) -> Rows:
        """Every word is in the title or in the message, in any case."""
        for word in value.split():
            rows = rows.filter(Q(notification__title__icontains=word) | Q(notification__message__icontains=word))
        return rows

    def by_team(self, rows: Rows, name: str, value: str) -> Rows:
        return rows.of(PERSONAL if value == PERSONAL.pk else value)

    def by_level(self, rows: Rows, name: str, value: list[str]) -> Rows:
        return rows.filter(notification__level__in=[LEVELS[slug] for slug in value])

    def by_category(self, rows: Rows, name: str, value: str) -> Rows:
        _label, same = categories()[value]
        return self.by_kind(rows, name, [kind.slug for kind in same])

    def by_kind(self, rows: Rows, name: str, value: list[str]) -> Rows:
        return rows.filter(notification__slug__in=value)

    def by_source(self, rows: Rows, name: str, value: str) -> Rows:
        model, _colon, key = value.partition(":")
        app, _dot, model = model.partition(".")
        rows = rows.filter(notification__source_app=app, notification__source_model=model)
        return rows.filter(notification__source_id=key) if key else rows

    def by_first_day(self, rows: Rows, name: str, value: date) -> Rows:
        return rows.filter(notification__last_event_at__gte=_midnight(value))

    def by_last_day(self, rows: Rows, name: str, value: date) -> Rows:
        return rows.filter(notification__last_event_at__lt=_midnight(value + timedelta(days=1)))

    def _understand(self, name: str, field: forms.Field, values: list[str]) -> list[str]:
        """The values that `field` takes, each once; where it takes one alone, the last. Notes the others as ignored."""
        takes_several = isinstance(field, forms.MultipleChoiceField)
        taken: dict[str, None] = {}
        for value in values:
            try:
                cleaned = field.clean([value] if takes_several and value else value)
            except ValidationError:
                self.ignored.append(Ignored(name=name, value=value))
            else:
                taken.update({value: None} if cleaned else {})
        return list(taken) if takes_several else list(taken)[-1:]


def categories() -> dict[str, tuple[str, list[Kind]]]:
    """The categories of kinds by what names them in addresses, in every language: their label here, and their kinds."""
    found: dict[str, tuple[str, list[Kind]]] = {}
    for label, same in kinds.by_category().items():
        with override(None):
            key = slugify(str(same[0].category), allow_unicode=True)
        found.setdefault(key or label, (label, []))[1].extend(same)
    return found


def _kind_choices(named: list[str]) -> Iterator[tuple[str, str]]:
    """Every registered kind, and the slugs in the address that have none."""
    for kind in kinds.all_kinds():
        yield kind.slug, str(kind.label)
    for slug in dict.fromkeys(named):
        if len(slug) <= SLUG_MAX_LENGTH and SLUG.fullmatch(slug) and kinds.find(slug) is None:
            yield slug, slug


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


# ---- how many -------------------------------------------------------------------------------------------------------


class BoundedCount(Subquery):
    """How many rows a sliced queryset has: the database stops where the slice ends."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS tn_bounded)"
    output_field = IntegerField()


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Up to one more than ``UNREAD_CAP`` of each, whatever else narrows the list."""

    unread: int
    personal: int  # unread ones
    snoozed: int
    archived: int


def counts(user: Any, readable: Rows) -> Counts:
    """How many threads there are in each state. One statement."""
    now = timezone.now()
    unread = readable.in_inbox(now).unread()
    states = {name: rows_of(readable, now) for name, (_label, rows_of) in STATES.items()}
    numbers = all_users().filter(pk=user.pk).values_list(
        *(_bounded(rows) for rows in (unread, unread.of(PERSONAL), states["snoozed"], states["archived"]))
    )  # fmt: skip
    found = numbers.first() or (0, 0, 0, 0)
    return Counts(unread=found[0], personal=found[1], snoozed=found[2], archived=found[3])


def teams_with_unread(user: Any, readable: Rows) -> list[Any]:
    """The user's teams by name, each with its number of unread threads as ``tn_unread``. One statement."""
    unread = readable.in_inbox(timezone.now()).unread().filter(team=OuterRef("pk"))
    teams = conf.directory().teams(user).annotate(tn_unread=_bounded(unread))
    return sorted(teams, key=lambda team: (str(team).casefold(), team.pk))


def _bounded(rows: Rows) -> BoundedCount:
    return BoundedCount(rows.order_by().values("pk")[: conf.settings().unread_cap + 1])
