from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from team_notifications.levels import Threshold
from team_notifications.preferences import Choice, Origin, Scope

INHERIT = "inherit"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A preference that the page shows: its label, its values as a form posts them, and how to read those."""

    label: Promise
    values: dict[str, str | Promise]
    parse: Callable[[str], Any]


QUESTIONS = {
    "in_app_enabled": Question(
        label=_("In the inbox"), values={"True": _("On"), "False": _("Off")}, parse=lambda value: value == "True"
    ),
    "in_app_level": Question(
        label=_("Threshold"),
        values={str(value): label for value, label in Threshold.choices},
        parse=lambda value: Threshold(int(value)),
    ),
}
HELP = {
    Origin.HERE: _("Your choice"),
    Origin.EVERYWHERE: _("Inherited from your setting for all teams: %(value)s"),
    Origin.TEAM: _("Inherited from the team's default: %(value)s"),
    Origin.SETTING: _("Inherited from the default: %(value)s"),
}


class ScopeForm(forms.Form):
    """What a person chooses for one team, or for all of them. None in the cleaned data means: inherit."""

    def __init__(self, scope: Scope, data: QueryDict | None = None) -> None:
        self.scope = scope
        self.key = str(scope.team.pk) if scope.team else ""
        self.element_id = f"scope-{self.key or 'everywhere'}"
        super().__init__(data, auto_id=f"{self.element_id}-%s")
        for name, question in QUESTIONS.items():
            self.fields[name] = _field(question, scope.choices[name])

    @property
    def name(self) -> str:
        return str(self.scope.team or _("All teams"))

    @property
    def address(self) -> str:
        return reverse("team_notifications:preferences", args=[self.key] if self.key else [])


def _field(question: Question, choice: Choice) -> forms.Field:
    inherited = gettext("Inherit: %(value)s") % {"value": question.values[str(choice.inherited)]}
    return forms.TypedChoiceField(
        label=str(question.label),
        choices=[(INHERIT, inherited), *question.values.items()],
        coerce=lambda value: None if value == INHERIT else question.parse(value),
        initial=INHERIT if choice.own is None else str(choice.own),
        help_text=HELP[choice.origin] % {"value": question.values[str(choice.effective)]},
        # Every scope has fields of the same name, so an error says which one it means.
        error_messages={
            "required": gettext("%(field)s: no value was sent.") % {"field": question.label},
            "invalid_choice": f"{question.label}: {forms.ChoiceField.default_error_messages['invalid_choice']}",
        },
    )
