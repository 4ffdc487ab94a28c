"""Checking endpoints: claim what is due, ask, record what came of it, tell the team when that changes something."""

import asyncio
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from custom_actions.fetch import Outcome, fetch
from custom_actions.models import Check, CustomAction
from custom_actions.notifications import (
    custom_action_down,
    custom_action_quick,
    custom_action_recovered,
    custom_action_slow,
)

CLAIMED_AT_ONCE = 500
CHECKS_KEPT = 500  # of each action
SLOW = 0.5  # of its timeout: an answer that takes longer is a warning


def claim_due(now: datetime, limit: int = CLAIMED_AT_ONCE) -> list[CustomAction]:
    """Takes what is due at `now`, each action once however many ask, and returns what this caller has to check."""
    due = CustomAction.objects.due(now).select_related("team")[:limit]
    return [action for action in due if _claim(action, now)]


def _claim(action: CustomAction, now: datetime) -> bool:
    """A second beat, or `check_actions` on another machine, may have seen the same row: the first to move it has it."""
    as_seen = CustomAction.objects.filter(pk=action.pk, is_enabled=True, next_check_at=action.next_check_at)
    return as_seen.update(next_check_at=_next_check(action, now)) == 1


def _next_check(action: CustomAction, now: datetime) -> datetime:
    """Counted from when this check was due: counted from `now`, each delay would move all that follow.

    Checks that were missed, while nothing ran, are left out.
    """
    interval = timedelta(seconds=action.interval)
    missed = (now - action.next_check_at) // interval
    return action.next_check_at + (missed + 1) * interval


def check(action: CustomAction) -> None:
    """Asks the endpoint, outside of any transaction: it may take as long as its timeout."""
    record(action, asyncio.run(fetch(action.url, timeout=action.timeout)))


@transaction.atomic
def record(asked: CustomAction, outcome: Outcome) -> None:
    """Keeps the outcome for an action and tells the team what is new: that it is down or slow, or is so no more.

    An outcome for what no longer holds is dropped: the action was deleted, paused or given another URL meanwhile.
    """
    unchanged = CustomAction.objects.filter(pk=asked.pk, url=asked.url, is_enabled=True).select_related("team")
    # Locked: two checks that end at once would both see the same state before.
    action = unchanged.select_for_update(of=("self",)).first()
    if action is None:
        return
    was_down, action.is_down = action.is_down, not outcome.is_up
    was_slow, action.is_slow = action.is_slow, _is_slow(action, outcome)
    action.last_checked_at = now = timezone.now()
    action.save(update_fields=["is_down", "is_slow", "last_checked_at"])
    _keep(action, outcome, now)
    if action.is_down:
        custom_action_down(action, outcome.reason)
    elif was_down:
        custom_action_recovered(action)
    if action.is_slow:
        custom_action_slow(action, outcome.duration_ms)
    elif was_slow:
        custom_action_quick(action)


def _is_slow(action: CustomAction, outcome: Outcome) -> bool:
    """Slow, but up: of what is down the team hears already."""
    return outcome.is_up and outcome.duration_ms > SLOW * action.timeout * 1000


def _keep(action: CustomAction, outcome: Outcome, at: datetime) -> None:
    Check.objects.create(
        action=action,
        at=at,
        is_up=outcome.is_up,
        status_code=outcome.status_code,
        duration_ms=outcome.duration_ms,
        reason=outcome.reason,
    )
    oldest_kept = action.checks.values_list("pk", flat=True)[CHECKS_KEPT - 1 : CHECKS_KEPT]
    action.checks.filter(pk__lt=oldest_kept).delete()
