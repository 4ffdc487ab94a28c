from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from team_notifications.models import Notification, Preference


class ReadOnly:
    """Threads are written by `team_notifications.notify` alone; the admin looks, and deletes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["title", "team", "slug", "level", "occurrences", "last_event_at", "resolved_at"]
    list_filter = ["level", "slug"]
    list_select_related = ["team"]
    search_fields = ["title", "slug", "identifier"]
    date_hierarchy = "last_event_at"
    ordering = ["-last_event_at"]
    show_full_result_count = False


@admin.register(Preference)
class PreferenceAdmin(admin.ModelAdmin):
    """With the user empty: the default of a team for its members."""

    list_display = ["user", "team", "in_app_enabled", "in_app_level", "email_enabled", "email_level"]
    list_select_related = ["user", "team"]
    raw_id_fields = ["user", "team"]
