"""Until when: a quick choice, or any time. In the person's time zone. Here of threads that are snoozed or muted."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from team_notifications.inbox import FOREVER

MORNING = time(8)
LONGEST = timedelta(days=366)

# What a button sends → its label, and the time that it means; None: it ends at once
Quick = Mapping[str, tuple[Promise, Callable[[datetime], datetime | None]]]


def morning_in(days: int, now: datetime) -> datetime:
    return timezone.make_aware(datetime.combine(now.date() + timedelta(days=days), MORNING))


SNOOZES: Quick = {
    "later": (_("Later today"), lambda now: now + timedelta(hours=3)),
    "tomorrow": (_("Tomorrow"), lambda now: morning_in(1, now)),
    "week": (_("Next week"), lambda now: morning_in(7 - now.weekday(), now)),
}
MUTES: Quick = {
    "hours": (_("For 8 hours"), lambda now: now + timedelta(hours=8)),
    "day": (_("For a day"), lambda now: now + timedelta(days=1)),
    "week": (_("For a week"), lambda now: now + timedelta(days=7)),
    "ever": (_("For good"), lambda now: FOREVER),
}


def labels(quick: Quick) -> list[tuple[str, Promise]]:
    return [(key, label) for key, (label, _time) in quick.items()]


class UntilForm(forms.Form):
    """Cleans to ``until``. A quick choice, which the field `button` sends, goes before a time."""

    until = forms.DateTimeField(required=False)

    def __init__(self, quick: Quick, data: QueryDict | None, *, button: str = "for", **options: Any) -> None:
        super().__init__(data, **options)
        self.quick, self.button = quick, button
        self.fields[button] = forms.ChoiceField(required=False, choices=labels(quick))

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data.get(self.button)
        if chosen:
            _label, ends = self.quick[chosen]
            self.cleaned_data["until"] = ends(timezone.localtime())
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
