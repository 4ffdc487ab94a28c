"""Until when somebody does not want to be disturbed: a quick choice, or any time. In their own time zone."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from team_notifications.preferences import Scope
from team_notifications.web.forms import element_id

MORNING = time(8)
LONGEST = timedelta(days=366)


def morning_in(days: int, now: datetime) -> datetime:
    return timezone.make_aware(datetime.combine(now.date() + timedelta(days=days), MORNING))


# What a button sends → its label, and the time that it means
QUICK: dict[str, tuple[Promise, Callable[[datetime], datetime | None]]] = {
    "hour": (_("For an hour"), lambda now: now + timedelta(hours=1)),
    "tomorrow": (_("Until tomorrow morning"), lambda now: morning_in(1, now)),
    "monday": (_("Until Monday morning"), lambda now: morning_in(7 - now.weekday(), now)),
    "end": (_("End it"), lambda now: None),
}


class DoNotDisturbForm(forms.Form):
    """Cleans to ``until``: a time, or None to end it."""

    quick = forms.ChoiceField(required=False, choices=[(key, label) for key, (label, _time) in QUICK.items()])
    until = forms.DateTimeField(
        label=_("Do not disturb until"),
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, scope: Scope, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id=f"{element_id(scope)}-%s")

    def quick_choices(self) -> list[tuple[str, Promise]]:
        return [(key, label) for key, (label, _time) in QUICK.items() if key != "end"]

    def clean(self) -> dict[str, Any]:
        quick = self.cleaned_data.get("quick")
        if quick:
            self.cleaned_data["until"] = QUICK[quick][1](timezone.localtime())
        elif not self.errors:
            self._check(self.cleaned_data["until"])
        return self.cleaned_data

    def _check(self, until: datetime | None) -> None:
        now = timezone.now()
        if until is None:
            self.add_error("until", _("Choose a time."))
        elif until <= now:
            self.add_error("until", _("This time is over."))
        elif until > now + LONGEST:
            self.add_error("until", _("At most a year from now."))
