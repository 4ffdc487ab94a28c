"""What the tests of the pages and of the browser share."""

import re
from html import unescape

from django.http import HttpResponse

from team_notifications import inbox
from team_notifications.models import Notification, UserNotification
from team_notifications.notify import create_notification
from teams.models import Team
from users.models import User

INBOX = "/notifications/"
READ = "/notifications/read/"
UNREAD = "/notifications/unread/"
ARCHIVE = "/notifications/archive/"
UNARCHIVE = "/notifications/unarchive/"
SNOOZE = "/notifications/snooze/"
MUTE = "/notifications/mute/"
UNMUTE = "/notifications/unmute/"
MUTE_KIND = "/notifications/mute-kind/"
DELETE = "/notifications/delete/"
UNDO = "/notifications/undo/"
BELL = "/notifications/bell/"
PREFERENCES = "/notifications/preferences/"
BY_KIND = "/notifications/kinds/"
DO_NOT_DISTURB = "/notifications/do-not-disturb/"
TEAM_SETTINGS = "/notifications/team/"
LIFT_SUPPRESSION = "/notifications/lift-suppression/"
UNSUBSCRIBE = "/notifications/unsubscribe/"
HTMX = {"HX-Request": "true"}


def tell(team: Team, slug: str = "server-down", **changes: object) -> Notification:
    """Something happens in `team`; the slug is the title too."""
    return create_notification(**{"team": team, "slug": slug, "title": slug, **changes})  # type: ignore[arg-type]


def row_of(user: User, thread: Notification) -> UserNotification:
    return UserNotification.objects.get(user=user, notification=thread)


def unread_slugs(user: User) -> set[str]:
    return set(inbox.visible_to(user).unread().values_list("notification__slug", flat=True))


def text(response: HttpResponse) -> str:
    """What a person reads of a page, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def shown(response: HttpResponse) -> list[int]:
    """The ids of the threads on a page, in their order."""
    return [int(pk) for pk in re.findall(r'<li id="thread-(\d+)" class', response.content.decode())]


def token_of(response: HttpResponse) -> str:
    """What the Undo button on a page sends."""
    content = response.content.decode()
    [token] = re.findall(r'name="token" value="([^"]+)"', content)
    return str(unescape(token))


def posted_by_mark_all(response: HttpResponse) -> list[str]:
    return re.findall(r'<input type="hidden" form="mark-all" name="thread" value="([^"]*)"', response.content.decode())


def thread_page(user: User, thread: Notification, *more: str) -> str:
    """The address of the page on which `user` reads the thread."""
    return "/".join(["/notifications/thread", str(row_of(user, thread).pk), *more, ""])


# What a form of preferences sends when each of its fields is chosen, in the order of the page.
EVERY_CHOICE = {
    "in_app_enabled": "True",
    "in_app_level": "30",
    "retention_days": "30",
    "email_enabled": "True",
    "email_level": "20",
    "email_frequency": "weekly",
    "email_instant_level": "40",
    "digest_hour": "0",
    "digest_weekday": "6",
    "quiet_hours": "True",
    "quiet_from": "23:30:00",
    "quiet_until": "00:00:00",
    "quiet_except_errors": "True",
}
