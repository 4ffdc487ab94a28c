"""Operators change what is said of a kind, and see on sample values how that reads before they save it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from team_notifications import kinds
from team_notifications.models import NotificationTemplate
from team_notifications.placeholders import as_text
from team_notifications.wording import filled

Choices = list[tuple[str, str | list[tuple[str, str]]]]


def kind_choices(current: str = "") -> Choices:
    """The registered kinds by category; and `current`, when its feature does not register it any more."""
    groups = kinds.by_category().items()
    choices: Choices = [("", "---------")]
    choices += [
        (category, [(kind.slug, f"{kind.label} ({kind.slug})") for kind in group]) for category, group in groups
    ]
    return [*choices, (current, current)] if current and kinds.find(current) is None else choices


class TemplateForm(forms.ModelForm):
    class Meta:
        model = NotificationTemplate
        fields = ("slug", "channel", "title", "body")
        widgets = {
            "title": forms.TextInput({"class": "vLargeTextField"}),
            "body": forms.Textarea({"class": "vLargeTextField", "rows": 5}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:  # who may only look is shown texts
            self.fields["slug"] = forms.ChoiceField(label=_("Kind"), choices=kind_choices(self.instance.slug))


@admin.register(NotificationTemplate)
class NotificationTemplateAdmin(admin.ModelAdmin):
    form = TemplateForm
    change_form_template = "team_notifications/admin/template_form.html"
    list_display = ["label", "slug", "channel", "title", "failures", "last_failed_at"]
    list_filter = ["channel"]
    search_fields = ["slug", "title", "body"]
    ordering = ["slug", "channel"]
    readonly_fields = ("permitted_params", "failures", "last_error", "last_failed_at")
    fieldsets = [
        (None, {"fields": TemplateForm.Meta.fields}),  # under which the preview stands
        (_("Since it was saved"), {"fields": readonly_fields}),
    ]

    @admin.display(description=_("label"))
    def label(self, template: NotificationTemplate) -> str:
        kind = kinds.find(template.slug)
        return str(kind.label) if kind else self.get_empty_value_display()

    def save_model(self, request: HttpRequest, obj: NotificationTemplate, form: Any, change: bool) -> None:
        """What failed was the text before."""
        obj.failures, obj.last_error, obj.last_failed_at = 0, "", None
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(require_POST(self.preview))
        return [path("preview/", preview, name="team_notifications_notificationtemplate_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """How the posted, unsaved texts read. Asks the database for nothing but who is asking, and writes nothing."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        posted = NotificationTemplate(**{name: request.POST.get(name, "") for name in TemplateForm.Meta.fields})
        page = "_template_preview.html" if request.headers.get("HX-Request") else "template_preview.html"
        context = {**self.admin_site.each_context(request), "opts": self.opts, **preview_of(posted)}
        return TemplateResponse(request, f"team_notifications/admin/{page}", context)


def preview_of(template: NotificationTemplate) -> dict[str, Any]:
    """The kind with its samples, and what `template` says on them, or why it cannot be saved."""
    kind = kinds.find(template.slug)
    if kind is None:
        return {"kind": None}
    context = {"kind": kind, "samples": [(f"{{{name}}}", as_text(sample)) for name, sample in kind.params.items()]}
    try:
        template.clean()
        words = filled(template.title, template.body, kind.params)
        # What is still to be chosen is no mistake yet.
        template.clean_fields(exclude=[name for name in TemplateForm.Meta.fields if not getattr(template, name)])
        return {**context, "words": words}
    except ValidationError as error:
        return {**context, "errors": error.messages}
    except (TypeError, ValueError) as error:
        return {**context, "errors": [str(error)]}
