"""Changing and removing actions. What was known of an endpoint ends with it.

An action that somebody edits was read a while ago, and checks go on meanwhile. So only what was edited is written, and
what a check found is never taken from the action in hand.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from custom_actions.models import CustomAction
from custom_actions.notifications import custom_action_quick, custom_action_recovered

ANOTHER_ENDPOINT = {"url", "is_enabled"}  # after a change of these, what was known holds no longer


@transaction.atomic
def save_changes(action: CustomAction, changed: Iterable[str]) -> None:
    """Writes the changed fields of an action and checks it soon."""
    changed = set(changed)
    action.next_check_at = timezone.now()
    action.save(update_fields={*changed, "next_check_at"})
    if changed & ANOTHER_ENDPOINT:
        start_over(action)


@transaction.atomic
def start_over(action: CustomAction) -> None:
    """Forgets how it is and checks it soon: it has another URL, or it was paused or resumed."""
    _end_threads(action)
    action.is_down = action.is_slow = False
    action.last_checked_at = None
    action.next_check_at = timezone.now()
    action.save(update_fields=["is_down", "is_slow", "last_checked_at", "next_check_at"])


@transaction.atomic
def remove(action: CustomAction) -> None:
    """Deletes the action; its threads go with it (see `custom_actions.apps`)."""
    _wait_for_checks(action)
    action.delete()


def _end_threads(action: CustomAction) -> None:
    """Ends what is said of it."""
    _wait_for_checks(action)
    custom_action_recovered(action)
    custom_action_quick(action)


def _wait_for_checks(action: CustomAction) -> None:
    """For one that is being recorded: it may be telling the team something. The next has to wait for us."""
    CustomAction.objects.select_for_update().filter(pk=action.pk).first()
