from django.apps import AppConfig

VIEW = ["content.view_site", "content.view_keyword", "content.view_cluster", "content.view_article"]
WRITE = ["content.add_keyword", "content.change_site"]


class ContentConfig(AppConfig):
    name = "content"
    verbose_name = "Content"
    role_permissions = {"Admin": [*VIEW, *WRITE], "Editor": [*VIEW, *WRITE], "Viewer": VIEW}

    def ready(self) -> None:
        from content.kinds import register
        from content.models import Site
        from team_notifications.sources import remove_with_source

        register()
        remove_with_source(Site)
