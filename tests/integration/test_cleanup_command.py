"""How a cleanup runs: by the command, by the task, by `run_notifications`; stopped, and run again."""

import logging
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from config.celery import app
from team_notifications import cleanup
from team_notifications.management.commands import run_notifications
from team_notifications.models import Delivery, Mailing, Notification, Occurrence, Preference, UserNotification
from team_notifications.retention import check_days
from teams.models import Team
from tests.aged import NOW, ago, clean_up, holders, tell
from tests.cast import Cast
from tests.crowd import crowd

TABLES = (UserNotification, Delivery, Mailing, Occurrence, Notification)


@pytest.fixture
def some(cast: Cast, settings: Any) -> None:
    """Four rows that go and four that stay, with their mails; in chunks of two."""
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "CLEANUP_CHUNK": 2}
    for slug, days in (("old", 91), ("new", 89)):
        tell(cast.acme, slug, level="error", days=days)
        UserNotification.objects.filter(is_read=False).update(is_read=True, read_at=ago(days))
    Delivery.objects.update(state=Delivery.State.SENT)
    tell(cast.globex, "gone", days=9, expires_at=ago(8))


GOES = {"UserNotification": 6, "Delivery": 4, "Occurrence": 2, "Notification": 2}
SAID = (
    "6 user notifications, 0 unfinished fanouts, 4 deliveries, 0 mailings, 2 occurrences, 2 notifications, "
    "0 handler runs, 0 events"
)


def contents() -> list[Any]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]  # type: ignore[attr-defined]


def run(*arguments: str, at: Any = NOW, **options: Any) -> str:
    out = StringIO()
    with time_machine.travel(at, tick=False):
        call_command("cleanup_notifications", *arguments, stdout=out, **options)
    return out.getvalue()


# ---- the command ----------------------------------------------------------------------------------------------------


def test_it_says_what_it_removed(some: None) -> None:
    assert run() == f"Removed: {SAID}.\n"
    assert list(Notification.objects.values_list("slug", flat=True)) == ["new"]
    removed = "0 user notifications, 0 deliveries, 0 mailings, 0 occurrences, 0 notifications, 0 handler runs, 0 events"
    assert run() == f"Removed: {removed}.\n"


def test_one_is_said_to_be_one(cast: Cast) -> None:
    tell(cast.acme, days=91)
    UserNotification.objects.filter(user=cast.vera).update(is_read=True)
    assert run().startswith("Removed: 1 user notification, 0 deliveries")


def test_a_dry_run_counts_the_same_and_changes_nothing(some: None) -> None:
    before = contents()
    assert run("--dry-run") == f"Would remove: {SAID}.\n"
    assert contents() == before
    assert clean_up(dry_run=True) == clean_up() == GOES


def test_a_dry_run_writes_nothing_and_locks_nothing(some: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        run("--dry-run")
    assert {query["sql"].split()[0] for query in captured} == {"SELECT"}
    assert not [query for query in captured if "FOR UPDATE" in query["sql"]]


def test_the_age_can_be_given(some: None) -> None:
    assert run("--max-age-days", "88").startswith("Removed: 10 user notifications")
    assert not Notification.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "-90", "soon", "1.5", "", " 7", "1e3", "٣", "1000000", "9" * 50])
def test_a_bad_age_is_named_and_nothing_is_removed(some: None, days: str) -> None:
    before = contents()
    with pytest.raises(CommandError) as raised:
        run(f"--max-age-days={days}")
    assert str(raised.value) == f"--max-age-days: {days!r} is no age; give a whole number of days from 1 to 36500."
    assert contents() == before


@pytest.mark.parametrize("days", [0, -1, True, 1.5, None, [], "7 days"])
def test_a_bad_age_is_named_by_the_function_too(days: Any) -> None:
    with pytest.raises(ValueError, match="is no age") as raised:
        check_days(days)
    assert repr(days) in str(raised.value)


def test_a_bad_age_raises_before_the_first_chunk_is_asked_for(db: None) -> None:
    with pytest.raises(ValueError, match="'never' is no age"):
        cleanup.run(max_age_days="never")


@pytest.mark.parametrize("days", [1, "1", 36_500])
def test_any_age_from_a_day_to_a_century_is_good(db: None, days: Any) -> None:
    assert clean_up(max_age_days=days) == {}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_shows_how_far_it_is_and_wipes_that_away(some: None) -> None:
    terminal = Terminal()
    run(stderr=terminal)
    shown = terminal.getvalue().split("\r\x1b[K")
    assert shown[1] == "░" * 30 + "   1% user notifications"
    assert shown[-2:] == ["█" * 30 + " 100% events", ""]
    shares = [int(line.split("%")[0].split()[-1]) for line in shown[1:-1]]
    assert shares == sorted(shares)


def test_elsewhere_it_shows_nothing(some: None) -> None:
    pipe = StringIO()
    run(stderr=pipe)
    assert pipe.getvalue() == ""


# ---- stopped, and run again -----------------------------------------------------------------------------------------


class Stopped(Exception):
    pass


@pytest.mark.parametrize("chunks", range(1, 20))
def test_stopped_after_any_chunk_and_run_again_everything_that_goes_is_gone(some: None, chunks: int) -> None:
    counted = clean_up(dry_run=True)
    with time_machine.travel(NOW, tick=False):
        first = [next(work, None) for work in [cleanup.run()] for _ in range(chunks)]
    done = {name: sum(c.rows for c in first if c and c.table.__name__ == name) for name in counted}
    rest = clean_up()
    assert {name: done[name] + rest.get(name, 0) for name in counted} == counted == GOES
    assert list(Notification.objects.values_list("slug", flat=True)) == ["new"]
    connection.check_constraints()


def test_a_chunk_that_fails_is_rolled_back_and_those_before_it_are_done(
    some: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, left = cleanup.delete_idle, [2]

    def fails(rows: Any) -> int:
        removed = original(rows)
        left[0] -= 1
        if not left[0]:
            raise Stopped
        return removed

    monkeypatch.setattr(cleanup, "delete_idle", fails)
    out = StringIO()
    with pytest.raises(Stopped), time_machine.travel(NOW, tick=False):
        call_command("cleanup_notifications", stdout=out)
    assert out.getvalue() == "Removed: 2 user notifications.\n"
    assert UserNotification.objects.filter(notification__slug="old").count() == 2
    monkeypatch.undo()
    assert clean_up()["UserNotification"] == GOES["UserNotification"] - 2


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_of_the_callers_it_refuses_to_run(cast: Cast) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        clean_up()


def test_a_range_costs_the_same_queries_for_10_rows_and_for_1000(db: None) -> None:
    costs = []
    for size in (10, 1_000):
        tell(crowd(size, name=f"crowd-{size}"), days=91)
        UserNotification.objects.update(is_read=True)
        with CaptureQueriesContext(connection) as captured:
            assert clean_up()["UserNotification"] == size
        costs.append(len(captured))
    assert costs[0] == costs[1]


# ---- every day ------------------------------------------------------------------------------------------------------


def test_the_task_does_it_and_says_so_in_the_log(some: None, caplog: pytest.LogCaptureFixture) -> None:
    with time_machine.travel(NOW, tick=False), caplog.at_level(logging.INFO, "team_notifications"):
        app.tasks["team_notifications.tasks.clean_up"].apply().get()
    assert f"Removed {SAID}." in caplog.text


def test_a_task_that_is_out_of_time_leaves_the_rest_to_the_next(some: None, caplog: pytest.LogCaptureFixture) -> None:
    with time_machine.travel(NOW, tick=False):
        assert sum(cleanup.clean_up(seconds=-1).values()) == 2
        assert "The cleanup was not finished within -1 s" in caplog.text
        assert {table.__name__: rows for table, rows in cleanup.clean_up().items()}["UserNotification"] == 4


def look(times: int, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """`run_notifications` looks so often, and is stopped."""
    left = [times]

    def sweep() -> Any:
        left[0] -= 1
        return original()

    class Stop:
        def set(self) -> None: ...

        def is_set(self) -> bool:
            return left[0] < 0

        def wait(self, seconds: float) -> bool:
            return left[0] <= 0

    original = run_notifications.sweep
    monkeypatch.setattr(run_notifications, "sweep", sweep)
    monkeypatch.setattr(run_notifications.threading, "Event", Stop)
    monkeypatch.setattr(run_notifications.signal, "signal", lambda *_: None)
    with time_machine.travel(NOW, tick=False):
        call_command("run_notifications", interval=60, **options)


def test_without_a_broker_run_notifications_does_it(some: None, monkeypatch: pytest.MonkeyPatch) -> None:
    look(1, monkeypatch)
    assert list(Notification.objects.values_list("slug", flat=True)) == ["new"]


def test_run_notifications_once_leaves_it_to_others(some: None, monkeypatch: pytest.MonkeyPatch) -> None:
    look(1, monkeypatch, once=True)
    assert Notification.objects.count() == 3


class Clock:
    """Seconds that pass when they are looked at."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_it_is_done_a_little_at_a_time_so_that_mail_does_not_wait(some: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "monotonic", Clock(step=1.0))
    daily, turns = cleanup.Daily(), 0
    with time_machine.travel(NOW, tick=False):
        while Notification.objects.count() > 1:
            daily.go_on(3.0, unless=lambda: False)
            turns += 1
            assert turns < 50
    assert turns > 3


def test_it_is_done_once_a_day(some: None, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(step=0.0)
    monkeypatch.setattr(cleanup, "monotonic", clock)
    daily = cleanup.Daily()
    with time_machine.travel(NOW, tick=False):
        daily.go_on(60, unless=lambda: False)
        tell_more()
        daily.go_on(60, unless=lambda: False)
        assert Notification.objects.filter(slug="more").exists()
        clock.now = cleanup.DAY
        daily.go_on(60, unless=lambda: False)
        assert not Notification.objects.filter(slug="more").exists()


def tell_more() -> None:
    Notification.objects.create(
        team=Team.objects.earliest("pk"), identifier="x", slug="more", title="x", last_event_at=NOW - timedelta(days=2)
    )


def test_a_stop_is_obeyed_between_two_chunks(some: None) -> None:
    daily = cleanup.Daily()
    with time_machine.travel(NOW, tick=False):
        daily.go_on(60, unless=lambda: UserNotification.objects.count() < 10)
    assert UserNotification.objects.count() == 8


def test_a_failure_is_logged_and_does_not_end_run_notifications(
    some: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*arguments: Any) -> int:
        raise OperationalError("the database is away")

    monkeypatch.setattr(cleanup, "delete_idle", fails)
    look(1, monkeypatch)
    assert "The cleanup failed." in caplog.text
    assert "the database is away" in caplog.text


def test_a_wish_is_looked_up_only_where_somebody_has_one(cast: Cast) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            clean_up()
        return [
            query["sql"] for query in captured if query["sql"].startswith("DELETE") and "preference" in query["sql"]
        ]

    tell(cast.acme, days=91)
    assert queries() == []
    Preference.objects.create(user=cast.vera, retention_days=3)
    assert len(queries()) == 1
    assert holders(Notification.objects.get()) == ["Alice", "Bob", "Ed", "Vera"]
