"""The project with one more feature, and with limits for which a test can wait."""

from datetime import timedelta

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, TEAM_NOTIFICATIONS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.event_app"]
TEAM_NOTIFICATIONS = {
    **TEAM_NOTIFICATIONS,
    "EVENT_TIME_LIMIT": timedelta(seconds=1),
    "EVENT_MAX_ATTEMPTS": 2,
}
