"""Counts templates that could not be filled, on the row that an operator reads in the admin.

Such a template fails with every event of its kind. So an event is counted after its commit, the row is held for one
statement, and who finds somebody else counting there goes on without: in a storm the number is a little low, and nobody
waits. The log has each of them.
"""

import logging

from django.db import DatabaseError, router, transaction
from django.db.models import F
from django.utils import timezone

from team_notifications.models import NotificationTemplate

logger = logging.getLogger(__name__)


def count(template_id: int, error: str, times: int = 1) -> None:
    """Adds `times` to the failures of a template. Raises nothing: what is told does not depend on what is counted."""
    try:
        with transaction.atomic(using=router.db_for_write(NotificationTemplate)):
            template = NotificationTemplate.objects.filter(pk=template_id)
            if template.select_for_update(skip_locked=True, no_key=True).exists():
                template.update(failures=F("failures") + times, last_error=error, last_failed_at=timezone.now())
    except DatabaseError:
        logger.exception("A failure of template %s was not counted.", template_id)
