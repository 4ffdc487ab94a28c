"""What holds in a team for members who chose nothing, and what reaches them whatever they chose."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from team_notifications import conf, floors, preferences
from team_notifications.web.access import looked_after_by, sign_in_required
from team_notifications.web.reader import Request, say
from team_notifications.web.team_form import FloorForm, TeamForm


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sign_in_required
def team_settings_page(request: Request, key: str) -> HttpResponse:
    """The defaults and the floors of the team that the address names. A POST changes the defaults."""
    team = _team_or_404(request, key)
    form = TeamForm(preferences.default_scope(team), request.POST if request.method == "POST" else None)
    if form.is_valid():
        preferences.choose_for_team(team, **form.changes())
        return _saved(request, team)
    return _page(request, team, defaults=form)


@require_POST
@sign_in_required
def choose_floors(request: Request, key: str) -> HttpResponse:
    team = _team_or_404(request, key)
    form = FloorForm(floors.circles(team), request.POST)
    if form.is_valid():
        floors.choose(team, form.levels())
        return _saved(request, team)
    return _page(request, team, floor_form=form)


def _team_or_404(request: Request, key: str) -> Any:
    """The team of that key. Raises Http404 unless the person looks after it now: nobody else learns of it."""
    found = [pk for pk in looked_after_by(request.user) if str(pk) == key]
    team = conf.directory().teams(request.user).filter(pk__in=found).first()
    if team is None:
        raise Http404(f"No team with the id {key!r}.")
    return team


def _page(
    request: Request, team: Any, *, defaults: TeamForm | None = None, floor_form: FloorForm | None = None
) -> HttpResponse:
    """One of the forms may be given, with what is wrong with it."""
    status = 400 if any(form.errors for form in (defaults, floor_form) if form is not None) else 200
    context = {
        "team": team,
        "defaults": defaults or TeamForm(preferences.default_scope(team)),
        "floors": floor_form or FloorForm(floors.circles(team)),
    }
    return render(request, "team_notifications/team_settings.html", context, status=status)


def _saved(request: Request, team: Any) -> HttpResponse:
    say(request, gettext("Saved for %(scope)s.") % {"scope": team})
    return redirect("team_notifications:team-settings", team.pk)
