"""When a mail may go. The zones are real ones, with the changes of their clocks."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from team_notifications.delivery.schedule import Rules, instant, next_digest, send_at
from team_notifications.levels import Level
from team_notifications.models.preference import Frequency

LISBON = ZoneInfo("Europe/Lisbon")
BERLIN = ZoneInfo("Europe/Berlin")  # forward on 2026-03-29 at 2:00, back on 2026-10-25 at 3:00
KOLKATA = ZoneInfo("Asia/Kolkata")  # five and a half hours ahead of UTC
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour


def rules(**changes: Any) -> Rules:
    return Rules(
        **{
            "zone": UTC,
            "frequency": Frequency.INSTANT,
            "instant_level": Level.ERROR,
            "digest_hour": 8,
            "digest_weekday": 0,
            "quiet_hours": False,
            "quiet_from": time(22),
            "quiet_until": time(7),
            "quiet_except_errors": False,
            "do_not_disturb_until": None,
            **changes,
        }
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(text: str, level: Level = Level.WARNING, **changes: Any) -> datetime:
    """When mail goes about what happened at `text`, looked at in that moment."""
    return send_at(rules(**changes), level=level, happened_at=utc(text), now=utc(text))


def test_instant_mail_goes_at_once() -> None:
    assert at("2026-03-02 12:34") == utc("2026-03-02 12:34")


@pytest.mark.parametrize(
    ("frequency", "happened", "digest"),
    [
        (Frequency.HOURLY, "2026-03-02 12:34:56", "2026-03-02 13:00"),
        (Frequency.HOURLY, "2026-03-02 12:00", "2026-03-02 13:00"),
        (Frequency.DAILY, "2026-03-02 07:59", "2026-03-02 08:00"),
        (Frequency.DAILY, "2026-03-02 08:00", "2026-03-03 08:00"),
        (Frequency.WEEKLY, "2026-03-01 12:00", "2026-03-02 08:00"),  # a Sunday
        (Frequency.WEEKLY, "2026-03-02 07:00", "2026-03-02 08:00"),  # a Monday
        (Frequency.WEEKLY, "2026-03-02 08:00", "2026-03-09 08:00"),
    ],
)
def test_a_digest_goes_at_the_next_digest_time(frequency: Frequency, happened: str, digest: str) -> None:
    assert at(happened, frequency=frequency) == utc(digest)


def test_what_is_grave_enough_is_not_held_back_for_a_digest() -> None:
    assert at("2026-03-02 12:00", Level.ERROR, frequency=Frequency.DAILY) == utc("2026-03-02 12:00")
    warnings_at_once = {"frequency": Frequency.DAILY, "instant_level": Level.WARNING}
    assert at("2026-03-02 12:00", Level.WARNING, **warnings_at_once) == utc("2026-03-02 12:00")
    assert at("2026-03-02 12:00", Level.SUCCESS, **warnings_at_once) == utc("2026-03-03 08:00")


def test_the_digest_hour_is_the_members_own() -> None:
    assert at("2026-07-01 12:00", frequency=Frequency.DAILY, zone=BERLIN) == utc("2026-07-02 06:00")
    assert at("2026-01-01 12:00", frequency=Frequency.DAILY, zone=BERLIN) == utc("2026-01-02 07:00")


def test_the_full_hour_is_the_members_own() -> None:
    assert at("2026-03-02 12:10", frequency=Frequency.HOURLY, zone=KOLKATA) == utc("2026-03-02 12:30")


def test_a_worker_that_was_off_for_days_sends_at_once_what_was_due_meanwhile() -> None:
    daily = rules(frequency=Frequency.DAILY)
    late = send_at(daily, level=Level.WARNING, happened_at=utc("2026-03-02 12:00"), now=utc("2026-03-05 15:00"))
    assert late == utc("2026-03-05 15:00")


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("zone", [BERLIN, LISBON, LORD_HOWE, UTC], ids=str)
@pytest.mark.parametrize("month", [3, 4, 10])
def test_every_day_has_one_digest_also_when_the_clocks_change(zone: Any, hour: int, month: int) -> None:
    daily = rules(frequency=Frequency.DAILY, digest_hour=hour, zone=zone)
    last = next_digest(daily, after=datetime(2026, month, 1, tzinfo=UTC))
    for _ in range(31):
        following = next_digest(daily, after=last)
        assert timedelta(hours=23) <= following - last <= timedelta(hours=25)
        assert following.astimezone(zone).date() - last.astimezone(zone).date() == timedelta(days=1)
        last = following


def test_a_digest_hour_that_the_clock_skips_begins_when_the_clocks_have_changed() -> None:
    daily = {"frequency": Frequency.DAILY, "digest_hour": 2, "zone": BERLIN}
    assert at("2026-03-28 12:00", **daily) == utc("2026-03-29 01:00")  # 3:00 there


def test_a_digest_hour_that_the_clock_shows_twice_comes_once() -> None:
    daily = {"frequency": Frequency.DAILY, "digest_hour": 2, "zone": BERLIN}
    assert at("2026-10-24 12:00", **daily) == utc("2026-10-25 00:00")
    assert at("2026-10-25 00:30", **daily) == utc("2026-10-26 01:00")


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-03-02 21:59", "2026-03-02 21:59"),
        ("2026-03-02 22:00", "2026-03-03 07:00"),
        ("2026-03-03 03:00", "2026-03-03 07:00"),
        ("2026-03-03 07:00", "2026-03-03 07:00"),
    ],
)
def test_quiet_hours_over_midnight_hold_until_they_end(now: str, goes: str) -> None:
    assert at(now, quiet_hours=True) == utc(goes)


def test_quiet_hours_within_a_day_hold_until_they_end() -> None:
    noon = {"quiet_hours": True, "quiet_from": time(12), "quiet_until": time(13, 30)}
    assert at("2026-03-02 12:15", **noon) == utc("2026-03-02 13:30")
    assert at("2026-03-02 11:59", **noon) == utc("2026-03-02 11:59")
    assert at("2026-03-02 23:00", **noon) == utc("2026-03-02 23:00")


def test_quiet_hours_are_the_members_own() -> None:
    assert at("2026-07-01 21:00", quiet_hours=True, zone=BERLIN) == utc("2026-07-02 05:00")


def test_quiet_hours_without_length_are_none() -> None:
    assert at("2026-03-02 22:00", quiet_hours=True, quiet_until=time(22)) == utc("2026-03-02 22:00")


def test_errors_break_through_quiet_hours_if_the_member_wants_that() -> None:
    night = "2026-03-02 23:00"
    assert at(night, Level.ERROR, quiet_hours=True) == utc("2026-03-03 07:00")
    assert at(night, Level.ERROR, quiet_hours=True, quiet_except_errors=True) == utc(night)
    assert at(night, Level.WARNING, quiet_hours=True, quiet_except_errors=True) == utc("2026-03-03 07:00")


def test_do_not_disturb_holds_everything_until_it_ends() -> None:
    until = utc("2026-03-02 18:00")
    assert at("2026-03-02 12:00", Level.ERROR, do_not_disturb_until=until) == until
    assert at("2026-03-02 19:00", Level.ERROR, do_not_disturb_until=until) == utc("2026-03-02 19:00")


def test_do_not_disturb_that_ends_in_quiet_hours_waits_for_their_end_too() -> None:
    until = utc("2026-03-02 23:00")
    assert at("2026-03-02 12:00", quiet_hours=True, do_not_disturb_until=until) == utc("2026-03-03 07:00")


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end() -> None:
    early = {"frequency": Frequency.DAILY, "digest_hour": 6, "quiet_hours": True}
    assert at("2026-03-02 12:00", **early) == utc("2026-03-03 07:00")


moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@given(
    happened=moments,
    wait=st.timedeltas(timedelta(), timedelta(days=10)),
    zone=st.sampled_from([UTC, LISBON, BERLIN, KOLKATA, LORD_HOWE]),
    frequency=st.sampled_from(Frequency),
    digest_hour=st.integers(0, 23),
    digest_weekday=st.integers(0, 6),
    quiet_hours=st.booleans(),
    quiet_from=st.times(),
    quiet_until=st.times(),
)
def test_mail_never_waits_for_ever_and_never_goes_before_its_time(
    happened: datetime, wait: timedelta, **changes: Any
) -> None:
    now = happened + wait
    goes = send_at(rules(**changes), level=Level.WARNING, happened_at=happened, now=now)
    assert now <= goes <= max(now, happened + timedelta(days=8)) + timedelta(days=1, hours=2)
    # Looked at again when it is due, it goes: nothing is held for ever.
    assert send_at(rules(**changes), level=Level.WARNING, happened_at=happened, now=goes) == goes


def test_a_local_time_is_read_as_the_clocks_there_show_it() -> None:
    assert instant(datetime(2026, 7, 1, 8), BERLIN) == utc("2026-07-01 06:00")  # noqa: DTZ001
