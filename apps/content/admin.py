from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from content.models import Article, Cluster, CreditAccount, Idea, Image, Keyword, Site


class WrittenByJobsToo(admin.ModelAdmin):
    """Saves only what was edited: the jobs went on since the form was opened."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Site)
class SiteAdmin(WrittenByJobsToo):
    list_display = ["name", "team", "url", "steps", "is_set_up", "synced_at"]
    list_filter = ["is_set_up", "team"]
    list_select_related = ["team"]
    search_fields = ["name", "url", "team__name"]
    autocomplete_fields = ["team"]
    readonly_fields = ["steps", "is_set_up", "synced_at", "created_at"]

    def get_form(self, request: HttpRequest, obj: Site | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "team" in form.base_fields:
            form.base_fields["team"].disabled = obj is not None  # its threads would stay with the team that it left
        return form


@admin.register(CreditAccount)
class CreditAccountAdmin(WrittenByJobsToo):
    """The total is given here; what is used of it, the jobs count."""

    list_display = ["team", "total", "used", "spent_at"]
    list_select_related = ["team"]
    autocomplete_fields = ["team"]
    readonly_fields = ["used", "spent_at"]


@admin.register(Keyword)
class KeywordAdmin(WrittenByJobsToo):
    list_display = ["text", "site", "cluster"]
    list_select_related = ["site", "cluster"]
    search_fields = ["text"]
    autocomplete_fields = ["site", "cluster"]


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin):
    list_display = ["name", "site"]
    list_select_related = ["site"]
    search_fields = ["name"]
    autocomplete_fields = ["site"]


class Made(admin.ModelAdmin):
    """Made by the jobs: read, not written."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Idea)
class IdeaAdmin(Made):
    list_display = ["title", "cluster"]
    list_select_related = ["cluster"]


@admin.register(Article)
class ArticleAdmin(Made):
    list_display = ["title", "site", "state", "words", "error"]
    list_filter = ["state"]
    list_select_related = ["site"]
    search_fields = ["title"]


@admin.register(Image)
class ImageAdmin(Made):
    list_display = ["prompt", "article", "position"]
    list_select_related = ["article"]
