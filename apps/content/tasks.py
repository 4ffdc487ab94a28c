from celery import shared_task

from content import steps
from content import work as working


@shared_task
def work() -> None:
    for site_id, number in working.begin():
        # A step that waited for as long as the interval is overtaken by the next.
        take_step.apply_async((site_id, number), expires=working.INTERVAL.total_seconds())


@shared_task
def take_step(site_id: int, number: int) -> None:
    steps.take_step(site_id, number)
