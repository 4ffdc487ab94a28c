"""What delivery does when the domain says that something changed."""

from typing import Any

from team_notifications.delivery import outbox
from team_notifications.signals import preferences_changed


def connect() -> None:
    preferences_changed.connect(_reconsider, dispatch_uid="team_notifications.delivery")


def _reconsider(user: Any, team: Any, **kwargs: Any) -> None:
    outbox.reconsider(user=user, team=team)
