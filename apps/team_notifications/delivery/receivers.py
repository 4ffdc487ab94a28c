"""What delivery does when the domain says that something changed."""

from collections.abc import Iterable
from typing import Any

from team_notifications.delivery import outbox
from team_notifications.signals import preferences_changed, threads_snoozed


def connect() -> None:
    preferences_changed.connect(_reconsider, dispatch_uid="team_notifications.delivery")
    threads_snoozed.connect(_reconsider_all, dispatch_uid="team_notifications.delivery")


def _reconsider(user: Any, team: Any, **kwargs: Any) -> None:
    outbox.reconsider(user=user, team=team)


def _reconsider_all(users: Iterable[Any], **kwargs: Any) -> None:
    for key in users:
        outbox.reconsider(user=key)
