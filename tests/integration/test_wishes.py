"""When a worker sends what it owes, by what the member chose here, everywhere, and by what the team chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail

from team_notifications.delivery import mailings
from team_notifications.levels import Level
from team_notifications.models import Preference
from tests.cast import Cast
from tests.web import tell

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAILY = {"email_frequency": "daily", "digest_hour": 8}
WEEKLY = {"email_frequency": "weekly", "digest_hour": 8, "digest_weekday": 3}
OVER_NOON = {"quiet_hours": True, "quiet_from": time(11), "quiet_until": time(14)}
AT_NIGHT = {"quiet_hours": True, "quiet_from": time(22), "quiet_until": time(7)}
EVERYTHING = {"email_level": Level.INFO.weight}


def until(moment: datetime) -> dict[str, Any]:
    return {"do_not_disturb_until": moment}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What Alice chose in Acme (`here`), `everywhere` and in Globex (`elsewhere`), and what `acme` chose for all."""

    says: str
    goes: datetime
    here: Mapping[str, Any] = field(default_factory=dict)
    everywhere: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, Any] = field(default_factory=dict)
    acme: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.WARNING
    happened: datetime = NOON
    zone: str = "UTC"


CASES = [
    Case(says="nothing chosen: at once", goes=NOON),
    # ---- whose word holds
    Case(says="here before everywhere", here=DAILY, everywhere=WEEKLY, goes=NOON + 20 * HOUR),
    Case(says="at once here, a digest everywhere", here={"email_frequency": "instant"}, everywhere=WEEKLY, goes=NOON),
    Case(says="everywhere before the team", everywhere=DAILY, acme=WEEKLY, goes=NOON + 20 * HOUR),
    Case(says="here before the team", here=DAILY, acme=WEEKLY, goes=NOON + 20 * HOUR),
    Case(says="the team before the settings", acme=DAILY, goes=NOON + 20 * HOUR),
    Case(
        says="each choice by itself",
        here={"email_frequency": "daily"},
        everywhere={"digest_hour": 17, "digest_weekday": 5},
        acme={"digest_hour": 6, "email_instant_level": 40},
        goes=NOON + 5 * HOUR,
    ),
    Case(says="what holds in another team", elsewhere={**WEEKLY, **OVER_NOON, **until(NOON + DAY)}, goes=NOON),
    # ---- digests
    Case(says="on its day of the week", here=WEEKLY, goes=NOON + 3 * DAY - 4 * HOUR),
    Case(says="later on that day", here={**WEEKLY, "digest_weekday": 0, "digest_hour": 13}, goes=NOON + HOUR),
    Case(says="a week after that day", here={**WEEKLY, "digest_weekday": 0}, goes=NOON + 7 * DAY - 4 * HOUR),
    Case(says="every hour", here={"email_frequency": "hourly"}, happened=NOON + 0.3 * HOUR, goes=NOON + HOUR),
    Case(says="on the hour of the member", here=DAILY, zone="America/New_York", goes=NOON + HOUR),
    # ---- what no digest holds back
    Case(says="errors, unless chosen otherwise", here=DAILY, level=Level.ERROR, goes=NOON),
    Case(says="warnings, if chosen", here={**DAILY, "email_instant_level": 30}, goes=NOON),
    Case(
        says="errors, where warnings are chosen",
        here={**DAILY, "email_instant_level": 30},
        level=Level.ERROR,
        goes=NOON,
    ),
    Case(
        says="a success, where warnings are chosen",
        here={**DAILY, **EVERYTHING, "email_instant_level": 30},
        level=Level.SUCCESS,
        goes=NOON + 20 * HOUR,
    ),
    Case(
        says="everything, if chosen",
        here={**DAILY, **EVERYTHING, "email_instant_level": 20},
        level=Level.INFO,
        goes=NOON,
    ),
    Case(says="warnings, if the team chose", here=DAILY, acme={"email_instant_level": 30}, goes=NOON),
    # ---- do not disturb
    Case(says="not here", here=until(NOON + 3 * HOUR), level=Level.ERROR, goes=NOON + 3 * HOUR),
    Case(says="nowhere", everywhere=until(NOON + 3 * HOUR), level=Level.ERROR, goes=NOON + 3 * HOUR),
    Case(
        says="nowhere, beside other choices here",
        here={"email_frequency": "instant"},
        everywhere=until(NOON + 3 * HOUR),
        goes=NOON + 3 * HOUR,
    ),
    Case(
        says="nowhere for longer than here",
        here=until(NOON + HOUR),
        everywhere=until(NOON + 3 * HOUR),
        goes=NOON + 3 * HOUR,
    ),
    Case(
        says="here for longer than anywhere",
        here=until(NOON + 3 * HOUR),
        everywhere=until(NOON + HOUR),
        goes=NOON + 3 * HOUR,
    ),
    Case(says="that ended", everywhere=until(NOON - HOUR), goes=NOON),
    # ---- quiet hours
    Case(says="quiet", here=OVER_NOON, goes=NOON + 2 * HOUR),
    Case(says="quiet everywhere", everywhere=OVER_NOON, goes=NOON + 2 * HOUR),
    Case(says="quiet everywhere and not here", here={"quiet_hours": False}, everywhere=OVER_NOON, goes=NOON),
    Case(says="quiet over midnight", here=AT_NIGHT, happened=NOON + 11 * HOUR, goes=NOON + 19 * HOUR),
    Case(says="quiet at other times", here=AT_NIGHT, goes=NOON),
    Case(says="quiet by the member's clock", here=AT_NIGHT, zone="Pacific/Auckland", goes=NOON + 6 * HOUR),
    Case(says="quiet for errors too", here=OVER_NOON, level=Level.ERROR, goes=NOON + 2 * HOUR),
    Case(says="errors break through", here={**OVER_NOON, "quiet_except_errors": True}, level=Level.ERROR, goes=NOON),
    Case(
        says="errors break through here, quiet is everywhere",
        here={"quiet_except_errors": True},
        everywhere=OVER_NOON,
        level=Level.ERROR,
        goes=NOON,
    ),
    Case(
        says="a warning does not break through",
        here={**OVER_NOON, "quiet_except_errors": True, "email_instant_level": 30},
        goes=NOON + 2 * HOUR,
    ),
    Case(says="quiet when the digest is due", here={**DAILY, **OVER_NOON, "digest_hour": 13}, goes=NOON + 2 * HOUR),
    Case(
        says="disturbed again in quiet hours",
        here={**OVER_NOON, **until(NOON + HOUR)},
        goes=NOON + 2 * HOUR,
    ),
]


def deliver(at: datetime) -> list[str]:
    """Whom a worker sends mail to at that time."""
    mail.outbox.clear()
    with time_machine.travel(at, tick=False):
        mailings.deliver()
    return [message.to[0] for message in mail.outbox]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_mail_goes_when_the_member_wants_it_and_not_before(cast: Cast, case: Case) -> None:
    type(cast.alice).objects.filter(pk=cast.alice.pk).update(time_zone=case.zone)
    for user, team, chosen in (
        (cast.alice, cast.acme, case.here),
        (cast.alice, None, case.everywhere),
        (cast.alice, cast.globex, case.elsewhere),
        (None, cast.acme, case.acme),
    ):
        if chosen:
            Preference.objects.create(user=user, team=team, **chosen)
    with time_machine.travel(case.happened, tick=False):
        tell(cast.acme, level=case.level, permissions=["teams.change_team"])  # which Alice alone may
    if case.goes > case.happened:
        assert deliver(case.happened) == []
        assert deliver(case.goes - timedelta(seconds=1)) == []
    assert deliver(case.goes) == [cast.alice.email]


def test_what_is_wished_in_one_team_says_nothing_about_another_of_the_same_batch(cast: Cast) -> None:
    Preference.objects.create(user=cast.bob, team=cast.acme, **WEEKLY)
    Preference.objects.create(user=cast.bob, team=cast.globex, **OVER_NOON)
    with time_machine.travel(NOON, tick=False):
        for team in (cast.acme, cast.globex):
            tell(team, level=Level.WARNING)
    assert deliver(NOON).count(cast.bob.email) == 0
    assert deliver(NOON + 2 * HOUR) == [cast.bob.email]
    assert [message.from_email.partition(" ")[0] for message in mail.outbox] == ['"Globex']
    assert deliver(NOON + 3 * DAY - 4 * HOUR) == [cast.bob.email]
