"""What beat calls, and how often."""

from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings

from config.celery import app
from content import work
from team_notifications.broker import PAUSE

EVERY_NIGHT = crontab(hour="3", minute="30")
# Its name, what it calls, and how often.
ENTRIES = [
    ("sweep-notifications", "team_notifications.tasks.sweep", timedelta(seconds=30)),
    ("clean-up-notifications", "team_notifications.tasks.clean_up", EVERY_NIGHT),
    ("check-custom-actions", "custom_actions.tasks.check_due_actions", timedelta(seconds=5)),
    ("work-on-content", "content.tasks.work", work.INTERVAL),  # as often as the command
]


@pytest.mark.parametrize(("name", "task", "schedule"), ENTRIES)
def test_beat_calls_a_task_that_exists_as_often_as_was_promised(name: str, task: str, schedule: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    assert (entry["task"], entry["schedule"]) == (task, schedule)
    app.loader.import_default_modules()  # as a worker does when it starts
    assert task in app.tasks


def test_beat_calls_nothing_else() -> None:
    assert set(settings.CELERY_BEAT_SCHEDULE) == {name for name, _, _ in ENTRIES}


def test_a_broker_that_was_down_is_left_alone_until_the_next_sweep() -> None:
    assert timedelta(seconds=PAUSE) == settings.CELERY_BEAT_SCHEDULE["sweep-notifications"]["schedule"]


def test_a_call_that_waited_until_the_next_one_is_dropped() -> None:
    """Or a worker that was off would be met by a heap of them."""
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        if isinstance(entry["schedule"], timedelta):
            assert entry["options"]["expires"] <= entry["schedule"].total_seconds(), name
