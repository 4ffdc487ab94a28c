"""Events in the admin: what was published, what became of it, and running again what failed."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from team_notifications.admin_tables import LongTable, ReadOnly
from team_notifications.events import runs, types
from team_notifications.models import EventLog, HandlerRun
from team_notifications.models.event import HandlerRunQuerySet


class NameFilter(admin.SimpleListFilter):
    """Django's own would look through the whole table for the names that there are."""

    title = _("event")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in types.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[EventLog]) -> QuerySet[EventLog]:
        return queryset.filter(name=self.value()) if self.value() else queryset


class RunInline(ReadOnly, admin.TabularInline):
    model = HandlerRun
    fields = ["handler", "state", "attempts", "due_at", "finished_at"]
    show_change_link = True
    can_delete = False


@admin.register(EventLog)
class EventLogAdmin(LongTable):
    list_display = ["name", "team", "created_at", "dispatched_at"]
    list_filter = [NameFilter, ("dispatched_at", admin.EmptyFieldListFilter)]
    list_select_related = ["team"]
    sortable_by = ()
    ordering = ["-pk"]
    fields = ["name", "team", "created_at", "dispatched_at", "delete_at", "what_it_says"]
    readonly_fields = ["what_it_says"]
    inlines = [RunInline]

    @admin.display(description=_("payload"))
    def what_it_says(self, event: EventLog) -> str:
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))


@admin.register(HandlerRun)
class HandlerRunAdmin(LongTable):
    """The state pending, sorted by when it is due, shows first what has waited longest."""

    list_display = ["handler", "event", "team", "state", "due_at", "attempts", "finished_at", "reason"]
    list_filter = ["state"]
    list_select_related = ["event__team"]
    sortable_by = ["due_at"]
    ordering = ["-pk"]
    fields = ["handler", "event", "state", "attempts", "due_at", "finished_at", "why_it_failed"]
    readonly_fields = ["why_it_failed"]
    actions = ["try_again"]

    @admin.display(description=_("team"))
    def team(self, run: HandlerRun) -> str:
        return str(run.event.team or self.get_empty_value_display())

    @admin.display(description=_("last error"))
    def reason(self, run: HandlerRun) -> str:
        return Truncator(run.last_error.rstrip().rpartition("\n")[2]).chars(80)

    @admin.display(description=_("last error"))
    def why_it_failed(self, run: HandlerRun) -> str:
        return format_html("<pre>{}</pre>", run.last_error) if run.last_error else self.get_empty_value_display()

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("team_notifications.change_handlerrun")

    @admin.action(description=_("Run failed handlers again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: HandlerRunQuerySet) -> None:
        tried = runs.try_again(queryset)
        told = ngettext("%d failed handler is run again.", "%d failed handlers are run again.", tried) % tried
        self.message_user(request, told, messages.SUCCESS if tried else messages.WARNING)
