from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL
from team_notifications.identifiers import SLUG_MAX_LENGTH
from team_notifications.levels import Level
from team_notifications.models import lookups  # noqa: F401  (registers the lookups)
from team_notifications.models.fields import LinksField
from team_notifications.personal import PERSONAL
from team_notifications.texts import TITLE_MAX_LENGTH

REMOVED = "removed-"  # how the identifier of a thread begins whose source was deleted; others are hashes


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unresolved(self) -> "NotificationQuerySet":
        return self.filter(resolved_at=None)


class Notification(models.Model):
    """The thread that all members share: what it says now, how often it happened, when last.

    Only `team_notifications.notify` writes it.
    """

    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,  # both indexes below begin with it
        related_name="team_notifications",
        help_text=_("Empty for a personal notification."),
    )
    # Without a database constraint, for the reason that UserNotification.user has none.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,  # the key of personal ones begins with it
        related_name="+",
        help_text=_("Whom a personal notification belongs to; empty for those of a team."),
    )
    identifier = models.CharField(max_length=64, help_text=_("The hash of slug and event data."))
    slug = models.CharField(max_length=SLUG_MAX_LENGTH)
    event_data = models.JSONField(default=dict, blank=True)
    params = models.JSONField(
        default=dict, blank=True, help_text=_("The values that the texts of its kind are filled with.")
    )
    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    message = models.TextField(blank=True)
    own_title = models.BooleanField(default=True, help_text=_("The caller's words, which no template replaces."))
    own_message = models.BooleanField(default=True, help_text=_("The caller's words, which no template replaces."))
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.INFO)
    links = LinksField(default=dict, blank=True)
    permissions = models.JSONField(default=list, blank=True, help_text=_("A reader holds all of them."))
    source_app = models.CharField(max_length=100, blank=True)
    source_model = models.CharField(max_length=100, blank=True)
    source_id = models.CharField(max_length=100, blank=True)
    occurrences = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(
        default=timezone.now,
        help_text=_("When it first happened, or first happened again after it was resolved or had expired."),
    )
    opened_with = models.PositiveIntegerField(default=1, help_text=_("The number of the occurrence that opened it."))
    last_event_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    # Title and message as a mail says them, where that is not what the inbox says. Set by `wording`, and never stored.
    in_mail: tuple[str, str] | None = None

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Unconditional: an upsert cannot name a conditional one through Django, and this one locks the thread.
            models.UniqueConstraint(fields=["team", "identifier"], name="team_notifications_thread_key"),
            # For SQL no two empty teams are the same. Conditional, so that threads of teams have no part in it.
            models.UniqueConstraint(
                fields=["user", "identifier"], condition=Q(user__isnull=False), name="team_notifications_personal_key"
            ),
            models.CheckConstraint(
                condition=Q(team__isnull=False, user__isnull=True) | Q(team__isnull=True, user__isnull=False),
                name="team_notifications_of_a_team_or_a_user",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-last_event_at", "-id"], name="team_notifications_feed"),
            models.Index(fields=["source_app", "source_model", "source_id"], name="team_notifications_source"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def severity(self) -> Level:
        return Level(self.level)

    @property
    def was_just_opened(self) -> bool:
        """Whether the last occurrence began the thread, or opened it again."""
        return self.opened_with == self.occurrences

    @property
    def is_resolved(self) -> bool:
        return self.resolved_at is not None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Occurrence(models.Model):
    """One time that it happened, as it was told then."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="history", db_index=False)
    at = models.DateTimeField()
    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    message = models.TextField(blank=True)
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    links = LinksField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["notification", "-at"], name="team_notifications_history")]

    def __str__(self) -> str:
        return f"{self.title} ({self.at:%Y-%m-%d %H:%M})"


class UserNotificationQuerySet(models.QuerySet["UserNotification"]):
    def of(self, team: Any) -> "UserNotificationQuerySet":
        """Those of `team`; of `PERSONAL`, those that belong to no team."""
        return self.filter(team=None if team is PERSONAL else team)

    def unread(self) -> "UserNotificationQuerySet":
        return self.filter(is_read=False)

    def read(self) -> "UserNotificationQuerySet":
        return self.filter(is_read=True)

    def archived(self) -> "UserNotificationQuerySet":
        return self.filter(archived_at__isnull=False)

    def snoozed(self, now: datetime) -> "UserNotificationQuerySet":
        return self.filter(snoozed_until__gt=now)

    def in_inbox(self, now: datetime) -> "UserNotificationQuerySet":
        """Neither archived nor snoozed at `now`. A snooze ends because time passes; no job has to run."""
        return self.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now), archived_at=None)

    def newest_first(self) -> "UserNotificationQuerySet":
        return self.order_by("-notification__last_event_at", "-notification_id")


class UserNotification(models.Model):
    """One member's state for one thread. Only `team_notifications.fanout` and `team_notifications.inbox` write it."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="user_notifications", db_index=False
    )
    # Without a database constraint, which is checked at the commit: one member who is deleted in that moment would take
    # the whole event along, and the transaction that it was reported in. A row that is left behind is seen by nobody.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="user_notifications",
    )
    # Copied from the notification. Without a database constraint: checking it was most of the cost of an insert.
    # Deleting a team reaches these rows through its notifications.
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    in_app = models.BooleanField(default=True, help_text=_("Whether the inbox shows it."))
    is_read = models.BooleanField(default=False)
    read_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    muted_until = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, help_text=_("How often the member was notified of this thread."))
    notified_at = models.DateTimeField(default=timezone.now)
    notified_level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.INFO)

    objects = UserNotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notification", "user"], name="team_notifications_one_row_key"),
        ]
        indexes = [
            models.Index(fields=["user", "team", "in_app", "is_read"], name="team_notifications_unread"),
        ]
        permissions = [("view_readers", "Can see who has read a notification")]

    def __str__(self) -> str:
        return f"{self.notification_id} for {self.user_id}"
