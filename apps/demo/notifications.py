"""What the demo tells the people in it."""

from django.urls import reverse

from team_notifications.notify import notify_user
from users.models import User


def welcome(user: User) -> None:
    """Personal: it is about nobody's team."""
    notify_user(
        user,
        "Welcome to the demo",
        "Actions are checked and articles are written all the time. "
        "You hear of what your roles and thresholds let through.",
        url=reverse("team_notifications:preferences"),
    )
