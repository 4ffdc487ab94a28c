from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL
from team_notifications.levels import Threshold
from team_notifications.models.kind_preference import CHANNELS


class Floor(models.Model):
    """What reaches this level reaches members of the team through the channel, whatever they chose.

    Permission empty: every member; otherwise those who hold it in the team. A floor opens a channel that a member
    closed by its switch, its threshold or for the kind, and nothing else: not what they may not know, nor what they
    muted, nor earlier than they want to be disturbed.
    """

    class Channel(models.TextChoices):
        IN_APP = "in_app", _("Inbox")
        EMAIL = "email", _("Email")

    # The first column of the unique key, which is its index.
    team = models.ForeignKey(
        TEAM_MODEL, on_delete=models.CASCADE, related_name="team_notification_floors", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    level = models.PositiveSmallIntegerField(_("level"), choices=Threshold.choices)
    permission = models.CharField(
        _("permission"),
        max_length=255,
        blank=True,
        help_text=_("Named like 'app_label.codename'. Empty for every member."),
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "channel", "permission"], name="team_notifications_floor_key"),
            models.CheckConstraint(condition=Q(channel__in=CHANNELS), name="team_notifications_floor_channel"),
            models.CheckConstraint(condition=Q(level__in=Threshold.values), name="team_notifications_floor_level"),
        ]

    def __str__(self) -> str:
        return f"{self.team}, {self.get_channel_display()}: {self.get_level_display()}"
