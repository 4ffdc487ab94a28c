"""Rows a second that the cleanup removes, beside one raw ``DELETE`` of as many rows.

``make bench`` runs it on PostgreSQL. The rows are made by SQL, as many stay as go, and both begin with the same table.
The raw statement is told what to delete; the cleanup finds it out, for each member by what they chose, in transactions
of 10,000 rows, and looks through the other tables too. What counts is the ratio of the medians.
"""

import argparse
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["DEBUG"] = "False"  # which would keep every statement
django.setup()  # before the models are imported

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from team_notifications import cleanup  # noqa: E402
from team_notifications.models import Notification, Preference, UserNotification  # noqa: E402
from teams.models import Team  # noqa: E402
from tests.crowd import crowd  # noqa: E402

ROWS = UserNotification._meta.db_table
MEMBERS = 1_000

# Of every two rows one was read a hundred days ago and goes, the other ten days ago.
FILL = f"""
    INSERT INTO {ROWS} (notification_id, user_id, team_id, in_app, is_read, read_at, revision, notified_at,
                        notified_level)
    SELECT thread.id, member.user_id, thread.team_id, true, true,
           now() - CASE WHEN (thread.id + member.user_id) % 2 = 0 THEN interval '100 days' ELSE interval '10 days' END,
           1, now() - interval '101 days', 20
    FROM {Notification._meta.db_table} AS thread CROSS JOIN teams_membership AS member
"""
RAW = f"DELETE FROM {ROWS} WHERE is_read AND read_at < now() - interval '90 days'"


def main(rows: int, runs: int) -> None:
    team = crowd(MEMBERS)
    measured: dict[str, list[float]] = {"raw": [], "nobody chose": [], "one in ten chose": [], "nothing to do": []}
    for run in range(-1, runs):  # the run before the first only warms up
        seconds = measure(team, rows)
        for name, taken in seconds.items() if run >= 0 else ():
            measured[name].append(rows / taken)
    version = ".".join(map(str, connection.get_database_version()))
    print(f"\n{connection.display_name} {version}, {rows:,} of {2 * rows:,} rows go, medians of {runs} runs\n")
    print(f"{'':<44}{'rows/s':>12}{'ratio':>9}")
    raw = median(measured["raw"])
    print(f"{'one raw DELETE':<44}{raw:>12,.0f}{1:>9.2f}")
    for name in ("nobody chose", "one in ten chose"):
        ours = median(measured[name])
        print(f"{f'the cleanup, {name} how long':<44}{ours:>12,.0f}{ours / raw:>9.2f}")
    print(f"{'the cleanup the next day, rows looked at':<44}{median(measured['nothing to do']):>12,.0f}")


def measure(team: Team, rows: int) -> dict[str, float]:
    """Seconds of each, for the same rows."""
    fill(team, rows)
    raw = timed(delete_raw, rows)
    fill(team, rows)
    ours = timed(clean_up, rows)
    idle = timed(clean_up, 0)
    fill(team, rows)
    members = team.members.order_by("pk")[: MEMBERS // 10]
    Preference.objects.bulk_create(Preference(user=user, team=team, retention_days=30) for user in members)
    chosen = timed(clean_up, rows)
    return {"raw": raw, "nobody chose": ours, "one in ten chose": chosen, "nothing to do": idle}


def fill(team: Team, rows: int) -> None:
    Preference.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Notification._meta.db_table} CASCADE")
        Notification.objects.bulk_create(
            Notification(team=team, identifier=f"{number}", slug="down", title="Down")
            for number in range(2 * rows // MEMBERS)
        )
        cursor.execute(FILL)
        cursor.execute("VACUUM ANALYZE")


def delete_raw() -> int:
    with connection.cursor() as cursor:
        cursor.execute(RAW)
        return int(cursor.rowcount)


def clean_up() -> int:
    return sum(chunk.rows for chunk in cleanup.run())


def timed(work: Callable[[], int], removed: int) -> float:
    start = perf_counter()
    assert work() == removed
    return perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        main(arguments.rows, arguments.runs)
    finally:
        teardown_databases(databases, verbosity=0)
