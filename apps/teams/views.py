from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from teams.models import Membership
from teams.permissions import member_team_or_404

MEMBERS_PER_PAGE = 100


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this is, or, to those who are signed in, their teams."""
    memberships = Membership.objects.filter(user=request.user.pk).select_related("team").prefetch_related("roles")
    return render(request, "landing.html", {"memberships": memberships.order_by("team__name")})


@require_safe
@login_required
def team(request: HttpRequest, slug: str) -> HttpResponse:
    found = member_team_or_404(request.user, slug)
    members = found.memberships.filter(user__is_active=True).select_related("user").prefetch_related("roles")
    ordered = members.order_by("user__first_name", "user__last_name", "user__email")
    page = Paginator(ordered, MEMBERS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "team.html", {"team": found, "page": page})
