from django.conf import settings
from django.db import models
from django.utils import timezone

from team_notifications.models.notification import Notification


class UnfinishedFanout(models.Model):
    """A thread of a large team that not all members were told of yet, and where to go on.

    Written by `team_notifications.fanout` alone. The row is the truth; a message to the worker only says: look now.
    """

    notification = models.OneToOneField(
        Notification, on_delete=models.CASCADE, primary_key=True, related_name="unfinished_fanout"
    )
    # The first user of the next chunk. Shaped as a foreign key to have the type of the user's primary key; a user
    # who is deleted meanwhile is still a good place to go on from, hence no constraint.
    next_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    # It happened again meanwhile: go round once more from here. A reset of next_user instead would, in a storm, tell
    # the second chunk again and again and never reach the last.
    again_from = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.notification_id} from {self.next_user_id}"
