from collections.abc import Collection

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from team_notifications.conf import TEAM_MODEL
from team_notifications.identifiers import SLUG_MAX_LENGTH

CHANNELS = ("in_app", "email")


class KindPreference(models.Model):
    """Through which channels a member wants what has this slug, in one team or (team empty) everywhere.

    The first answer wins: user in this team, user everywhere, every channel. It holds besides the `Preference`: a
    channel that is off, or whose threshold is not reached, stays silent.
    """

    # A column for each of CHANNELS: every database compares it alike, and one more channel is one more column, whose
    # migration says what holds for those who chose before it. A text of "both" or "none" would have to name all pairs.
    in_app = models.BooleanField(_("in the inbox"))
    email = models.BooleanField(_("by email"))

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="team_notification_kind_preferences",
        db_index=False,
    )
    team = models.ForeignKey(
        TEAM_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("Empty for everywhere."),
    )
    slug = models.CharField(_("kind"), max_length=SLUG_MAX_LENGTH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team", "slug"], name="team_notifications_kind_key"),
            models.UniqueConstraint(
                fields=["user", "slug"], condition=Q(team=None), name="team_notifications_kind_everywhere_key"
            ),
        ]
        # Each event asks whether anybody chose for its slug, in its team or everywhere.
        indexes = [models.Index(fields=["team", "slug"], name="team_notifications_kind_chosen")]

    def __str__(self) -> str:
        return f"{self.slug} for {self.user}, {self.team or _('everywhere')}"

    @property
    def channels(self) -> frozenset[str]:
        """The names of those that are chosen; none of them is a choice, too."""
        return frozenset(name for name in CHANNELS if getattr(self, name))

    @channels.setter
    def channels(self, names: Collection[str]) -> None:
        for name in CHANNELS:
            setattr(self, name, name in names)
