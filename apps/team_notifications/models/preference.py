from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from team_notifications.levels import Threshold


class Preference(models.Model):
    """What a member chose, for one team or (team empty) everywhere. User empty: what a team chose for its members.

    Empty means: inherit. The first answer wins: user in this team, user everywhere, team, setting. Only what
    somebody chose is stored, so a changed default reaches everyone who did not choose.
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
        settings.TEAM_NOTIFICATIONS_TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="team_notification_preferences",
        help_text=_("Empty for everywhere."),
    )
    in_app_enabled = models.BooleanField(_("in the inbox"), null=True, blank=True)
    in_app_level = models.PositiveSmallIntegerField(
        _("inbox threshold"), choices=Threshold.choices, null=True, blank=True
    )
    email_enabled = models.BooleanField(_("by email"), null=True, blank=True)
    email_level = models.PositiveSmallIntegerField(
        _("email threshold"), choices=Threshold.choices, null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="team_notifications_preference_key"),
            models.UniqueConstraint(fields=["user"], condition=Q(team=None), name="team_notifications_everywhere_key"),
            models.UniqueConstraint(
                fields=["team"], condition=Q(user=None), name="team_notifications_team_default_key"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(team__isnull=False),
                name="team_notifications_preference_is_somebodys",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or _('Everyone')}, {self.team or _('everywhere')}"
