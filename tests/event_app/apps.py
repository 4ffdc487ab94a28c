from django.apps import AppConfig


class EventAppConfig(AppConfig):
    name = "tests.event_app"

    def ready(self) -> None:
        from tests.event_app import handlers

        handlers.register()
