from celery import shared_task
from django.utils import timezone

from custom_actions.checking import check, claim_due
from custom_actions.models import CustomAction


@shared_task
def check_due_actions() -> None:
    for action in claim_due(timezone.now()):
        # A check that waited for as long as its interval is overtaken by the next.
        check_action.apply_async((action.pk,), expires=action.interval)


@shared_task
def check_action(action_id: int) -> None:
    for action in CustomAction.objects.filter(pk=action_id, is_enabled=True):
        check(action)
