"""The threads of a page under the days on which they happened last, in the person's time zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext

from team_notifications.inbox import FOREVER
from team_notifications.models import UserNotification


@dataclass(frozen=True, kw_only=True)
class Day:
    date: date
    rows: list[UserNotification]

    @property
    def name(self) -> str:
        today = timezone.localdate()
        if self.date == today:
            return gettext("Today")
        if self.date == today - timedelta(days=1):
            return gettext("Yesterday")
        names = {"weekday": date_format(self.date, "l"), "date": date_format(self.date, "MONTH_DAY_FORMAT")}
        if self.date.year != today.year:
            names["date"] = date_format(self.date, "DATE_FORMAT")
        return gettext("%(weekday)s, %(date)s") % names


def by_day(rows: Iterable[UserNotification]) -> list[Day]:
    """`rows` come the newest first, so each day is together."""
    grouped = groupby(rows, key=lambda row: timezone.localdate(row.notification.last_event_at))
    return [Day(date=day, rows=list(same)) for day, same in grouped]


def until(moment: datetime) -> str:
    """“until 4 p.m.”, “until March 5, 8 a.m.”, “for good”: how long something holds."""
    if moment >= FOREVER:
        return gettext("for good")
    local = timezone.localtime(moment)
    at = time_format(local.time(), "TIME_FORMAT")
    if local.date() == timezone.localdate():
        return gettext("until %(time)s") % {"time": at}
    form = "MONTH_DAY_FORMAT" if local.year == timezone.localdate().year else "DATE_FORMAT"
    return gettext("until %(date)s, %(time)s") % {"date": date_format(local, form), "time": at}
