"""The kinds of things that this feature tells.

Level and audience stay with the calls in `notifications`, so that others who tell of an action with these slugs and a
title of their own reach whom they reached before there were kinds.
"""

from django.utils.translation import gettext_lazy as _

from team_notifications import kinds
from team_notifications.kinds import Kind

MONITORING = _("Monitoring")

DOWN = Kind(
    slug="custom-action-down",
    label=_("Action down"),
    category=MONITORING,
    title="{name} is down",
    message="{reason}",
    params={"name": "Checkout", "reason": "It answered 503, and should answer 200."},
)
SLOW = Kind(
    slug="custom-action-slow",
    label=_("Action slow"),
    category=MONITORING,
    title="{name} is slow",
    message="It answered after {seconds} s; after {timeout} s it counts as down.",
    params={"name": "Checkout", "seconds": "4.2", "timeout": 5},
)


def register() -> None:
    for kind in (DOWN, SLOW):
        kinds.register(kind)
