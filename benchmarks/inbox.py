"""The inbox of few among many: 5 million user notifications of 50,000 users.

``make bench`` runs it on PostgreSQL. All rows are made by SQL. Most users have about a hundred rows; ten of them are in
a team besides in which 30,000 things happened. Times are medians; what counts is the ratio of page 1,000 to page 1. The
index by which the members' rows were found is printed with each statement; a scan of the whole table is an error.
"""

import argparse
import re
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.frame import database_name, empty_database, timed  # isort: skip  (sets Django up)

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from team_notifications import inbox
from team_notifications.models import Notification, UserNotification
from teams.models import Membership, Team
from tests.crowd import crowd
from users.models import User

THREADS, ROWS = Notification._meta.db_table, UserNotification._meta.db_table
TEAMS, MEMBERS, EACH = 50, 1_000, 94
BUSY_MEMBERS, BUSY_THREADS, MARKED = 10, 30_000, 10_000
PAGE = 25  # threads
DEEP = 1_000  # the number of the page that is compared with the first

# The teams' threads take turns in time, a minute apart.
NEW_THREADS = f"""
    INSERT INTO {THREADS} (team_id, identifier, slug, event_data, params, title, message, own_title, own_message, level,
                           links, permissions, source_app, source_model, source_id, occurrences, created_at, opened_at,
                           opened_with, last_event_at)
    SELECT team.id, number::text, 'bench-inbox', '{{}}', '{{}}', 'Thread ' || number, '', true, true, 20, '{{}}',
           '["custom_actions.view_customaction"]', '', '', '', 1, at, at, 1, at
    FROM teams_team AS team, generate_series(1, %s) AS number,
         LATERAL (SELECT now() - interval '1 minute' * (number + random()) AS at) AS happened
    WHERE team.id = ANY(%s)
"""
NEW_ROWS = f"""
    INSERT INTO {ROWS} (notification_id, user_id, team_id, in_app, is_read, revision, notified_at, notified_level)
    SELECT thread.id, member.user_id, thread.team_id, true, (thread.id + member.user_id) %% 3 <> 0, 1,
           thread.last_event_at, 20
    FROM {THREADS} AS thread JOIN teams_membership AS member ON member.team_id = thread.team_id
    WHERE thread.team_id = ANY(%s)
"""
# Which index of the members' rows was used, and whether one was not.
BY_INDEX = re.compile(rf"Index (?:Only )?Scan (?:Backward )?using (\S+) on {ROWS}|Bitmap Index Scan on (\S+)")
SCANNED = re.compile(rf"Seq Scan on {ROWS}\b")


def main(runs: int) -> None:
    heavy, light = fill()
    print(
        f"\n{database_name()}, {UserNotification.objects.count():,} rows of {User.objects.count():,} users, "
        f"medians of {runs} runs\n"
    )
    names = {"30,000 rows": heavy, f"{EACH} rows": light}
    print(f"{'':<34}{'ms':>9}{'statements':>12}  {'rows found by'}")
    for name, user in names.items():
        show(f"unread count, {name}", partial(inbox.unread_count, user), runs)
    first = {name: show(f"page 1, {name}", partial(page, user), runs) for name, user in names.items()}
    cursor = cursor_before(heavy, DEEP)
    deep = show(f"page {DEEP:,}, 30,000 rows", partial(page, heavy, cursor), runs)
    show(f"mark {MARKED:,} read", partial(mark_all_read, heavy), runs, before=partial(leave_unread, heavy))
    print(f"\npage {DEEP:,} against page 1: {deep / first['30,000 rows']:.2f}")


def fill() -> tuple[User, User]:
    """Returns somebody with very many rows, and somebody with few."""
    teams = [crowd(MEMBERS, name=f"team{number}-") for number in range(TEAMS)]
    busy = Team.objects.create(name="Busy", slug="busy")
    role = Group.objects.get(name="Admin")
    members = list(teams[0].members.order_by("pk")[:BUSY_MEMBERS])
    for user in members:
        Membership.objects.create(team=busy, user=user).roles.add(role)
    with connection.cursor() as cursor:
        for among, number in (([team.pk for team in teams], EACH), ([busy.pk], BUSY_THREADS)):
            cursor.execute(NEW_THREADS, [number, among])
            cursor.execute(NEW_ROWS, [among])
        cursor.execute("VACUUM ANALYZE")
    return members[0], teams[1].members.order_by("pk")[0]


def page(user: User, after: str = "") -> inbox.Page:
    return inbox.page(inbox.visible_to(user), after=after, size=PAGE)


def cursor_before(user: User, number: int) -> str:
    """The cursor that leads to the page of that number."""
    after = ""
    skipped = (number - 1) * PAGE
    while skipped > 0:  # larger pages, for nobody waits for this
        size = min(skipped, 5_000)
        after = inbox.page(inbox.visible_to(user), after=after, size=size).next
        skipped -= size
    return after


def leave_unread(user: User) -> None:
    rows = UserNotification.objects.filter(user=user)
    rows.update(is_read=True)
    UserNotification.objects.filter(pk__in=rows.order_by("pk").values("pk")[:MARKED]).update(is_read=False)


def mark_all_read(user: User) -> None:
    marked = inbox.mark_read(inbox.visible_to(user).unread())
    assert marked == MARKED, marked


def show(what: str, work: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None) -> float:
    """Prints and returns milliseconds, with the plans of the statements that look at members' rows."""
    taken = []
    for _ in range(-1, runs):  # the run before the first only warms up
        before()
        taken.append(timed(work) * 1_000)
    before()
    with CaptureQueriesContext(connection) as captured:
        work()
    before()
    used = [index for query in captured if ROWS in query["sql"] for index in indexes(query["sql"])]
    milliseconds = median(taken[1:])
    print(f"{what:<34}{milliseconds:>9.1f}{len(captured):>12}  {', '.join(dict.fromkeys(used))}")
    return milliseconds


def indexes(sql: str) -> list[str]:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    if SCANNED.search(plan):
        raise SystemExit(f"The whole table is scanned:\n{sql}\n{plan}")
    return [first or second for first, second in BY_INDEX.findall(plan)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with empty_database():
        main(arguments.runs)
