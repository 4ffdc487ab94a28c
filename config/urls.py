from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("users.urls")),
    path("", include("teams.urls")),
    path("notifications/", include("team_notifications.web.urls")),
    path("teams/<slug:team_slug>/actions/", include("custom_actions.urls")),
]
if apps.is_installed("demo"):
    urlpatterns.append(path("demo/", include("demo.urls")))
