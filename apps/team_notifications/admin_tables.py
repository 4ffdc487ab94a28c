"""What the tables of the module have in common in the admin."""

from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property


class ReadOnly:
    """The module alone writes these tables; the admin looks, and deletes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class UpTo(Paginator):
    """Counts and shows no more than this many rows: to count millions would take longer than to show a page of them."""

    LIMIT = 10_000

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows[: self.LIMIT].count()


class LongTable(ReadOnly, admin.ModelAdmin):
    """A table of millions of rows: its list asks only what an index answers."""

    paginator = UpTo
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Not to delete many: it stays allowed because deleting a thread or a user takes these rows along."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
