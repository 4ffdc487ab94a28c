"""What tests of the cleanup share: things that happened long ago, and looking at what is left."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db.models import Model

from team_notifications import cleanup
from team_notifications.models import Notification, UserNotification
from team_notifications.notify import create_notification
from teams.models import Team

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def ago(days: float) -> datetime:
    return NOW - days * DAY


def tell(team: Team, slug: str = "server-down", *, days: float = 0, **changes: Any) -> Notification:
    """Something happened so many days ago."""
    with time_machine.travel(ago(days), tick=False):
        return create_notification(**{"team": team, "slug": slug, "title": slug, **changes})


def clean_up(at: datetime = NOW, **options: Any) -> dict[str, int]:
    """Cleans up at that time; returns how many rows went, by the name of their model. Zeros are left out."""
    rows: Counter[type[Model]] = Counter()
    with time_machine.travel(at, tick=False):
        for chunk in cleanup.run(**options):
            rows[chunk.table] += chunk.rows
    return {table.__name__: count for table, count in rows.items() if count}


def holders(thread: Notification) -> list[str]:
    """The first names of those who have a row of the thread."""
    rows = UserNotification.objects.filter(notification=thread)
    return sorted(rows.values_list("user__first_name", flat=True))
