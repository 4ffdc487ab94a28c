from django.apps import AppConfig


class CustomActionsConfig(AppConfig):
    name = "custom_actions"
    verbose_name = "Custom actions"
    role_permissions = {
        "Admin": [
            "custom_actions.view_customaction",
            "custom_actions.add_customaction",
            "custom_actions.change_customaction",
            "custom_actions.delete_customaction",
        ],
        "Editor": [
            "custom_actions.view_customaction",
            "custom_actions.add_customaction",
            "custom_actions.change_customaction",
        ],
        "Viewer": ["custom_actions.view_customaction"],
    }

    def ready(self) -> None:
        from custom_actions import checks  # noqa: F401  (registers them)
        from custom_actions.kinds import register
        from custom_actions.models import CustomAction
        from team_notifications.sources import remove_with_source

        register()
        remove_with_source(CustomAction)
