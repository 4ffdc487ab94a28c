"""The pages of a team's endpoints. An outsider gets 404, a member without the permission 403."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from custom_actions.editing import remove
from custom_actions.forms import CustomActionForm
from custom_actions.models import CustomAction
from teams.models import Team
from teams.permissions import may, member_team_or_404
from users.models import User

VIEW = "custom_actions.view_customaction"
ADD = "custom_actions.add_customaction"
CHANGE = "custom_actions.change_customaction"
DELETE = "custom_actions.delete_customaction"

RECENT_CHECKS = 10
CHECKS_ON_A_PAGE = 50


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@require_safe
@login_required
def custom_actions(request: Request, team_slug: str) -> HttpResponse:
    team = _team(request, team_slug, VIEW)
    context = {"team": team, "actions": team.custom_actions.all(), "may_add": may(request.user, team, ADD)}
    return render(request, "custom_actions/list.html", context)


@require_safe
@login_required
def custom_action(request: Request, team_slug: str, pk: int) -> HttpResponse:
    action = _action(request, team_slug, pk, VIEW)
    context = {
        "team": action.team,
        "action": action,
        "checks": action.checks.all()[:RECENT_CHECKS],
        "may_change": may(request.user, action.team, CHANGE, source=action),
        "may_delete": may(request.user, action.team, DELETE, source=action),
    }
    return render(request, "custom_actions/detail.html", context)


@require_safe
@login_required
def history(request: Request, team_slug: str, pk: int) -> HttpResponse:
    action = _action(request, team_slug, pk, VIEW)
    page = Paginator(action.checks.all(), CHECKS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "custom_actions/history.html", {"team": action.team, "action": action, "page": page})


@login_required
def add(request: Request, team_slug: str) -> HttpResponse:
    team = _team(request, team_slug, ADD)
    form = CustomActionForm(request.POST or None, instance=CustomAction(team=team))
    if form.is_valid():
        saved = form.save()
        messages.success(request, gettext("Added %(action)s.") % {"action": saved})
        return redirect(saved)
    cancel = reverse("custom-actions", args=[team.slug])
    return _show(request, form, heading=gettext("New action"), cancel=cancel)


@login_required
def change(request: Request, team_slug: str, pk: int) -> HttpResponse:
    action = _action(request, team_slug, pk, CHANGE)
    heading = gettext("Change %(action)s") % {"action": action}  # by its name before: the form sets the new one
    form = CustomActionForm(request.POST or None, instance=action)
    if form.is_valid():
        saved = form.save()
        messages.success(request, gettext("Changed %(action)s.") % {"action": saved})
        return redirect(saved)
    return _show(request, form, heading=heading, cancel=action.get_absolute_url())


@login_required
def delete(request: Request, team_slug: str, pk: int) -> HttpResponse:
    action = _action(request, team_slug, pk, DELETE)
    if request.method == "POST":
        remove(action)
        messages.success(request, gettext("Deleted %(action)s.") % {"action": action})
        return redirect("custom-actions", team_slug)
    return render(request, "custom_actions/delete.html", {"team": action.team, "action": action})


def _show(request: Request, form: CustomActionForm, heading: str, cancel: str) -> HttpResponse:
    context = {"team": form.instance.team, "form": form, "heading": heading, "cancel": cancel}
    return render(request, "custom_actions/form.html", context)


def _team(request: Request, slug: str, permission: str) -> Team:
    team = member_team_or_404(request.user, slug)
    if not may(request.user, team, permission):
        raise PermissionDenied(permission)
    return team


def _action(request: Request, slug: str, pk: int, permission: str) -> CustomAction:
    team = member_team_or_404(request.user, slug)
    action = get_object_or_404(CustomAction.objects.select_related("team"), team=team, pk=pk)
    if not may(request.user, team, permission, source=action):
        raise PermissionDenied(permission)
    return action
