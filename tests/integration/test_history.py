"""When a thread happened: page by page, and counted by the hour, day and week."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from team_notifications import history
from team_notifications.cursors import InvalidCursor
from team_notifications.history import MOST_BUCKETS, Unit
from team_notifications.levels import Level
from team_notifications.models import Notification, Occurrence
from teams.models import Team
from tests.cast import Cast
from tests.web import tell

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def happened(thread: Notification, *times: datetime) -> Notification:
    """The thread, with these occurrences and no others."""
    thread.history.all().delete()
    Occurrence.objects.bulk_create(
        Occurrence(notification=thread, at=at, title=thread.title, level=thread.level) for at in times
    )
    Notification.objects.filter(pk=thread.pk).update(occurrences=len(times))
    thread.occurrences = len(times)
    return thread


def counts(chart: history.Chart) -> dict[str, int]:
    return {f"{bucket.start:%m-%d %H}": bucket.count for bucket in chart.buckets if bucket.count}


# ---- the list -------------------------------------------------------------------------------------------------------


def test_the_history_is_all_that_happened_the_newest_first(cast: Cast) -> None:
    times = [NOON - hours * HOUR for hours in range(5)]
    page = history.page(happened(tell(cast.acme), *times))
    assert [entry.at for entry in page.entries] == times
    assert page.next == ""


def test_pages_go_through_all_of_it_once_also_where_many_happened_at_the_same_time(cast: Cast) -> None:
    thread = happened(tell(cast.acme), *[NOON] * 4, *[NOON - HOUR] * 3)
    cursor, seen = "", []
    while True:
        page = history.page(thread, after=cursor, size=2)
        seen += [entry.at for entry in page.entries]
        cursor = page.next
        if not cursor:
            break
    assert seen == [NOON] * 4 + [NOON - HOUR] * 3


@pytest.mark.parametrize("cursor", ["nonsense", "1-", "-1", "9" * 50, "１-２"])
def test_a_text_that_is_no_cursor_is_refused_by_name(cast: Cast, cursor: str) -> None:
    with pytest.raises(InvalidCursor, match=cursor):
        history.page(tell(cast.acme), after=cursor)


def test_an_entry_says_what_differs_from_now(cast: Cast) -> None:
    tell(cast.acme, title="Slow", message="2 s", level="warning")
    tell(cast.acme, title="Down", message="503", level="error")
    thread = tell(cast.acme, title="Down", message="500", level="error")
    said = [(entry.level, entry.title, entry.message) for entry in history.page(thread).entries]
    assert said == [(None, "", ""), (None, "", "503"), (Level.WARNING, "Slow", "2 s")]


def test_nothing_of_another_thread_is_in_it(cast: Cast) -> None:
    tell(cast.acme, "other")
    thread = tell(cast.acme)
    assert len(history.page(thread).entries) == 1
    assert sum(bucket.count for bucket in history.chart(thread).buckets) == 1


# ---- the chart ------------------------------------------------------------------------------------------------------


def test_a_short_time_is_shown_by_the_hour_for_a_day_at_least(cast: Cast) -> None:
    chart = history.chart(happened(tell(cast.acme), NOON, NOON, NOON - HOUR), zone=UTC, now=NOON)
    assert (chart.unit, len(chart.buckets), chart.highest) == (Unit.HOUR, 24, 2)
    assert counts(chart) == {"03-02 12": 2, "03-02 11": 1}


@pytest.mark.parametrize(
    ("first", "unit", "buckets"),
    [
        (59 * HOUR, Unit.HOUR, 60),
        (60 * HOUR, Unit.DAY, 14),
        (59 * DAY, Unit.DAY, 60),
        (60 * DAY, Unit.WEEK, 10),
        (59 * 7 * DAY, Unit.WEEK, 60),
    ],
)
def test_the_unit_is_the_smallest_of_which_few_are_enough(
    cast: Cast, first: timedelta, unit: Unit, buckets: int
) -> None:
    chart = history.chart(happened(tell(cast.acme), NOON - first, NOON), zone=UTC, now=NOON)
    assert (chart.unit, len(chart.buckets), chart.earlier) == (unit, buckets, 0)
    assert [bucket.count for bucket in chart.buckets if bucket.count] == [1, 1]


def test_what_lies_further_back_is_counted_as_earlier(cast: Cast) -> None:
    times = [NOON, NOON - 60 * 7 * DAY, NOON - 61 * 7 * DAY]
    chart = history.chart(happened(tell(cast.acme), *times), zone=UTC, now=NOON)
    assert (len(chart.buckets), sum(bucket.count for bucket in chart.buckets), chart.earlier) == (MOST_BUCKETS, 1, 2)


def test_what_the_cleanup_removed_is_counted_as_earlier(cast: Cast) -> None:
    thread = happened(tell(cast.acme), NOON)
    thread.occurrences = 12
    assert history.chart(thread, zone=UTC, now=NOON).earlier == 11
    thread.history.all().delete()
    with time_machine.travel(NOON, tick=False):
        assert history.chart(thread, zone=UTC).highest == 0


def test_days_are_those_of_the_zone(cast: Cast) -> None:
    at = datetime(2026, 2, 20, 23, 30, tzinfo=UTC)
    thread = happened(tell(cast.acme), at)
    assert counts(history.chart(thread, zone=UTC, now=NOON)) == {"02-20 00": 1}
    assert counts(history.chart(thread, zone=ZoneInfo("Asia/Tokyo"), now=NOON)) == {"02-21 00": 1}


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Lisbon", datetime(2026, 3, 30, tzinfo=UTC)),
        ("Europe/Lisbon", datetime(2026, 10, 26, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 6, tzinfo=UTC)),  # by half an hour
        ("Australia/Lord_Howe", datetime(2026, 10, 5, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 30, tzinfo=UTC)),  # 5:45 from UTC
    ],
)
@pytest.mark.parametrize("minutes", [0, 10, 40])
def test_each_occurrence_is_counted_once_when_the_clocks_change(
    cast: Cast, zone: str, day: datetime, minutes: int
) -> None:
    end = day + timedelta(minutes=minutes)
    times = [end - minutes * timedelta(minutes=30) for minutes in range(80)]
    chart = history.chart(happened(tell(cast.acme), *times), zone=ZoneInfo(zone), now=end)
    assert chart.unit is Unit.HOUR
    assert (sum(bucket.count for bucket in chart.buckets), chart.earlier) == (80, 0)
    assert min(bucket.count for bucket in chart.buckets[1:-1]) > 0


class Always(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(
        ages=st.lists(st.integers(0, 3 * 365 * 24 * 60), min_size=1, max_size=20),
        zone=st.sampled_from(["UTC", "Europe/Lisbon", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"]),
        offset=st.integers(0, 365 * 24),
    )
    def test_buckets_are_few_in_order_and_count_each_once(self, ages: list[int], zone: str, offset: int) -> None:
        now = NOON + offset * HOUR
        team = Team.objects.create(name="Acme", slug="acme")
        thread = happened(tell(team), *(now - timedelta(minutes=age) for age in ages))
        chart = history.chart(thread, zone=ZoneInfo(zone), now=now)
        starts = [bucket.start for bucket in chart.buckets]
        assert 1 <= len(starts) <= MOST_BUCKETS
        assert starts == sorted(set(starts))
        since = starts[0]
        counted = sum(bucket.count for bucket in chart.buckets)
        assert counted == sum(now - timedelta(minutes=age) >= since for age in ages)
        assert counted + chart.earlier == len(ages)
        team.delete()


def test_10_occurrences_cost_as_many_queries_as_1000(cast: Cast) -> None:
    thread = tell(cast.acme)
    costs = []
    for size in (10, 1_000):
        happened(thread, *(NOON - number * HOUR for number in range(size)))
        with CaptureQueriesContext(connection) as captured:
            history.chart(thread, now=NOON)
            history.page(thread)
        costs.append(len(captured))
    assert costs == [3, 3]
