from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from custom_actions.endpoints import validate_endpoint
from team_notifications.levels import Level
from teams.models import Team

DAY = 86_400


class State(models.TextChoices):
    PAUSED = "paused", _("Paused")
    WAITING = "waiting", _("Not checked yet")
    UP = "up", _("Up")
    DOWN = "down", _("Down")

    @property
    def level(self) -> Level:
        return {State.UP: Level.SUCCESS, State.DOWN: Level.ERROR}.get(self, Level.INFO)


class CustomActionQuerySet(models.QuerySet["CustomAction"]):
    def due(self, now: datetime) -> "CustomActionQuerySet":
        """Those whose next check should have begun at `now`, the most overdue first."""
        return self.filter(is_enabled=True, next_check_at__lte=now).order_by("next_check_at", "pk")


class CustomAction(models.Model):
    """An HTTP endpoint of a team, asked at an interval whether it is well."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="custom_actions", db_index=False)
    name = models.CharField(max_length=100)
    url = models.CharField("URL", max_length=2_000, validators=[validate_endpoint])
    interval = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(DAY)],
        help_text="Seconds from one check to the next, 5 to 86,400.",
    )
    timeout = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="Seconds that a whole answer may take, 1 to 30.",
    )
    is_enabled = models.BooleanField("check it", default=True)
    is_down = models.BooleanField(default=False, editable=False)
    is_slow = models.BooleanField(default=False, editable=False)
    next_check_at = models.DateTimeField(default=timezone.now, editable=False)
    last_checked_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CustomActionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="custom_actions_name")]
        indexes = [models.Index(fields=["next_check_at"], condition=Q(is_enabled=True), name="custom_actions_due")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("custom-action", args=[self.team.slug, self.pk])

    def clean(self) -> None:
        # Otherwise the next check would begin while this one still waits.
        if self.timeout is not None and self.interval is not None and self.timeout > self.interval:
            raise ValidationError(
                {"timeout": f"The timeout of {self.timeout} s is longer than the interval of {self.interval} s."}
            )

    def get_history_url(self) -> str:
        return reverse("custom-action-history", args=[self.team.slug, self.pk])

    @property
    def state(self) -> State:
        if not self.is_enabled:
            return State.PAUSED
        if self.last_checked_at is None:
            return State.WAITING
        return State.DOWN if self.is_down else State.UP


class Check(models.Model):
    """One time that an endpoint was asked, and what came of it."""

    action = models.ForeignKey(CustomAction, on_delete=models.CASCADE, related_name="checks", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    is_up = models.BooleanField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is down; empty when it is up.")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["action", "-id"], name="custom_actions_history")]

    def __str__(self) -> str:
        return f"{self.action}, {self.at:%Y-%m-%d %H:%M:%S}: {self.reason or 'up'}"

    @property
    def state(self) -> State:
        return State.UP if self.is_up else State.DOWN
