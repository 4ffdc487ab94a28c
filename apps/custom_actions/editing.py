"""Changing and removing actions. What was known of an endpoint ends with it."""

from django.db import transaction
from django.utils import timezone

from custom_actions.models import CustomAction
from custom_actions.notifications import custom_action_recovered


@transaction.atomic
def start_over(action: CustomAction) -> None:
    """Forgets whether it is down and checks it soon: it has another URL, or it was paused or resumed."""
    if action.is_down:
        custom_action_recovered(action)
    action.is_down = False
    action.last_checked_at = None
    action.next_check_at = timezone.now()
    action.save(update_fields=["is_down", "last_checked_at", "next_check_at"])


@transaction.atomic
def remove(action: CustomAction) -> None:
    """Deletes the action; a thread that says it is down ends."""
    if action.is_down:
        custom_action_recovered(action)
    action.delete()
