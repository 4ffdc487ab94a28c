from importlib.util import find_spec

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TeamNotificationsConfig(AppConfig):
    name = "team_notifications"
    verbose_name = _("Team notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from team_notifications import checks  # noqa: F401  (registers them)
        from team_notifications.delivery import receivers

        receivers.connect()
        if find_spec("celery"):
            from team_notifications import wakeup

            wakeup.connect()
        if find_spec("anymail"):
            from team_notifications.delivery.channels.email import tracking

            tracking.connect()
