"""What a person can choose on the preferences page: everywhere, for one team, or for personal notifications."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import time_format
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from team_notifications import conf
from team_notifications.levels import Threshold
from team_notifications.models.preference import WEEKDAYS, Frequency
from team_notifications.preferences import Choice, Origin, Scope

Values = Mapping[Any, str | Promise]
Options = Mapping[str, tuple[Any, str | Promise]]  # what the form sends → the value that it means, and its label
Groups = list[tuple[Promise, list[str]]]  # legend, fields
Group = tuple[Promise, list[BoundField], str]  # legend, fields, note
Floors = Mapping[str, Threshold]  # by channel


def clock(at: time) -> str:
    """A time of the day as people here write it."""
    return time_format(at, "TIME_FORMAT")


def days(number: int) -> str:
    """How long something is kept: no longer than this site keeps anything."""
    number = min(number, conf.settings().max_age_days)
    return ngettext("%d day", "%d days", number) % number


def is_kept(number: int) -> bool:
    """Whether anything is kept for so many days on this site."""
    return number <= conf.settings().max_age_days


_clock = lazy(clock, str)
_days = lazy(days, str)

INHERIT = "inherit"
ON_OFF: Values = {True: _("On"), False: _("Off")}
HOURS: Values = {hour: _clock(time(hour)) for hour in range(24)}
HALF_HOURS: Values = {at: _clock(at) for hour in range(24) for at in (time(hour), time(hour, 30))}
DAYS: Values = {number: _days(number) for number in (1, 7, 14, 30, 60, 90, 180, 365)}


@dataclass(frozen=True, kw_only=True)
class Question:
    """A preference that the page shows: its label, and the values to choose from."""

    label: Promise
    values: Values
    written: Callable[[Any], str] | None = None  # how one is written that is not among them, but was chosen elsewhere
    offered: Callable[[Any], bool] = lambda value: True  # whether one makes sense on this site


QUESTIONS = {
    "in_app_enabled": Question(label=_("In the inbox"), values=ON_OFF),
    "in_app_level": Question(label=_("Threshold"), values=dict(Threshold.choices)),
    "retention_days": Question(label=_("Keep what was read for"), values=DAYS, written=days, offered=is_kept),
    "email_enabled": Question(label=_("By email"), values=ON_OFF),
    "email_level": Question(label=_("Threshold"), values=dict(Threshold.choices)),
    "email_frequency": Question(label=_("How often"), values=dict(Frequency.choices)),
    "email_instant_level": Question(label=_("At once anyway"), values=dict(Threshold.choices)),
    "digest_hour": Question(label=_("Digest at"), values=HOURS),
    "digest_weekday": Question(label=_("Weekly digest on"), values=dict(WEEKDAYS)),
    "quiet_hours": Question(label=_("Hold mail back"), values=ON_OFF),
    "quiet_from": Question(label=_("From"), values=HALF_HOURS, written=clock),
    "quiet_until": Question(label=_("Until"), values=HALF_HOURS, written=clock),
    "quiet_except_errors": Question(label=_("Errors break through"), values=ON_OFF),
}
GROUPS: Groups = [
    (_("Inbox"), ["in_app_enabled", "in_app_level", "retention_days"]),
    (_("Email"), ["email_enabled", "email_level", "email_frequency"]),
]
RARE_GROUPS: Groups = [
    (_("Digest"), ["email_instant_level", "digest_hour", "digest_weekday"]),
    (_("Quiet hours"), ["quiet_hours", "quiet_from", "quiet_until", "quiet_except_errors"]),
]
HELP = {
    Origin.HERE: _("Your choice"),
    Origin.EVERYWHERE: _("From your setting for everywhere"),
    Origin.TEAM: _("From the team's default"),
    Origin.SETTING: _("From the default"),
}


class ScopeForm(forms.Form):
    """What a person chooses in one scope. None in the cleaned data means: inherit.

    `notes` say of a group what holds besides, by the name of its first field.
    """

    help: Mapping[Origin, str | Promise] = HELP

    def __init__(self, scope: Scope, data: QueryDict | None = None, notes: Mapping[str, str] | None = None) -> None:
        self.scope = scope
        self.notes = notes or {}
        super().__init__(data, auto_id=f"{element_id(scope)}-%s")
        for name, question in QUESTIONS.items():
            choice = scope.choices[name]
            options = {str(value): (value, label) for value, label in _values(question, choice).items()}
            self.fields[name] = choice_field(question.label, options, choice, self.help)

    def groups(self) -> list[Group]:
        return self._bound(GROUPS)

    def rare_groups(self) -> list[Group]:
        return self._bound(RARE_GROUPS)

    def rare_is_open(self) -> bool:
        """What is wrong has to be seen."""
        return any(name in self.errors for _legend, names in RARE_GROUPS for name in names)

    def quiet_summary(self) -> str:
        return quiet_summary(self.scope)

    def _bound(self, groups: Groups) -> list[Group]:
        return [(legend, [self[name] for name in names], self.notes.get(names[0], "")) for legend, names in groups]


def key_of(scope: Scope) -> str:
    """What names the scope in addresses; empty for everywhere."""
    return "" if scope.team is None else str(scope.team.pk)


def element_id(scope: Scope) -> str:
    return f"scope-{key_of(scope) or 'everywhere'}"


def address(scope: Scope, view: str) -> str:
    return reverse(f"team_notifications:{view}", args=[key_of(scope)] if scope.team is not None else [])


def inbox_summary(scope: Scope, floors: Floors) -> str:
    """What holds, whoever chose it, or a floor of the team."""
    return _threshold(scope, floors, "in_app") or gettext("off")


def email_summary(scope: Scope, floors: Floors) -> str:
    threshold = _threshold(scope, floors, "email")
    if not threshold:
        return gettext("off")
    labels = {"threshold": threshold, "frequency": _label(scope, "email_frequency")}
    return gettext("%(threshold)s, %(frequency)s") % {**labels, "frequency": str(labels["frequency"]).lower()}


def quiet_summary(scope: Scope) -> str:
    if not scope.choices["quiet_hours"].effective:
        return gettext("no quiet hours")
    ends = {"start": _label(scope, "quiet_from"), "end": _label(scope, "quiet_until")}
    return gettext("quiet from %(start)s to %(end)s") % ends


def _threshold(scope: Scope, floors: Floors, channel: str) -> str:
    """From which level on the channel reaches the person; empty when it is off."""
    chosen = [scope.choices[f"{channel}_level"].effective] if scope.choices[f"{channel}_enabled"].effective else []
    floor = [floors[channel]] if channel in floors else []
    lowest = min([*chosen, *floor], default=None)
    return "" if lowest is None else str(Threshold(lowest).label)


def _label(scope: Scope, name: str) -> str | Promise:
    choice = scope.choices[name]
    return _values(QUESTIONS[name], choice)[choice.effective]


def _values(question: Question, choice: Choice) -> Values:
    """The values to choose from, and one between them that somebody chose elsewhere."""
    if question.written is None:
        return question.values
    elsewhere = {value: question.written(value) for value in (choice.own, choice.inherited) if value is not None}
    offered = {value: text for value, text in question.values.items() if question.offered(value)}
    return dict(sorted({**elsewhere, **offered}.items()))


def choice_field(
    label: str | Promise, options: Options, choice: Choice, help_by: Mapping[Origin, str | Promise] = HELP
) -> forms.Field:
    """Lets choose one of the `options`, or to inherit; cleans to the value, or to None."""
    values: dict[str, Any] = {INHERIT: None, **{name: value for name, (value, _label) in options.items()}}

    def meant(name: str) -> Any:
        if name not in values:
            raise ValueError(f"{name!r} is not among the choices.")
        return values[name]

    names = {value: name for name, (value, _label) in options.items()}
    inherited = gettext("Inherit: %(value)s") % {"value": options[names[choice.inherited]][1]}
    return forms.TypedChoiceField(
        label=str(label),
        choices=[(INHERIT, inherited), *((name, text) for name, (_value, text) in options.items())],
        coerce=meant,
        initial=INHERIT if choice.own is None else names[choice.own],
        help_text=str(help_by[choice.origin]),
        # An error may be read out by itself, so it says which field it means.
        error_messages={
            "required": gettext("%(field)s: no value was sent.") % {"field": label},
            "invalid_choice": f"{label}: {forms.ChoiceField.default_error_messages['invalid_choice']}",
        },
    )
