"""Until when somebody does not want to be disturbed: a quick choice, or any time. In their own time zone."""

from datetime import timedelta

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from team_notifications.preferences import Scope
from team_notifications.web.forms import element_id
from team_notifications.web.until import Quick, UntilForm, labels, morning_in

QUICK: Quick = {
    "hour": (_("For an hour"), lambda now: now + timedelta(hours=1)),
    "tomorrow": (_("Until tomorrow morning"), lambda now: morning_in(1, now)),
    "monday": (_("Until Monday morning"), lambda now: morning_in(7 - now.weekday(), now)),
    "end": (_("End it"), lambda now: None),
}


class DoNotDisturbForm(UntilForm):
    """Cleans to ``until``: a time, or None to end it."""

    until = forms.DateTimeField(
        label=_("Do not disturb until"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, scope: Scope, data: QueryDict | None = None) -> None:
        super().__init__(QUICK, data, button="quick", auto_id=f"{element_id(scope)}-%s")

    def quick_choices(self) -> list[tuple[str, Promise]]:
        return [(key, label) for key, label in labels(QUICK) if key != "end"]
