"""The pages of an organisation's products. An outsider gets 404, a member without the permission 403."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from products import events
from products.forms import ProductForm
from products.managers import MANAGE_ORGANISATION
from products.models import Product
from teams.models import Team
from teams.permissions import may, member_team_or_404
from users.models import User

VIEW = "products.view_product"
ADD = "products.add_product"
CHANGE = "products.change_product"

# Whoever is told of a new product may open it: its managers too, though they may have no role that shows all products.
OPEN = (VIEW, CHANGE, MANAGE_ORGANISATION)


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@require_safe
@login_required
def products(request: Request, team_slug: str) -> HttpResponse:
    team = _team(request, team_slug, VIEW)
    context = {"team": team, "products": team.products.all(), "may_add": may(request.user, team, ADD)}
    return render(request, "products/list.html", context)


@require_safe
@login_required
def product(request: Request, team_slug: str, pk: int) -> HttpResponse:
    found = _product(request, team_slug, pk, *OPEN)
    context = {
        "team": found.team,
        "product": found,
        "may_change": may(request.user, found.team, CHANGE, source=found),
        "may_list": may(request.user, found.team, VIEW),
    }
    return render(request, "products/detail.html", context)


@login_required
def add(request: Request, team_slug: str) -> HttpResponse:
    team = _team(request, team_slug, ADD)
    form = ProductForm(request.POST or None, instance=Product(team=team))
    if form.is_valid():
        events.add(form.instance, request.user)
        messages.success(request, gettext("Added %(product)s.") % {"product": form.instance})
        return redirect(form.instance)
    return _show(request, form, heading=gettext("New product"), cancel=reverse("products", args=[team.slug]))


@login_required
def change(request: Request, team_slug: str, pk: int) -> HttpResponse:
    found = _product(request, team_slug, pk, CHANGE)
    heading = gettext("Change %(product)s") % {"product": found}  # by its name before: the form sets the new one
    form = ProductForm(request.POST or None, instance=found)
    if form.is_valid():
        events.save_changes(form.instance, request.user, form.changed_data)
        messages.success(request, gettext("Changed %(product)s.") % {"product": form.instance})
        return redirect(form.instance)
    return _show(request, form, heading=heading, cancel=found.get_absolute_url())


def _show(request: Request, form: ProductForm, heading: str, cancel: str) -> HttpResponse:
    context = {"team": form.instance.team, "form": form, "heading": heading, "cancel": cancel}
    return render(request, "products/form.html", context)


def _team(request: Request, slug: str, permission: str) -> Team:
    team = member_team_or_404(request.user, slug)
    if not may(request.user, team, permission):
        raise PermissionDenied(permission)
    return team


def _product(request: Request, slug: str, pk: int, *permissions: str) -> Product:
    """The product, for whoever holds one of the permissions."""
    team = member_team_or_404(request.user, slug)
    found = get_object_or_404(Product.objects.select_related("team", "created_by"), team=team, pk=pk)
    if not any(may(request.user, team, permission, source=found) for permission in permissions):
        raise PermissionDenied(" or ".join(permissions))
    return found
