"""Events a second through publish, dispatch and notification, beside a bare loop of `create_notification`.

``make bench`` runs it on PostgreSQL, in one process: `sweeper.handle_events` works as it does in `run_notifications`,
without a broker, on one event and one handler after another. What messages and Celery cost besides is not measured.
Each event has two handlers, of which one notifies a team of ten; the loop notifies the same team as often, and knows
neither events nor handlers.
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.frame import database_name, empty_database, timed  # isort: skip  (sets Django up)

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from team_notifications import sweeper
from team_notifications.events.handlers import subscribe
from team_notifications.events.publish import publish
from team_notifications.events.types import register_event
from team_notifications.models import EventLog, HandlerRun, Notification, UserNotification
from team_notifications.notify import create_notification
from teams.models import Team
from tests.crowd import crowd

NAME, MEMBERS = "kettle.boiled", 10


def notify(team: Team | None, number: int) -> None:
    create_notification(team=team, slug="kettle-boiled", title="Tea?", event_data={"kettle_id": number})


def notify_team(event: EventLog) -> None:
    notify(event.team, event.payload["kettle_id"])


def look_on(event: EventLog) -> None:
    """A handler that does nothing."""


def main(events: int, runs: int) -> None:
    team = crowd(MEMBERS)
    register_event(NAME, "The water is hot.", required=["kettle_id"])
    subscribe(NAME)(notify_team)
    subscribe(NAME)(look_on)
    seconds: dict[str, list[float]] = {"bare": [], "publish": [], "work off": []}
    for run in range(-1, runs):  # the run before the first only warms up
        bare = timed(partial(each, events, partial(notify, team)))
        clear(expected=events)
        published = timed(partial(each, events, partial(publish_one, team)))
        worked_off = timed(work_off)
        assert set(HandlerRun.objects.values_list("state", flat=True)) == {"done"}
        clear(expected=events)
        if run >= 0:
            for name, taken in zip(seconds, (bare, published, worked_off), strict=True):
                seconds[name].append(taken)
    report(events, runs, {name: median(taken) for name, taken in seconds.items()})
    print(f"\nstatements of publishing with 2 listeners: {statements(team)}", end="")
    for number in range(48):
        subscribe(NAME)(listener(number))
    print(f", with 50: {statements(team)}")


def report(events: int, runs: int, seconds: dict[str, float]) -> None:
    bare, whole = seconds["bare"], seconds["publish"] + seconds["work off"]
    print(
        f"\n{database_name()}, {events:,} events, two handlers, one process without a broker, medians of {runs} runs\n"
    )
    print(f"{'':<44}{'events/s':>10}{'ratio':>9}")
    for name, taken in (
        ("bare create_notification", bare),
        ("publish", seconds["publish"]),
        ("dispatch, two handlers, notification", seconds["work off"]),
        ("publish to notification", whole),
    ):
        print(f"{name:<44}{events / taken:>10.0f}{bare / taken:>9.2f}")


def each(events: int, work: Callable[[int], object]) -> None:
    """Each in a transaction of its own, as in a request."""
    for number in range(events):
        with transaction.atomic():
            work(number)


def publish_one(team: Team, number: int) -> None:
    publish(NAME, {"kettle_id": number}, team=team)


def work_off() -> None:
    while sweeper.handle_events():
        pass


def clear(expected: int) -> None:
    assert UserNotification.objects.count() == expected * MEMBERS
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Notification._meta.db_table}, {EventLog._meta.db_table} CASCADE")
        cursor.execute("VACUUM ANALYZE")


def statements(team: Team) -> int:
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        publish_one(team, 0)
    return len(captured)


def listener(number: int) -> Callable[[EventLog], None]:
    def handler(event: EventLog) -> None: ...

    handler.__qualname__ = f"listener_{number}"
    return handler


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with empty_database():
        main(arguments.events, arguments.runs)
