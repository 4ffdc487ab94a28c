import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL
from team_notifications.models.notification import UserNotification


class Mailing(models.Model):
    """One email that is handed to a mail server: one delivery, or many as a digest.

    It exists, committed, before it is sent: a retry is the same mailing with the same Message-ID, and what a provider
    reports finds it even before the answer to the sending was recorded.
    """

    class Kind(models.TextChoices):
        INSTANT = "instant", _("Instant")
        DIGEST = "digest", _("Digest")

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("Not sent")

    class ProviderStatus(models.TextChoices):
        """What the provider said became of it. The later in this list wins, in whatever order the events come."""

        DELIVERED = "delivered", _("Delivered")
        BOUNCED = "bounced", _("Bounced")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        COMPLAINED = "complained", _("Complained")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    address = models.EmailField(help_text=_("Where it went."))
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    message_id = models.CharField(max_length=255, unique=True)
    provider_message_id = models.CharField(max_length=255, blank=True)
    provider_status = models.CharField(max_length=20, choices=ProviderStatus.choices, blank=True)
    provider_event = models.JSONField(
        null=True, blank=True, help_text=_("What the provider reported last, as it came.")
    )
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at"], name="team_notifications_mailings"),
            models.Index(fields=["state"], condition=Q(state="pending"), name="team_notifications_under_way"),
            # What a provider reports is looked up by it where our own id did not come along.
            models.Index(
                fields=["provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="team_notifications_reported",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.address}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> "DeliveryQuerySet":
        return self.filter(state=Delivery.State.PENDING)

    def due(self, channel: str, now: datetime) -> "DeliveryQuerySet":
        return self.pending().filter(channel=channel, due_at__lte=now)

    def unleased(self, now: datetime) -> "DeliveryQuerySet":
        """Nobody is at them, or whoever was has not been heard of since their lease ended."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now))


class Delivery(models.Model):
    """One thing owed to one member over one outside channel: the outbox. The row is the truth."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        SENT = "sent", _("Sent")
        DROPPED = "dropped", _("Not sent")  # it was read, resolved, unwanted, … before its turn; the reason says which
        FAILED = "failed", _("Failed")

    # Whether a floor of the team wants it, and the member's choices do not. Set by the last look, and never stored.
    is_demanded: bool = False

    # Without a database constraint, for the reason that UserNotification.user has none.
    user_notification = models.ForeignKey(
        UserNotification, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="deliveries"
    )
    # Copied from the user notification: a worker takes what is due by member and team.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    channel = models.CharField(max_length=20)
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    takeovers = models.PositiveSmallIntegerField(
        db_default=0, editable=False, help_text=_("How many workers ended, without a word, while they had it.")
    )
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, help_text=_("Why it failed, or why it was not sent."))
    mailing = models.ForeignKey(Mailing, on_delete=models.SET_NULL, null=True, blank=True, related_name="deliveries")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["user_notification", "channel", "revision"], name="team_notifications_delivery_key"
            ),
        ]
        indexes = [
            # In the order in which workers take them, so that a batch costs the same however much is due.
            models.Index(
                fields=["channel", "due_at", "id"], condition=Q(state="pending"), name="team_notifications_due"
            ),
            models.Index(
                fields=["user", "team", "due_at"], condition=Q(state="pending"), name="team_notifications_owed"
            ),
            models.Index(fields=["lease_token"], condition=Q(state="pending"), name="team_notifications_leased"),
            # For the admin: few among very many.
            models.Index(fields=["-id"], condition=Q(state="failed"), name="team_notifications_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.user_notification_id}, revision {self.revision}"


class Suppression(models.Model):
    """An address that no mail goes to: it bounced for good, or its owner complained. Its owner can lift it."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", _("The mail server of this address said that it does not exist or takes no mail.")
        COMPLAINED = "complained", _("Somebody at this address marked a mail of ours as spam.")

    address = models.EmailField(unique=True, help_text=_("In lower case."))
    reason = models.CharField(max_length=20, choices=Reason.choices)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"
