"""What somebody who looks after a team chooses for it: the defaults of its members, and its floors.

Others may be at it as well. So each field carries what the page showed, and only what was changed there is stored.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from team_notifications.floors import Circle, Key
from team_notifications.levels import WHAT, Threshold
from team_notifications.models import Floor
from team_notifications.preferences import Origin, Scope
from team_notifications.web.forms import HELP, ScopeForm

NO_FLOOR = "none"
LEVELS = {NO_FLOOR: None, **{str(level.value): level for level in Threshold}}


class ChangesForm(forms.Form):
    """A form of choices that knows which of them were changed on the page."""

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def show_initial(self) -> None:
        for field in self.fields.values():
            field.show_hidden_initial = True


class TeamForm(ScopeForm, ChangesForm):
    """The defaults of a team. None in the cleaned data means: inherit from the setting."""

    help = {**HELP, Origin.HERE: _("Chosen for the team")}

    def __init__(self, scope: Scope, data: QueryDict | None = None) -> None:
        super().__init__(scope, data)
        self.show_initial()


class FloorForm(ChangesForm):
    """A field for each circle and channel. None in the cleaned data means: no floor."""

    prefix = "floor"

    def __init__(self, circles: Sequence[Circle], data: QueryDict | None = None) -> None:
        self.circles = circles
        super().__init__(data)
        self.keys: dict[str, Key] = {}
        for circle in circles:
            for channel in Floor.Channel:
                name = f"{channel.value}:{circle.permission}"
                self.keys[name] = (channel.value, circle.permission)
                self.fields[name] = _level_field(circle, channel)
        self.show_initial()

    def levels(self) -> dict[Key, Threshold | None]:
        """What is to be set. Not what holds already: a permission that is gone can keep its floor, and get none."""
        floors = {circle.permission: circle.floors for circle in self.circles}
        chosen = {self.keys[name]: level for name, level in self.changes().items()}
        return {
            (channel, permission): level
            for (channel, permission), level in chosen.items()
            if level != floors[permission].get(channel)
        }

    def rows(self) -> list[tuple[Circle, list[BoundField]]]:
        return [
            (
                circle,
                [self[name] for name, (_channel, permission) in self.keys.items() if permission == circle.permission],
            )
            for circle in self.circles
        ]


def _level_field(circle: Circle, channel: Floor.Channel) -> forms.Field:
    chosen = circle.floors.get(channel.value)
    offered: list[Threshold] = list(Threshold) if circle.members is not None else [chosen] if chosen else []
    labels = [(NO_FLOOR, gettext("As they choose")), *((str(level.value), str(WHAT[level])) for level in offered)]
    label = gettext("%(members)s, %(channel)s") % {"members": circle.label, "channel": channel.label}
    return forms.TypedChoiceField(
        label=label,
        choices=labels,
        coerce=_level,
        initial=str(chosen.value) if chosen else NO_FLOOR,
        error_messages={
            "required": gettext("%(field)s: no value was sent.") % {"field": label},
            "invalid_choice": f"{label}: {forms.ChoiceField.default_error_messages['invalid_choice']}",
        },
    )


def _level(name: str) -> Threshold | None:
    try:
        return LEVELS[name]
    except KeyError:
        raise ValueError(f"{name!r} is no level.") from None
