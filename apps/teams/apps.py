from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TeamsConfig(AppConfig):
    name = "teams"
    role_permissions = {
        "Admin": ["teams.view_team", "teams.change_team", "team_notifications.view_readers"],
        "Editor": ["teams.view_team"],
        "Viewer": ["teams.view_team"],
    }

    def ready(self) -> None:
        from teams.roles import seed_roles  # models are not there before

        # auth connected before us (see INSTALLED_APPS), so an app's permissions exist when its roles are seeded.
        post_migrate.connect(seed_roles, dispatch_uid="teams.seed_roles")
