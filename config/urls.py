from django.apps import apps
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

# Browsers ask for it on pages that name no icon. Lazy: its address is known only once static files are collected.
favicon = RedirectView.as_view(url=lazy(static, str)("team_notifications/icon.svg"))

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("users.urls")),
    path("", include("teams.urls")),
    path("notifications/", include("team_notifications.web.urls")),
    path("teams/<slug:team_slug>/actions/", include("custom_actions.urls")),
    path("teams/<slug:team_slug>/products/", include("products.urls")),
    path("teams/<slug:team_slug>/content/", include("content.urls")),
    path("favicon.ico", favicon),
    path("anymail/", include("anymail.urls")),
]
if apps.is_installed("demo"):
    urlpatterns.append(path("demo/", include("demo.urls")))
