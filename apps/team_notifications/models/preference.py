from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import dates
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL
from team_notifications.levels import Threshold
from team_notifications.personal import PERSONAL


class Frequency(models.TextChoices):
    """How often mail comes. But for INSTANT, what happened is gathered into a digest."""

    INSTANT = "instant", _("At once")
    HOURLY = "hourly", _("Every hour")
    DAILY = "daily", _("Every day")
    WEEKLY = "weekly", _("Every week")


WEEKDAYS = list(dates.WEEKDAYS.items())  # 0 is Monday


class Preference(models.Model):
    """What a member chose, for one team or (team empty) everywhere. User empty: what a team chose for its members.

    Empty means: inherit. The first answer wins: user in this team, user everywhere, team, setting. For personal
    notifications: user for `personal` ones, user everywhere, setting. Only what somebody chose is stored, so a changed
    default reaches everyone who did not choose.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="team_notification_preferences",
        db_index=False,
        help_text=_("Empty for the default of a team."),
    )
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="team_notification_preferences",
        help_text=_("Empty for everywhere."),
    )
    personal = models.BooleanField(
        _("personal"), default=False, help_text=_("Only for personal notifications, which belong to no team.")
    )
    in_app_enabled = models.BooleanField(_("in the inbox"), null=True, blank=True)
    in_app_level = models.PositiveSmallIntegerField(
        _("inbox threshold"), choices=Threshold.choices, null=True, blank=True
    )
    email_enabled = models.BooleanField(_("by email"), null=True, blank=True)
    email_level = models.PositiveSmallIntegerField(
        _("email threshold"), choices=Threshold.choices, null=True, blank=True
    )

    email_frequency = models.CharField(
        _("email frequency"), max_length=10, choices=Frequency.choices, null=True, blank=True
    )
    email_instant_level = models.PositiveSmallIntegerField(
        _("at once from"),
        choices=Threshold.choices,
        null=True,
        blank=True,
        help_text=_("This level and above is never held back for a digest."),
    )
    digest_hour = models.PositiveSmallIntegerField(
        _("digest hour"), null=True, blank=True, validators=[MaxValueValidator(23)], help_text=_("0 to 23, your time.")
    )
    digest_weekday = models.PositiveSmallIntegerField(_("digest day"), choices=WEEKDAYS, null=True, blank=True)
    quiet_hours = models.BooleanField(_("quiet hours"), null=True, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    quiet_except_errors = models.BooleanField(_("errors break through"), null=True, blank=True)
    retention_days = models.PositiveSmallIntegerField(
        _("days kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(9_999)],
        help_text=_("What was read or archived is removed after so many days, if not before."),
    )
    do_not_disturb_until = models.DateTimeField(_("do not disturb until"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="team_notifications_preference_key"),
            models.UniqueConstraint(
                fields=["user", "personal"], condition=Q(team=None), name="team_notifications_everywhere_key"
            ),
            models.UniqueConstraint(
                fields=["team"], condition=Q(user=None), name="team_notifications_team_default_key"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(team__isnull=False),
                name="team_notifications_preference_is_somebodys",
            ),
            models.CheckConstraint(
                condition=Q(personal=False) | Q(user__isnull=False, team__isnull=True),
                name="team_notifications_personal_is_no_teams",
            ),
            models.CheckConstraint(
                condition=Q(retention_days=None) | Q(retention_days__gte=1), name="team_notifications_days_kept"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or _('Everyone')}, {PERSONAL if self.personal else self.team or _('everywhere')}"

    @property
    def scope(self) -> Any:
        """What it is for: the key of a team, `PERSONAL`, or None for everywhere."""
        return PERSONAL if self.personal else self.team_id
