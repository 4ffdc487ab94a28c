"""When a mail may go: at once, with the next digest, or after the quiet time. Pure; the clock comes from outside.

A digest has no window. What is owed becomes due at the next digest hour after it happened, and whatever is due by then
goes in one mail. A worker that was off for days therefore sends one digest with all of it, and a second run finds
nothing left.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from team_notifications.levels import Level
from team_notifications.models.preference import Frequency

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds for one member in one team, in the member's own time zone."""

    zone: tzinfo
    frequency: Frequency
    instant_level: Level  # this level and above is never held back for a digest
    digest_hour: int
    digest_weekday: int  # 0 is Monday
    quiet_hours: bool
    quiet_from: time
    quiet_until: time
    quiet_except_errors: bool
    do_not_disturb_until: datetime | None


def send_at(rules: Rules, *, level: Level, happened_at: datetime, now: datetime) -> datetime:
    """The earliest time at which mail about it may go; not after `now` means: at once."""
    at = max(now, _frequency_allows(rules, level, happened_at))
    if rules.do_not_disturb_until is not None:
        at = max(at, rules.do_not_disturb_until)
    return _quiet_ends(rules, level, at)


def _frequency_allows(rules: Rules, level: Level, happened_at: datetime) -> datetime:
    if rules.frequency == Frequency.INSTANT or level.weight >= rules.instant_level:
        return happened_at
    return next_digest(rules, after=happened_at)


def next_digest(rules: Rules, *, after: datetime) -> datetime:
    """The first digest time later than `after`. An hour that the clock skips begins when the clocks have changed."""
    if rules.frequency == Frequency.HOURLY:
        local = after.astimezone(rules.zone)  # not every zone is full hours away from UTC
        return after + HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    day = after.astimezone(rules.zone).date()
    for _ in range(8):  # today may be past, and the weekday is at most a week ahead
        if rules.frequency == Frequency.DAILY or day.weekday() == rules.digest_weekday:
            at = instant(datetime.combine(day, time(rules.digest_hour)), rules.zone)
            if at > after:
                return at
        day += DAY
    raise AssertionError(f"no digest within a week after {after}: {rules}")


def _quiet_ends(rules: Rules, level: Level, at: datetime) -> datetime:
    """`at`, or the end of the quiet hours that it falls into."""
    if not rules.quiet_hours or (rules.quiet_except_errors and level is Level.ERROR):
        return at
    local = at.astimezone(rules.zone)
    begun, ended = local.time() >= rules.quiet_from, local.time() >= rules.quiet_until
    over_midnight = rules.quiet_until < rules.quiet_from
    is_quiet = (begun or not ended) if over_midnight else (begun and not ended)
    if not is_quiet:
        return at
    day = local.date() + (DAY if over_midnight and begun else timedelta())
    return max(at, instant(datetime.combine(day, rules.quiet_until), rules.zone))


def instant(local: datetime, zone: tzinfo) -> datetime:
    """The moment, in UTC, at which clocks in `zone` show `local`.

    When they are set back and show it twice, the first time. When they skip it, the moment that lies as far behind the
    change as `local` lies in the gap (PEP 495: the offset from before the change, ``fold=0``); for a full hour in a gap
    of an hour that is the change itself.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
