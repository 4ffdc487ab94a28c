"""The fan-out beside the least that a database can do for it.

``make bench`` runs it on PostgreSQL. The floor is an ``INSERT … SELECT`` from a ready list of user ids into the same
table with the same indexes, and for repeats a plain ``UPDATE``: no permission, no threshold, no thread. Both are timed
in turn in one run, and what counts is the ratio of their medians: seconds depend on the machine, ratios hardly.
"""

import argparse
from dataclasses import dataclass, field
from statistics import median

from benchmarks.frame import database_name, empty_database, timed  # isort: skip  (sets Django up)

from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from team_notifications import fanout
from team_notifications.models import Notification, UserNotification
from team_notifications.notify import create_notification
from teams.models import Team
from tests.crowd import crowd

TABLE = UserNotification._meta.db_table
PERMISSIONS = ["teams.change_team", "custom_actions.change_customaction"]

FLOOR_FIRST = f"""
    INSERT INTO {TABLE} (notification_id, user_id, team_id, in_app, is_read, revision, notified_at, notified_level)
    SELECT %s, id, %s, true, false, 1, %s, 40 FROM ready
"""
FLOOR_REPEAT = f"""
    UPDATE {TABLE} SET is_read = false, read_at = NULL, revision = revision + 1, notified_at = %s
    WHERE notification_id = %s
"""


@dataclass
class Work:
    """One kind of event: seconds of each run of this module and of the floor, and the statements of one run."""

    name: str
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    statements: int = 0

    def line(self) -> str:
        ours, floor = median(self.ours), median(self.floor)
        return f"{self.name:<28}{ours * 1000:>10.1f}{floor * 1000:>10.1f}{ours / floor:>9.2f}{self.statements:>12}"


def main(members: int, runs: int) -> None:
    team = crowd(members)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE ready AS SELECT user_id AS id FROM teams_membership ORDER BY user_id")
        cursor.execute("VACUUM ANALYZE")
    # Without mail, so that both write the same rows.
    with override_settings(TEAM_NOTIFICATIONS={**settings.TEAM_NOTIFICATIONS, "DEFAULTS": {"email_enabled": False}}):
        works = measure(team, runs)
    print(f"{database_name()}, {members:,} members, medians of {runs} runs\n")
    print(f"{'':<28}{'ours ms':>10}{'floor ms':>10}{'ratio':>9}{'statements':>12}")
    print("\n".join(work.line() for work in works))


def measure(team: Team, runs: int) -> list[Work]:
    first, read, unread = Work("first event"), Work("repeat, all had read"), Work("repeat, nobody had read")
    for run in range(-1, runs):  # the run before the first only warms up
        clear()
        floor_first = timed(lambda: insert_ready(team))
        floor_repeat = timed(update_ready)
        clear()
        for work, floor in ((first, floor_first), (unread, floor_first), (read, floor_repeat)):
            if work is read:
                UserNotification.objects.update(is_read=True)
            with CaptureQueriesContext(connection) as captured:
                seconds = timed(lambda: event(team))
            if run >= 0:
                work.ours.append(seconds)
                work.floor.append(floor)
                work.statements = len(captured)
    return [first, read, unread]


def event(team: Team) -> None:
    """One event until the last member was told; the worker's chunks are part of it."""
    thread = create_notification(team=team, slug="down", title="Down", level="error", permissions=PERMISSIONS)
    fanout.finish(thread.pk)


def insert_ready(team: Team) -> None:
    thread = Notification.objects.create(team=team, identifier="floor", slug="down", title="Down", level=40)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_FIRST, [thread.pk, team.pk, timezone.now()])


def update_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_REPEAT, [timezone.now(), Notification.objects.get().pk])


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Notification._meta.db_table} CASCADE")
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with empty_database():
        main(arguments.members, arguments.runs)
