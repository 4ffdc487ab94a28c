"""The mails that the people of tests/pictures_seed.py would get, for tests/pictures.py."""

from pathlib import Path

from team_notifications import preferences
from team_notifications.delivery.channels.email.message import build, new_message_id
from team_notifications.models import Mailing, UserNotification
from team_notifications.models.notification import UserNotificationQuerySet
from users.models import User


def write(folder: str) -> None:
    """Writes ``instant.html``, ``digest.html`` and ``extremes.html``, with their plain texts beside them."""
    ines, tomas = (User.objects.get(email=f"{name}@example.com") for name in ("ines", "tomas"))
    harbour = rows_of(ines).filter(team__slug="harbour-logistics")
    write_mail(folder, "instant", list(harbour.filter(notification__slug="checkout-down")))
    write_mail(folder, "digest", list(harbour))
    write_mail(folder, "extremes", list(rows_of(tomas)))


def rows_of(user: User) -> UserNotificationQuerySet:
    return UserNotification.objects.filter(user=user).select_related("notification", "team", "user")


def write_mail(folder: str, name: str, rows: list[UserNotification]) -> None:
    kind = Mailing.Kind.DIGEST if len(rows) > 1 else Mailing.Kind.INSTANT
    mailing = Mailing(user=rows[0].user, team=rows[0].team, address=rows[0].user.email, kind=kind)
    mailing.message_id = new_message_id(mailing.pk)
    [scope] = [scope for scope in preferences.scopes(mailing.user) if scope.team == mailing.team]
    message = build(mailing, rows, {field: choice.effective for field, choice in scope.choices.items()})
    Path(folder, f"{name}.html").write_text(str(message.alternatives[0][0]))
    Path(folder, f"{name}.txt").write_text(f"{message.subject}\n\n{message.body}")
