"""What a Celery worker does. Lost messages do no harm: the database says what is to be done, `sweep` looks there."""

from typing import Any

from celery import shared_task

from team_notifications import cleanup, sweeper
from team_notifications.broker import PAUSE, broker
from team_notifications.events.limit import hard_limit


@shared_task
def finish_fanout(notification_id: int) -> None:
    sweeper.finish_fanout(notification_id)
    sweeper.deliver()


@shared_task
def deliver() -> None:
    sweeper.deliver()


@shared_task
def dispatch_event(event_id: int) -> None:
    sweeper.dispatch_event(event_id)


@shared_task
def run_handler(run_id: int) -> None:
    sweeper.run_handler(run_id)


@shared_task
def sweep() -> None:
    sweeper.sweep(handle=_hand_over)


@shared_task
def clean_up() -> None:
    cleanup.clean_up()


def call_handler(run_id: int, **options: Any) -> bool:
    """Each handler as a task of its own: none waits for another, and what takes its worker along takes only itself."""
    return broker.call(run_handler, run_id, time_limit=hard_limit().total_seconds(), **options)


def _hand_over(run_id: int) -> bool:
    """To another worker; here when the broker is away. What waits for longer than a pause is handed over anew."""
    return call_handler(run_id, expires=PAUSE) or sweeper.run_handler(run_id)
