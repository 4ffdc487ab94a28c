"""Events in the admin: found, looked at, and run again."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from team_notifications.admin_tables import LongTable
from team_notifications.events.publish import publish
from team_notifications.events.types import register_event
from team_notifications.models import EventLog, HandlerRun
from tests.cast import Cast
from tests.events import NAME, own_registries
from tests.web import text

EVENTS = "/admin/team_notifications/eventlog/"
RUNS = "/admin/team_notifications/handlerrun/"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in b\nRuntimeError: <b>leaks</b>\n'


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        register_event("kettle.emptied", "No more tea.", optional=["kettle_id"])
        yield


@pytest.fixture
def sue(client: Client, cast: Cast) -> None:
    client.force_login(cast.sue)


def event(cast: Cast, name: str = NAME) -> EventLog:
    return publish(name, {"kettle_id": 7}, team=cast.acme)


def run(cast: Cast, state: str = "pending", due_at: datetime = LONG_AGO) -> HandlerRun:
    return HandlerRun.objects.create(event=event(cast), state=state, handler="tea.handlers.pour", due_at=due_at)


def failed(cast: Cast) -> HandlerRun:
    found = run(cast, "failed")
    HandlerRun.objects.filter(pk=found.pk).update(attempts=8, last_error=TRACEBACK, finished_at=timezone.now())
    return found


def ids(client: Client, address: str, **query: str) -> list[int]:
    """Of the rows of a list, in their order."""
    page = client.get(address, query).content.decode()
    return list(dict.fromkeys(int(pk) for pk in re.findall(rf'href="{address}(\d+)/change/', page)))


# ---- running again --------------------------------------------------------------------------------------------------


def test_what_failed_is_run_again_by_an_action_of_the_list(client: Client, cast: Cast, sue: None) -> None:
    found, done = failed(cast), run(cast, "done")
    chosen = {"action": "try_again", "_selected_action": [found.pk, done.pk]}
    assert "1 failed handler is run again." in text(client.post(RUNS, chosen, follow=True))
    assert "0 failed handlers are run again." in text(client.post(RUNS, chosen, follow=True))
    found.refresh_from_db()
    done.refresh_from_db()
    assert (found.state, found.attempts, done.state) == ("pending", 0, "done")


def test_who_may_only_look_is_not_offered_it(client: Client, cast: Cast) -> None:
    cast.vera.is_staff = True
    cast.vera.save()
    cast.vera.user_permissions.add(Permission.objects.get(codename="view_handlerrun"))
    client.force_login(cast.vera)
    found = failed(cast)
    assert "Run failed handlers again" not in text(client.get(RUNS))
    client.post(RUNS, {"action": "try_again", "_selected_action": [found.pk]})
    found.refresh_from_db()
    assert found.state == "failed"


@pytest.mark.parametrize("address", [EVENTS, RUNS])
def test_who_may_not_look_sees_nothing(client: Client, cast: Cast, address: str) -> None:
    cast.vera.is_staff = True
    cast.vera.save()
    client.force_login(cast.vera)
    assert client.get(address).status_code == 403


# ---- looking --------------------------------------------------------------------------------------------------------


def test_the_list_says_what_became_of_each(client: Client, cast: Cast, sue: None) -> None:
    failed(cast)
    page = text(client.get(RUNS))
    for said in ("tea.handlers.pour", NAME, "Acme", "Failed", "RuntimeError: <b>leaks</b>"):
        assert said in page
    assert "Traceback" not in page


def test_a_run_shows_its_traceback(client: Client, cast: Cast, sue: None) -> None:
    page = client.get(f"{RUNS}{failed(cast).pk}/change/").content.decode()
    assert "<pre>Traceback (most recent call last):\n  File &quot;a.py&quot;" in page
    assert "&lt;b&gt;leaks&lt;/b&gt;" in page


def test_a_run_without_an_error_is_shown(client: Client, cast: Cast, sue: None) -> None:
    assert client.get(f"{RUNS}{run(cast).pk}/change/").status_code == 200


def test_an_event_shows_its_payload_and_leads_to_its_handlers(client: Client, cast: Cast, sue: None) -> None:
    found = failed(cast)
    page = client.get(f"{EVENTS}{found.event.pk}/change/").content.decode()
    assert "&quot;kettle_id&quot;: 7" in page
    assert f"{RUNS}{found.pk}/change/" in page
    assert ids(client, RUNS, event=str(found.event.pk)) == [found.pk]


def test_events_are_filtered_by_name_and_by_whether_they_were_dispatched(client: Client, cast: Cast, sue: None) -> None:
    one, other = event(cast), event(cast, "kettle.emptied")
    EventLog.objects.filter(pk=one.pk).update(dispatched_at=timezone.now())
    assert ids(client, EVENTS) == [other.pk, one.pk]
    assert ids(client, EVENTS, name=NAME) == [one.pk]
    assert ids(client, EVENTS, dispatched_at__isempty="1") == [other.pk]


def test_runs_are_filtered_by_state_and_the_longest_waiting_come_first(client: Client, cast: Cast, sue: None) -> None:
    rows = [run(cast, due_at=LONG_AGO - timedelta(days=days)).pk for days in (2, 3, 1)]
    broken = failed(cast).pk
    assert ids(client, RUNS) == [broken, *reversed(rows)]
    assert ids(client, RUNS, state__exact="failed") == [broken]
    assert ids(client, RUNS, state__exact="pending", o="5") == [rows[1], rows[0], rows[2]]


@pytest.mark.parametrize("address", [EVENTS, RUNS])
def test_nothing_can_be_written_by_hand(client: Client, cast: Cast, sue: None, address: str) -> None:
    found = failed(cast)
    key = found.event.pk if address == EVENTS else found.pk
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{key}/change/", {"state": "done"}).status_code == 403
    assert "Delete selected" not in text(client.get(address))


def test_deleting_an_event_takes_its_runs_along(client: Client, cast: Cast, sue: None) -> None:
    client.post(f"{EVENTS}{failed(cast).event.pk}/delete/", {"post": "yes"})
    assert not HandlerRun.objects.exists()


# ---- a million rows -------------------------------------------------------------------------------------------------


def statements(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("address", [EVENTS, RUNS])
def test_a_list_of_2_costs_as_many_queries_as_one_of_60(client: Client, cast: Cast, sue: None, address: str) -> None:
    costs = []
    for more in (2, 58):
        for _ in range(more):
            run(cast)
        costs.append(len(statements(client, address)))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("address", [EVENTS, RUNS])
def test_no_list_counts_or_looks_through_the_whole_table(
    client: Client, cast: Cast, sue: None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LongTable, "list_per_page", 2)
    monkeypatch.setattr(LongTable, "list_max_show_all", 2)
    for _ in range(3):
        run(cast)
    table = f'FROM "team_notifications_{address.split("/")[-2]}"'
    asked = [sql for sql in statements(client, address) if table in sql]
    assert len(asked) == 2  # how many, and a page of them
    assert [sql for sql in asked if "LIMIT" not in sql or "DISTINCT" in sql] == []
