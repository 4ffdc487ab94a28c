from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from custom_actions.editing import remove, save_changes
from custom_actions.models import Check, CustomAction
from team_notifications.sources import removed_together


@admin.register(CustomAction)
class CustomActionAdmin(admin.ModelAdmin):
    list_display = ["name", "team", "url", "is_enabled", "is_down", "is_slow", "last_checked_at"]
    list_filter = ["is_enabled", "is_down", "is_slow", "team"]
    list_select_related = ["team"]
    search_fields = ["name", "url", "team__name"]
    autocomplete_fields = ["team"]
    readonly_fields = ["is_down", "is_slow", "last_checked_at", "next_check_at", "created_at"]

    def get_form(
        self, request: HttpRequest, obj: CustomAction | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "team" in form.base_fields:
            form.base_fields["team"].disabled = obj is not None  # its threads would stay with the team that it left
        return form

    def save_model(self, request: HttpRequest, obj: CustomAction, form: Any, change: bool) -> None:
        if change:
            save_changes(obj, form.changed_data)
        else:
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: CustomAction) -> None:
        remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CustomAction]) -> None:
        with removed_together():
            for action in queryset.select_related("team"):
                remove(action)


@admin.register(Check)
class CheckAdmin(admin.ModelAdmin):
    """History is read, not written."""

    list_display = ["action", "at", "is_up", "status_code", "duration_ms", "reason"]
    list_filter = ["is_up"]
    list_select_related = ["action"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Check | None = None) -> bool:
        return False
