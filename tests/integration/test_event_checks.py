"""What is wrong with events is reported at start."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks

from team_notifications.events.handlers import subscribe
from tests.events import NAME, listen, own_registries


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


@pytest.fixture
def found() -> Callable[[], list[CheckMessage]]:
    return lambda: [message for message in run_checks() if str(message.id).startswith("team_notifications.")]


def test_handlers_of_known_events_pass(found: Callable[[], list[CheckMessage]]) -> None:
    listen(3)
    assert found() == []


def test_a_handler_of_an_unknown_event_is_named_with_those_that_there_are(
    found: Callable[[], list[CheckMessage]],
) -> None:
    subscribe("kettle.melted")(lambda event: None)
    [message] = found()
    assert message.id == "team_notifications.E010"
    assert "<lambda> is subscribed to 'kettle.melted', which is no event." in message.msg
    assert str(message.hint).startswith(f"There are {NAME}.")


@pytest.mark.parametrize(
    "changes",
    [
        {"EVENTS_SYNCHRONOUS": "yes"},
        {"EVENT_MAX_BYTES": 0},
        {"EVENT_MAX_ATTEMPTS": 0},
        {"EVENT_RETENTION": 30},
        {"EVENT_TIME_LIMIT": timedelta()},
    ],
    ids=str,
)
def test_a_wrong_setting_is_reported(
    changes: dict[str, Any], settings: Any, found: Callable[[], list[CheckMessage]]
) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, **changes}
    assert [message.id for message in found()] == ["team_notifications.E003"]
