"""A chart of when a thread happened, as the numbers of an SVG: no script, and no style attribute."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from team_notifications.history import Bucket, Chart, Unit

WIDTH, HEIGHT = 600, 72
FLOOR = 3  # of a bar that is not empty: to be seen beside one that is a thousand times as high


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle in units of the drawing. They are whole, so that no language writes them with a comma."""

    x: int
    y: int
    width: int
    height: int
    label: str


class Drawing:
    """What the template draws, and says of it in words and in a table."""

    width, height = WIDTH, HEIGHT

    def __init__(self, chart: Chart) -> None:
        self.chart = chart

    @property
    def bars(self) -> list[Bar]:
        step = WIDTH / len(self.chart.buckets)
        highest = max(self.chart.highest, 1)
        bars = []
        for number, bucket in enumerate(self.chart.buckets):
            left, right = round(number * step), round((number + 1) * step)
            height = max(FLOOR, round(HEIGHT * bucket.count / highest)) if bucket.count else 1
            bars.append(
                Bar(
                    x=left,
                    y=HEIGHT - height,
                    width=max(right - left - (3 if step > 12 else 1), 1),
                    height=height,
                    label=f"{self._name(bucket)}: {times(bucket.count)}" if bucket.count else "",
                )
            )
        return bars

    @property
    def rows(self) -> list[tuple[str, int]]:
        """Those of the table: what each bar that is not empty says."""
        return [(self._name(bucket), bucket.count) for bucket in self.chart.buckets if bucket.count]

    @property
    def begin(self) -> str:
        return self._name(self.chart.buckets[0])

    @property
    def highest(self) -> str:
        return {
            Unit.HOUR: gettext("at most %(times)s in an hour"),
            Unit.DAY: gettext("at most %(times)s in a day"),
            Unit.WEEK: gettext("at most %(times)s in a week"),
        }[self.chart.unit] % {"times": times(self.chart.highest)}

    @property
    def heading(self) -> str:
        """That of the column which says when."""
        return {Unit.HOUR: gettext("Hour from"), Unit.DAY: gettext("Day"), Unit.WEEK: gettext("Week from")}[
            self.chart.unit
        ]

    def _name(self, bucket: Bucket) -> str:
        if self.chart.unit is Unit.HOUR:
            return hour(bucket.start)
        return date_format(bucket.start, "DATE_FORMAT")


def hour(start: datetime) -> str:
    day, clock = date_format(start, "MONTH_DAY_FORMAT"), date_format(start, "TIME_FORMAT")
    return clock if start.date() == timezone.localdate(timezone=start.tzinfo) else f"{day}, {clock}"


def times(count: int) -> str:
    return ngettext("%d time", "%d times", count) % count
