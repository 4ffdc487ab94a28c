"""Endpoints go down and come back; the team's thread follows. The endpoint, the checks and the threads are real."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from custom_actions import checking, tasks
from custom_actions.editing import remove, start_over
from custom_actions.fetch import Outcome
from custom_actions.forms import CustomActionForm
from custom_actions.management.commands import check_actions
from custom_actions.models import Check, CustomAction, State
from team_notifications import inbox
from team_notifications.levels import Level
from team_notifications.models import Notification
from teams.models import Team
from tests.cast import Cast
from tests.endpoint_server import Server

UP = Outcome(is_up=True, status_code=200, duration_ms=5, reason="")
SLOW = Outcome(is_up=True, status_code=200, duration_ms=5_001, reason="")
DOWN = Outcome(is_up=False, status_code=503, duration_ms=5, reason="Answered 503 Service Unavailable.")


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def action(cast: Cast, endpoint: Server) -> CustomAction:
    return CustomAction.objects.create(team=cast.acme, name="Shop", url=endpoint.url())


def thread() -> Notification:
    return Notification.objects.get(slug="custom-action-down")


def test_an_endpoint_that_is_well_tells_nobody(action: CustomAction) -> None:
    checking.check(action)
    action.refresh_from_db()
    assert action.state is State.UP
    assert action.checks.get().status_code == 200
    assert not Notification.objects.exists()


def test_going_down_opens_a_thread_that_repeats_and_resolves(action: CustomAction, endpoint: Server) -> None:
    endpoint.status = 503
    for _ in range(3):
        checking.check(action)
    action.refresh_from_db()
    assert action.state is State.DOWN
    assert (thread().occurrences, thread().resolved_at) == (3, None)

    endpoint.status = 200
    checking.check(action)
    action.refresh_from_db()
    assert action.state is State.UP
    assert thread().resolved_at is not None

    endpoint.status = 500
    checking.check(action)
    assert (thread().occurrences, thread().resolved_at) == (4, None)
    assert [check.status_code for check in action.checks.all()] == [500, 200, 503, 503, 503]


def test_the_thread_says_what_it_is_about_and_where_to_look(action: CustomAction) -> None:
    checking.record(action, DOWN)
    assert thread().title == "Shop is down"
    assert thread().message == "Answered 503 Service Unavailable."
    assert thread().level == Level.ERROR
    assert thread().event_data == {"action_id": action.pk}
    assert thread().links == {
        "Open the action": f"/teams/acme/actions/{action.pk}/",
        "History": f"/teams/acme/actions/{action.pk}/history/",
    }
    assert (thread().source_app, thread().source_model, thread().source_id) == (
        "custom_actions",
        "customaction",
        str(action.pk),
    )


def test_those_who_may_change_the_action_are_told_and_no_one_else(action: CustomAction, cast: Cast) -> None:
    checking.record(action, DOWN)
    told = {
        person.first_name for person in vars(cast).values() if hasattr(person, "email") and inbox.unread_count(person)
    }
    assert told == {"Alice", "Ed"}


def test_two_actions_have_a_thread_each(action: CustomAction, cast: Cast) -> None:
    other = CustomAction.objects.create(team=cast.acme, name="Search", url=action.url)
    checking.record(action, DOWN)
    checking.record(other, DOWN)
    assert Notification.objects.count() == 2


def test_what_happened_while_the_endpoint_was_asked_is_respected(action: CustomAction) -> None:
    CustomAction.objects.update(is_enabled=False)
    checking.record(action, DOWN)
    CustomAction.objects.update(is_enabled=True, url="https://elsewhere.example/")
    checking.record(action, DOWN)
    CustomAction.objects.all().delete()
    checking.record(action, DOWN)
    assert not Check.objects.exists()
    assert not Notification.objects.exists()


def test_a_record_that_fails_leaves_nothing_behind(action: CustomAction, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("no notification today")

    monkeypatch.setattr(checking, "custom_action_down", fail)
    with pytest.raises(RuntimeError, match="no notification today"):
        checking.record(action, DOWN)
    action.refresh_from_db()
    assert action.state is State.WAITING
    assert not Check.objects.exists()


# ---- slow endpoints -------------------------------------------------------------------------------------------------


def slow_thread() -> Notification:
    return Notification.objects.get(slug="custom-action-slow")


def test_an_answer_that_takes_more_than_half_of_its_time_is_a_warning(action: CustomAction) -> None:
    for _ in range(2):
        checking.record(action, SLOW)
    assert (slow_thread().title, slow_thread().level, slow_thread().occurrences) == ("Shop is slow", Level.WARNING, 2)
    assert slow_thread().message == "It answered after 5.0 s; after 10 s it counts as down."
    assert slow_thread().event_data == {"action_id": action.pk}
    assert not Notification.objects.filter(slug="custom-action-down").exists()
    action.refresh_from_db()
    assert action.state is State.UP


def test_half_of_its_time_is_quick_enough(action: CustomAction) -> None:
    checking.record(action, Outcome(is_up=True, status_code=200, duration_ms=5_000, reason=""))
    assert not Notification.objects.exists()


@pytest.mark.parametrize("outcome", [UP, DOWN, Outcome(is_up=False, status_code=None, duration_ms=10_000, reason="x")])
def test_the_warning_ends_when_it_is_quick_again_or_down(action: CustomAction, outcome: Outcome) -> None:
    checking.record(action, SLOW)
    checking.record(action, outcome)
    assert slow_thread().resolved_at is not None
    action.refresh_from_db()
    assert action.is_slow is False


def test_an_endpoint_that_comes_back_slow_is_a_warning_and_no_longer_down(action: CustomAction) -> None:
    checking.record(action, DOWN)
    checking.record(action, SLOW)
    assert (thread().resolved_at is None, slow_thread().resolved_at) == (False, None)


def test_an_endpoint_that_is_quick_costs_no_query_for_that(action: CustomAction) -> None:
    checking.record(action, UP)
    with CaptureQueriesContext(connection) as captured:
        checking.record(action, UP)
    assert not [query for query in captured if "team_notifications" in query["sql"]]


def said(cast: Cast) -> list[str]:
    """What the team is shown of conditions that are not over."""
    rows = inbox.readable_by(cast.alice).filter(notification__resolved_at=None)
    return list(rows.values_list("notification__slug", flat=True))


@pytest.mark.parametrize("ends", [start_over, remove])
def test_what_is_said_of_an_action_ends_with_it(action: CustomAction, cast: Cast, ends: Any) -> None:
    checking.record(action, SLOW)
    action.refresh_from_db()
    assert said(cast) == ["custom-action-slow"]
    ends(action)
    assert said(cast) == []
    assert not CustomAction.objects.filter(is_slow=True).exists()


@pytest.mark.parametrize("ends", [start_over, remove])
@pytest.mark.parametrize("outcome", [SLOW, DOWN], ids=["slow", "down"])
def test_what_was_said_since_the_action_was_read_ends_with_it_too(
    action: CustomAction, cast: Cast, ends: Any, outcome: Outcome
) -> None:
    checking.record(action, outcome)  # the action itself still knows nothing of it
    ends(action)
    assert said(cast) == []
    assert not CustomAction.objects.filter(Q(is_down=True) | Q(is_slow=True)).exists()


@pytest.mark.parametrize("outcome", [SLOW, DOWN], ids=["slow", "down"])
def test_a_form_that_was_opened_before_a_check_does_not_hide_its_outcome(
    action: CustomAction, outcome: Outcome
) -> None:
    values = {"name": "Store", "url": action.url, "interval": 60, "timeout": 10, "is_enabled": "on"}
    form = CustomActionForm(values, instance=action)
    assert form.is_valid(), form.errors
    checking.record(CustomAction.objects.get(), outcome)
    form.save()
    assert not CustomAction.objects.filter(is_down=False, is_slow=False).exists()
    assert CustomAction.objects.get().name == "Store"
    checking.record(action, UP)
    assert not Notification.objects.unresolved().exists()


def test_only_so_many_checks_are_kept(action: CustomAction, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHECKS_KEPT", 3)
    other = CustomAction.objects.create(team=cast.acme, name="Search", url=action.url)
    checking.record(other, UP)
    for _ in range(5):
        checking.record(action, UP)
    newest = list(action.checks.values_list("pk", flat=True))
    assert len(newest) == 3
    assert newest[0] == max(Check.objects.values_list("pk", flat=True))
    assert other.checks.count() == 1


# ---- claiming -------------------------------------------------------------------------------------------------------


def test_what_is_due_is_claimed_once(action: CustomAction) -> None:
    now = action.next_check_at
    assert checking.claim_due(now) == [action]
    assert checking.claim_due(now) == []
    action.refresh_from_db()
    assert checking.claim_due(action.next_check_at) == [action]


@pytest.mark.parametrize(
    ("late", "next_after"),
    [
        pytest.param(timedelta(milliseconds=10), timedelta(seconds=5), id="a moment late"),
        pytest.param(timedelta(seconds=5), timedelta(seconds=10), id="a whole interval late"),
        pytest.param(timedelta(seconds=12.5), timedelta(seconds=15), id="what was missed is not made up for"),
    ],
)
def test_a_check_that_begins_late_does_not_move_the_next(
    action: CustomAction, late: timedelta, next_after: timedelta
) -> None:
    due = timezone.now()
    CustomAction.objects.update(interval=5, next_check_at=due)
    assert checking.claim_due(due + late) == [action]
    action.refresh_from_db()
    assert action.next_check_at == due + next_after


def test_two_workers_who_saw_the_same_action_check_it_once(action: CustomAction) -> None:
    now = timezone.now()
    seen_by_one, seen_by_the_other = CustomAction.objects.get(), CustomAction.objects.get()
    assert [checking._claim(seen, now) for seen in (seen_by_one, seen_by_the_other)] == [True, False]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_share_what_is_due() -> None:
    team = Team.objects.create(name="Acme", slug="acme")
    CustomAction.objects.bulk_create(
        CustomAction(team=team, name=f"{number}", url="https://a.example/") for number in range(40)
    )
    now = timezone.now()
    start = Barrier(8)

    def work(_: int) -> list[str]:
        try:
            start.wait()
            return [action.name for action in checking.claim_due(now)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        claimed = [name for names in workers.map(work, range(8)) for name in names]
    assert sorted(claimed) == sorted(f"{number}" for number in range(40))


def test_what_is_paused_or_not_due_is_not_claimed(action: CustomAction) -> None:
    now = timezone.now()
    CustomAction.objects.update(next_check_at=now + timedelta(seconds=1))
    assert checking.claim_due(now) == []
    CustomAction.objects.update(next_check_at=now, is_enabled=False)
    assert checking.claim_due(now) == []


def test_a_claim_takes_so_many_at_once_and_the_most_overdue_first(cast: Cast) -> None:
    now = timezone.now()
    for minutes in (1, 3, 2):
        due = now - timedelta(minutes=minutes)
        CustomAction.objects.create(team=cast.acme, name=f"{minutes}", url="https://a.example", next_check_at=due)
    assert [action.name for action in checking.claim_due(now, limit=2)] == ["3", "2"]
    assert [action.name for action in checking.claim_due(now, limit=2)] == ["1"]


# ---- changing and removing ------------------------------------------------------------------------------------------


def test_starting_over_ends_the_thread_and_forgets_the_state(action: CustomAction) -> None:
    checking.record(action, DOWN)
    action.refresh_from_db()
    start_over(action)
    action.refresh_from_db()
    assert action.state is State.WAITING
    assert thread().resolved_at is not None


def test_removing_an_action_removes_its_threads_resolved_ones_too(action: CustomAction, cast: Cast) -> None:
    checking.record(action, DOWN)
    checking.record(action, SLOW)
    action.refresh_from_db()
    remove(action)
    assert not CustomAction.objects.exists()
    assert not inbox.readable_by(cast.alice).exists()


# ---- tasks and the command ------------------------------------------------------------------------------------------


def test_the_task_of_beat_sends_one_task_for_each_due_action(
    action: CustomAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(tasks.check_action, "apply_async", lambda args, expires: sent.append((args, expires)))
    tasks.check_due_actions()
    tasks.check_due_actions()
    assert sent == [((action.pk,), action.interval)]


def test_the_task_checks_the_action(action: CustomAction, endpoint: Server) -> None:
    tasks.check_action(action.pk)
    assert endpoint.requests == ["/"]


def test_the_task_of_an_action_that_is_gone_does_nothing(action: CustomAction, endpoint: Server) -> None:
    CustomAction.objects.all().delete()
    tasks.check_action(action.pk)
    assert endpoint.requests == []


def test_the_command_checks_what_is_due_without_a_broker(action: CustomAction, endpoint: Server) -> None:
    call_command("check_actions")
    call_command("check_actions")
    assert endpoint.requests == ["/"]


@pytest.fixture
def signals() -> Iterator[None]:
    """The command installs handlers; the test run gets its own back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_goes_on_until_it_is_told_to_stop(
    cast: Cast, endpoint: Server, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    for name in ("Shop", "Search"):
        CustomAction.objects.create(team=cast.acme, name=name, url=endpoint.url())
    checked = []

    def check(action: CustomAction) -> None:
        checked.append(action.name)
        signal.raise_signal(number)

    monkeypatch.setattr(check_actions, "check", check)
    call_command("check_actions", forever=True)
    assert checked == ["Shop"]
    assert CustomAction.objects.due(timezone.now()).get().name == "Search"


def test_a_failure_of_one_action_does_not_hold_up_the_next(
    cast: Cast, endpoint: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("Shop", "Search"):
        CustomAction.objects.create(team=cast.acme, name=name, url=endpoint.url())
    checked = []

    def check(action: CustomAction) -> None:
        checked.append(action.name)
        raise OperationalError("database is locked")

    monkeypatch.setattr(check_actions, "check", check)
    call_command("check_actions")
    assert checked == ["Shop", "Search"]
    assert "Shop was not checked" in caplog.text
