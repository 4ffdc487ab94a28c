"""What a Celery worker does. Lost messages do no harm: the database says what is to be done, `sweep` looks there."""

from celery import shared_task

from team_notifications import cleanup, sweeper


@shared_task
def finish_fanout(notification_id: int) -> None:
    sweeper.finish_fanout(notification_id)
    sweeper.deliver()


@shared_task
def deliver() -> None:
    sweeper.deliver()


@shared_task
def sweep() -> None:
    sweeper.sweep()


@shared_task
def clean_up() -> None:
    cleanup.clean_up()
