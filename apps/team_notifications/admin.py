import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from team_notifications import (
    conf,
    event_admin,  # noqa: F401  (registers its own)
    preferences,
    template_admin,  # noqa: F401  (registers itself)
)
from team_notifications.admin_tables import LongTable, ReadOnly
from team_notifications.delivery import outbox
from team_notifications.delivery.mailings import EMAIL
from team_notifications.directory import UnknownPermission
from team_notifications.models import Delivery, Floor, Mailing, Notification, Preference, Suppression
from team_notifications.models.delivery import DeliveryQuerySet

ADDRESS = get_user_model().get_email_field_name()


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["title", "team", "user", "slug", "level", "occurrences", "last_event_at", "resolved_at"]
    list_filter = ["level", "slug"]
    list_select_related = ["team", "user"]
    search_fields = ["title", "slug", "identifier"]
    date_hierarchy = "last_event_at"
    ordering = ["-last_event_at"]
    show_full_result_count = False


class Announced:
    """What somebody wants, or a team: mail that is held back is looked at again after each change."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]  # of ModelAdmin, as below
        _announce([obj])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)  # type: ignore[misc]
        _announce([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        gone = list(queryset.select_related("team"))
        super().delete_queryset(request, queryset)  # type: ignore[misc]
        _announce(gone)


def _announce(changed: list[Any]) -> None:
    for user, team in {(getattr(each, "user", None), each.team) for each in changed}:
        preferences.announce(user, team)


@admin.register(Preference)
class PreferenceAdmin(Announced, admin.ModelAdmin):
    """With the user empty: the default of a team for its members."""

    list_display = [
        *("user", "team", "personal", "in_app_enabled", "in_app_level"),
        *("email_enabled", "email_level", "email_frequency"),
    ]
    list_select_related = ["user", "team"]
    raw_id_fields = ["user", "team"]


class FloorForm(forms.ModelForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        team, permission = (self.cleaned_data.get(name) for name in ("team", "permission"))
        try:
            if team and permission:
                conf.directory().holders(team, [permission])
        except UnknownPermission as error:
            self.add_error("permission", str(error))
        return cleaned


@admin.register(Floor)
class FloorAdmin(Announced, admin.ModelAdmin):
    """Besides the page of a team: for holders of any permission."""

    form = FloorForm
    list_display = ["team", "channel", "level", "permission"]
    list_filter = ["channel", "level"]
    list_select_related = ["team"]
    raw_id_fields = ["team"]


class ChannelFilter(admin.SimpleListFilter):
    """Django's own would look through the whole table for the channels that there are."""

    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(EMAIL, _("Email"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(LongTable):
    """The outbox. The state pending, sorted by when it is due, shows first what has waited longest."""

    list_display = ["thread", "user", "team", "channel", "state", "due_at", "attempts", "reason"]
    list_filter = ["state", ChannelFilter]
    list_select_related = ["user_notification__notification", "user", "team"]
    # By the user notification, which has an index by user, and the delivery none but for what is pending.
    search_fields = [f"=user_notification__user__{ADDRESS}"]
    search_help_text = _("The whole email address of a member.")
    sortable_by = ["due_at"]
    ordering = ["-pk"]
    actions = ["try_again"]

    @admin.display(description=_("thread"))
    def thread(self, delivery: Delivery) -> str:
        return delivery.user_notification.notification.title

    @admin.display(description=_("last error"))
    def reason(self, delivery: Delivery) -> str:
        return Truncator(delivery.last_error).chars(80)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("team_notifications.change_delivery")

    @admin.action(description=_("Try failed deliveries again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: DeliveryQuerySet) -> None:
        tried = outbox.try_again(queryset)
        told = ngettext("%d failed delivery is tried again.", "%d failed deliveries are tried again.", tried) % tried
        self.message_user(request, told, messages.SUCCESS if tried else messages.WARNING)


@admin.register(Mailing)
class MailingAdmin(LongTable):
    list_display = ["address", "team", "kind", "state", "sent_at", "provider_status", "created_at"]
    list_filter = ["state", "provider_status", "kind"]
    list_select_related = ["team"]
    search_fields = [f"=user__{ADDRESS}"]
    search_help_text = _("The whole email address of a member.")
    sortable_by = ["created_at"]
    ordering = ["-created_at"]
    fields = [
        *("user", "team", "address", "kind", "state", "created_at", "sent_at", "last_error"),
        *("message_id", "provider_message_id", "provider_status", "reported", "what_it_tells"),
    ]
    readonly_fields = ["reported", "what_it_tells"]

    @admin.display(description=_("provider event"))
    def reported(self, mailing: Mailing) -> str:
        if mailing.provider_event is None:
            return self.get_empty_value_display()
        return format_html("<pre>{}</pre>", json.dumps(mailing.provider_event, indent=2, ensure_ascii=False))

    @admin.display(description=_("deliveries"))
    def what_it_tells(self, mailing: Mailing) -> str:
        url = reverse("admin:team_notifications_delivery_changelist")
        return format_html('<a href="{}?mailing={}">{}</a>', url, mailing.pk, _("What it tells"))


class SuppressionForm(forms.ModelForm):
    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        return address.lower()


@admin.register(Suppression)
class SuppressionAdmin(admin.ModelAdmin):
    """To delete one is to lift it: mail goes to the address again."""

    form = SuppressionForm
    list_display = ["address", "reason", "at"]
    list_filter = ["reason"]
    search_fields = ["address"]
    ordering = ["address"]
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
