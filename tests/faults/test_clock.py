"""Digests while the clock does what clocks do: every digest once, none missed, none doubled."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail

from team_notifications import sweeper
from team_notifications.delivery import rules
from team_notifications.levels import Level
from team_notifications.models import Delivery, Mailing, Notification, Preference
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.faults import guards
from tests.faults.conftest import FAULTS, Note

STEP = timedelta(minutes=30)  # between two looks
EVERY = 6  # steps between two events
HOUR = timedelta(hours=1)
DAYS = 14 if FAULTS else 3

# Where each lives, and the hour of their digest. Three of the hours are skipped or shown twice where the clocks change.
HOMES = {
    "alice": ("Europe/Berlin", 2),
    "ed": ("America/New_York", 1),
    "vera": ("Asia/Kolkata", 8),  # five and a half hours ahead of UTC, all year round
    "bob": ("Australia/Lord_Howe", 2),  # changes by half an hour
}
CHANGES = {
    "forward in Berlin": datetime(2026, 3, 27, tzinfo=UTC),
    "back in Lord Howe": datetime(2026, 4, 3, tzinfo=UTC),
    "back in Berlin": datetime(2026, 10, 23, tzinfo=UTC),
    "back in New York": datetime(2026, 10, 30, tzinfo=UTC),
}
Clock = Callable[[datetime], datetime]


@pytest.fixture(autouse=True)
def homes(cast: Cast) -> None:
    for name, (zone, hour) in HOMES.items():
        user = getattr(cast, name)
        type(user).objects.filter(pk=user.pk).update(time_zone=zone)
        Preference.objects.create(user=user, email_frequency="daily", digest_hour=hour)


def live(
    cast: Cast,
    first: datetime,
    *,
    days: int = DAYS,
    shows: Clock = lambda at: at,
    is_off: Callable[[datetime], bool] = lambda at: False,
) -> datetime:
    """Something happens again and again, and a worker looks every half hour, unless it `is_off`. Returns the end."""
    mail.outbox.clear()
    for number in range(days * 48):
        at = first + number * STEP
        with time_machine.travel(shows(at), tick=False):
            if number % EVERY == 0:
                tell(cast, number)
            if not is_off(at):
                sweeper.sweep()
    return first + days * 48 * STEP


def tell(cast: Cast, number: int) -> None:
    create_notification(
        team=cast.acme, slug="slow", title=f"event-{number:04}", level=Level.WARNING, event_data={"number": number}
    )


# ---- what shall be --------------------------------------------------------------------------------------------------


def planned(name: str, first: datetime, end: datetime) -> list[datetime]:
    """The first look of each day at which the clock on the wall there shows the member's hour, or later."""
    zone, hour = HOMES[name]
    found: dict[date, datetime] = {}
    at = first
    while at < end:
        wall = at.astimezone(ZoneInfo(zone))
        if wall.time() >= time(hour):
            found.setdefault(wall.date(), at)
        at += STEP
    return sorted(set(found.values()) - {first})  # when it begins, nothing has happened yet


def digests(name: str) -> list[datetime]:
    sent = Mailing.objects.filter(address=f"{name}@example.com", state=Mailing.State.SENT)
    return sorted(mailing.sent_at for mailing in sent if mailing.sent_at)


def told() -> Counter[tuple[str, str]]:
    """How many mails told each member of each event."""
    events = Delivery.objects.values_list("user_notification__notification__title", flat=True).distinct()
    return Counter((message.to[0], event) for message in mail.outbox for event in events if event in str(message.body))


def owed() -> list[tuple[str, str]]:
    """Each member and event whose digest has come."""
    return list(
        Delivery.objects.exclude(state=Delivery.State.PENDING).values_list(
            "user__email", "user_notification__notification__title"
        )
    )


def count(note: Note, fault: str) -> None:
    counted = told()
    lost = sum(counted[pair] == 0 for pair in owed())
    note.round(fault, lost=lost, doubled=counted.total() - len(counted))


def hold_everything_once() -> None:
    counted = told()
    assert all(counted[pair] == 1 for pair in owed()), f"not once: {[pair for pair in owed() if counted[pair] != 1]}"
    assert counted.total() == len(owed())


def hold_every_digest(first: datetime, end: datetime, is_off: Callable[[datetime], bool] = lambda at: False) -> None:
    for name in HOMES:
        on_time = [at for at in planned(name, first, end) if not is_off(at)]
        late = [at for at in digests(name) if at not in on_time]
        assert [at for at in on_time if at not in digests(name)] == [], f"{name} missed a digest"
        missed = any(is_off(at) for at in planned(name, first, end))
        assert len(late) == missed, f"{name} has a digest out of turn: {late}"
        assert len(set(digests(name))) == len(digests(name)), f"{name} has a digest twice"
    hold_everything_once()


# ---- the clocks change ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES)
def test_every_digest_goes_once_also_when_the_clocks_change(cast: Cast, note: Note, change: str) -> None:
    first = CHANGES[change]
    end = live(cast, first)
    count(note, f"clocks change {change}, {DAYS} days")
    hold_every_digest(first, end)


def test_without_the_members_own_time_zone_a_digest_would_come_out_of_turn(cast: Cast, note: Note) -> None:
    note.control("without: the member's own time zone")
    first = CHANGES["forward in Berlin"]
    with mock.patch.object(rules, "zone_of", return_value=UTC):
        end = live(cast, first)
    with pytest.raises(AssertionError, match="missed a digest"):
        hold_every_digest(first, end)


# ---- the clock is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("jump", "fault"), [(HOUR, "forward"), (-HOUR, "back")])
def test_a_clock_that_is_wrong_for_a_day_and_a_half_tells_everything_once(
    cast: Cast, note: Note, jump: timedelta, fault: str
) -> None:
    """It jumps at different times of the day: some lie beside a digest, and some on one."""
    for start in range(24, 48, 3 if FAULTS else 24):
        live_with_a_wrong_clock(cast, jump, start)
        count(note, f"clock jumps one hour {fault}, and is put right")
        hold_everything_once()
        Notification.objects.all().delete()


def live_with_a_wrong_clock(cast: Cast, jump: timedelta, start: int) -> None:
    """It jumps so many hours after the beginning. In the end a quiet day passes, after which nothing may be owed."""
    first = CHANGES["forward in Berlin"] + start * 7 * 24 * HOUR
    wrong_from = first + start * HOUR
    end = live(cast, first, days=4, shows=_clock(jump, wrong_from, wrong_from + 36 * HOUR))
    for number in range(50):
        with time_machine.travel(end + number * STEP, tick=False):
            sweeper.sweep()
    assert not Delivery.objects.pending().exists(), f"missed: {Delivery.objects.pending().count()}"


@pytest.mark.parametrize(("jump", "fault", "start"), [(HOUR, "forward", 24), (-HOUR, "back", 31)])
def test_with_a_window_of_a_day_a_clock_that_jumps_would_miss_what_happened(
    cast: Cast, note: Note, jump: timedelta, fault: str, start: int
) -> None:
    """The first digest after a jump comes an hour and more later by the clock than the one before; see `start`."""
    note.control(f"clock jumps one hour {fault}, without: digests that have no window")
    with guards.taken_out(["digests that have no window"]):
        if FAULTS:  # a clock that is right would not show it
            live_with_a_wrong_clock(cast, timedelta(), start)
            hold_everything_once()
            Notification.objects.all().delete()
        with pytest.raises(AssertionError, match="missed"):
            live_with_a_wrong_clock(cast, jump, start)


def _clock(jump: timedelta, wrong_from: datetime, wrong_until: datetime) -> Clock:
    return lambda at: at + jump if wrong_from <= at < wrong_until else at


# ---- a worker that was off ------------------------------------------------------------------------------------------


def be_off_for_three_days(cast: Cast) -> tuple[datetime, datetime, Callable[[datetime], bool]]:
    first = CHANGES["forward in Berlin"]

    def is_off(at: datetime) -> bool:
        return first + 25 * HOUR <= at < first + 97 * HOUR

    return first, live(cast, first, days=max(5, DAYS), is_off=is_off), is_off


def test_a_worker_that_was_off_for_three_days_sends_one_digest_of_all_of_it(cast: Cast, note: Note) -> None:
    first, end, is_off = be_off_for_three_days(cast)
    count(note, "worker off for three days")
    hold_every_digest(first, end, is_off)


def test_with_a_window_of_a_day_a_worker_that_was_off_would_miss_what_happened(cast: Cast, note: Note) -> None:
    note.control("without: digests that have no window")
    with guards.taken_out(["digests that have no window"]):
        be_off_for_three_days(cast)
    assert Delivery.objects.pending().count() > 4 * 8, "what happened on the days before was never sent"


def test_without_the_record_a_digest_would_come_twice(cast: Cast, note: Note) -> None:
    note.control("without: record")
    with guards.taken_out(["record"]):
        live(cast, CHANGES["forward in Berlin"], days=1)
    assert max(told().values()) > 1
