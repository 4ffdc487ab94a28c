from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from products import events
from products.models import Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "team", "url", "created_by", "created_at"]
    list_filter = ["team"]
    list_select_related = ["team", "created_by"]
    search_fields = ["name", "url", "team__name"]
    autocomplete_fields = ["team"]
    readonly_fields = ["created_by", "created_at"]

    def get_form(self, request: HttpRequest, obj: Product | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "team" in form.base_fields:
            form.base_fields["team"].disabled = obj is not None  # its threads would stay with the team that it left
        return form

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        person: Any = request.user
        if change:
            events.save_changes(obj, person, form.changed_data)
        else:
            events.add(obj, person)
