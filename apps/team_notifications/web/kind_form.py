"""Through which channels a person wants each kind: everywhere or for one team."""

from collections.abc import Mapping

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from team_notifications import kinds
from team_notifications.kind_preferences import ALL_CHANNELS
from team_notifications.kinds import Kind
from team_notifications.preferences import Choice, Origin, Scope
from team_notifications.web.forms import Options, choice_field, element_id

OPTIONS: Options = {
    "both": (ALL_CHANNELS, _("Inbox and email")),
    "in-app": (frozenset({"in_app"}), _("Inbox only")),
    "email": (frozenset({"email"}), _("Email only")),
    "none": (frozenset(), _("Neither")),
}


class KindForm(forms.Form):
    """A field for each kind, by its slug. None in the cleaned data means: inherit."""

    prefix = "kind"

    def __init__(self, scope: Scope, choices: Mapping[str, Choice], data: QueryDict | None = None) -> None:
        self.choices = choices
        super().__init__(data, auto_id=f"{element_id(scope)}-%s")
        for slug, choice in choices.items():
            kind = kinds.find(slug)
            self.fields[slug] = choice_field(kind.label if kind else slug, OPTIONS, choice)

    def categories(self) -> list[tuple[str, list[tuple[Kind | None, BoundField]]]]:
        """The kinds by category; at the end those that no feature knows any more, without a kind."""
        found: list[tuple[str, list[tuple[Kind | None, BoundField]]]] = [
            (name, [(kind, self[kind.slug]) for kind in same]) for name, same in kinds.by_category().items()
        ]
        unknown: list[tuple[Kind | None, BoundField]] = [
            (None, self[slug]) for slug in self.choices if kinds.find(slug) is None
        ]
        return [*found, (gettext("No longer in use"), unknown)] if unknown else found

    def is_open(self) -> bool:
        """What a person chose here has to be seen, and what is wrong."""
        return bool(self.errors) or any(choice.origin is Origin.HERE for choice in self.choices.values())

    def summary(self) -> str:
        """What holds, whoever chose it."""
        fewer = sum(choice.effective != ALL_CHANNELS for choice in self.choices.values())
        if not fewer:
            return gettext("all through inbox and email")
        return str(ngettext("fewer channels for %d kind", "fewer channels for %d kinds", fewer) % fewer)
