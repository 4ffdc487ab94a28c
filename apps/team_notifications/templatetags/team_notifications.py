"""``{% notification_bell %}`` puts the bell into a page; the other tags and filters serve our own templates."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext

from team_notifications import kinds
from team_notifications.kinds import Kind
from team_notifications.levels import Level
from team_notifications.models import Notification
from team_notifications.web.access import looked_after_by
from team_notifications.web.days import until
from team_notifications.web.reader import unread

OPENING_LINES = 3
OPENING_CHARACTERS = 280

register = template.Library()


@register.inclusion_tag("team_notifications/_bell.html", takes_context=True)
def notification_bell(context: template.Context) -> dict[str, Any]:
    """A link to the inbox with the unread count. Nothing for those who are not signed in, and without a request."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return {"signed_in": False}
    return {"signed_in": True, "unread": unread(request)}


@register.simple_tag
def level_icon(level: Level) -> str:
    return render_to_string(f"team_notifications/icons/{level.slug}.svg")


@register.simple_tag
def thread_icon(thread: Notification) -> str:
    """The icon of the thread's kind; without one, or where its file is missing, that of the level."""
    return _icon(kinds.find(thread.slug), thread.severity)


@register.simple_tag
def kind_icon(kind: Kind) -> str:
    """The icon of the kind itself, as a thread of it has it."""
    return _icon(kind, kind.level)


def _icon(kind: Kind | None, level: Level) -> str:
    names = [f"team_notifications/icons/{level.slug}.svg"]
    if kind and kind.icon:
        names.insert(0, kind.icon if kind.icon.endswith(".svg") else f"team_notifications/icons/{kind.icon}.svg")
    return render_to_string(names)


@register.simple_tag
def when(moment: datetime) -> SafeString:
    """`moment` as time ago; the exact time, in the zone of the person, is its title, and is read out."""
    local = timezone.localtime(moment)
    exact = f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}"
    read_out = format_html('<span class="visually-hidden">, {}</span>', exact)
    return _time(local, format_html("{}{}", ago(moment), read_out), title=exact)


@register.simple_tag
def exactly(moment: datetime) -> SafeString:
    """`moment` in the zone of the person; that zone, and how long ago it is, are its title."""
    local = timezone.localtime(moment)
    return _time(local, date_format(local, "DATETIME_FORMAT"), title=f"{local:%Z}, {ago(moment)}")


def _time(local: datetime, text: str, *, title: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat("T", "seconds"), title, text)


@register.simple_tag
def runs(moment: datetime | None) -> str:
    """Until when it holds, in words; empty when it is over."""
    return until(moment) if moment and moment > timezone.now() else ""


@register.simple_tag
def kind_of(thread: Notification) -> Kind | None:
    return kinds.find(thread.slug)


def ago(moment: datetime) -> str:
    if timezone.now() - moment < timedelta(minutes=1):
        return gettext("just now")
    return gettext("%(time)s ago") % {"time": timesince(moment, depth=1)}


@register.filter
def opening(message: str) -> str:
    """How a long message begins; a short one as it is."""
    start = "\n".join(message.split("\n")[:OPENING_LINES])
    if len(start) > OPENING_CHARACTERS:
        start = start[:OPENING_CHARACTERS].rsplit(maxsplit=1)[0]
    return message if start == message else f"{start} …"


@register.simple_tag(takes_context=True)
def team_settings_address(context: template.Context, team: Any) -> str:
    """Where the person looks after the notifications of `team`; empty when they do not."""
    user = getattr(context.get("request"), "user", None)
    if user is None or team.pk not in looked_after_by(user):
        return ""
    return reverse("team_notifications:team-settings", args=[team.pk])
