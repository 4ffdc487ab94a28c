from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL


class EventLogQuerySet(models.QuerySet["EventLog"]):
    def undispatched(self) -> "EventLogQuerySet":
        return self.filter(dispatched_at=None)


class EventLog(models.Model):
    """A fact that a feature published. Written in its transaction: what is rolled back never happened."""

    name = models.CharField(max_length=100)
    payload = models.JSONField(blank=True, default=dict)
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty for what concerns no single team."),
    )
    created_at = models.DateTimeField(default=timezone.now)
    dispatched_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was owed to each of its handlers. Empty: that is still to come.")
    )
    delete_at = models.DateTimeField()

    objects = EventLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        indexes = [
            # As long as the backlog, which is next to nothing while workers run.
            models.Index(fields=["id"], condition=Q(dispatched_at=None), name="team_notifications_undispatch"),
            # Grows at its end: events of one retention are published in the order in which they are deleted.
            models.Index(fields=["delete_at"], name="team_notifications_retention"),
            # For the admin: the last of a name, which may be one of very few.
            models.Index(fields=["name", "-id"], name="team_notifications_event_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"


class HandlerRunQuerySet(models.QuerySet["HandlerRun"]):
    def pending(self) -> "HandlerRunQuerySet":
        return self.filter(state=HandlerRun.State.PENDING)

    def due(self, now: datetime) -> "HandlerRunQuerySet":
        """Nobody is at them, or whoever was has not been heard of since their lease ended."""
        return self.pending().filter(due_at__lte=now)

    def free(self, now: datetime) -> "HandlerRunQuerySet":
        """The same for whoever was called: a first try is due at once, however the clocks of two machines differ."""
        return self.pending().filter(Q(due_at__lte=now) | Q(attempts=0))


class HandlerRun(models.Model):
    """That one handler is owed one event, and what became of it. The row is the truth; messages only wake workers."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    event = models.ForeignKey(EventLog, on_delete=models.CASCADE, related_name="runs", db_index=False)
    handler = models.CharField(max_length=255, help_text=_("Its dotted path."))
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text=_("Tries that were begun."))
    # One column says both, so that what a worker has is outside of the range that the others look through.
    due_at = models.DateTimeField(
        default=timezone.now, help_text=_("When it is tried next; while it runs, when it is given up.")
    )
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = HandlerRunQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="team_notifications_run_key")]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="pending"), name="team_notifications_run_due"),
            # For the admin: few among very many.
            models.Index(fields=["-id"], condition=Q(state="failed"), name="team_notifications_run_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.handler} of event {self.event_id}"
