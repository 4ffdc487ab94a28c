from typing import Any

from django import template

from content.views import VIEW
from teams.models import Team
from teams.permissions import may

register = template.Library()


@register.simple_tag(takes_context=True)
def may_view_content(context: dict[str, Any], team: Team) -> bool:
    """Whether the page of the team's content would open for who is signed in."""
    return may(context["user"], team, *VIEW)
