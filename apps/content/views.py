"""The page of a team's sites and what is made for them. An outsider gets 404, a member without the permission 403."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from content import keywords, steps
from content.forms import KeywordsForm
from content.models import Article, Cluster, CreditAccount, Site
from teams.models import Team
from teams.permissions import may, member_team_or_404
from users.models import User

VIEW = ("content.view_site", "content.view_keyword", "content.view_cluster", "content.view_article")
IMPORT = "content.add_keyword"
WORK = "content.change_site"
CREDITS = "teams.change_team"

ARTICLES_SHOWN = 50  # of each site, the newest


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@require_safe
@login_required
def content(request: Request, team_slug: str) -> HttpResponse:
    team = member_team_or_404(request.user, team_slug)
    _require(request, team, *VIEW)
    may_see_credits = may(request.user, team, CREDITS)
    context = {
        "team": team,
        "sites": _sites(team),
        "account": CreditAccount.objects.filter(team=team).first() if may_see_credits else None,
        "may_import": may(request.user, team, IMPORT),
        "may_work": may(request.user, team, WORK),
    }
    return render(request, "content/content.html", context)


@login_required
def import_keywords(request: Request, team_slug: str, pk: int) -> HttpResponse:
    site = _site(request, team_slug, pk, IMPORT)
    form = KeywordsForm(request.POST or None)
    if form.is_valid():
        added = keywords.import_keywords(site, form.cleaned_data["keywords"])
        said = ngettext("Added %(added)s keyword to %(site)s.", "Added %(added)s keywords to %(site)s.", added)
        messages.success(request, said % {"added": added, "site": site})
        return redirect(site)
    return render(request, "content/import_keywords.html", {"team": site.team, "site": site, "form": form})


@require_POST
@login_required
def take_step(request: Request, team_slug: str, pk: int) -> HttpResponse:
    """Takes the next step of the site at once; of two who press the button together, one does."""
    site = _site(request, team_slug, pk, WORK)
    if steps.take_step(site.pk, site.steps):
        messages.success(request, gettext("%(site)s is one step further; the inbox says how it went.") % {"site": site})
    else:
        messages.info(request, gettext("There is nothing to do for %(site)s at the moment.") % {"site": site})
    return redirect(site)


def _site(request: Request, slug: str, pk: int, permission: str) -> Site:
    team = member_team_or_404(request.user, slug)
    site = get_object_or_404(Site.objects.select_related("team"), team=team, pk=pk)
    _require(request, team, permission)
    return site


def _require(request: Request, team: Team, *permissions: str) -> None:
    if not may(request.user, team, *permissions):
        raise PermissionDenied(permissions[0])


def _sites(team: Team) -> list[Site]:
    """The sites with all that the page shows of them, in a constant number of queries."""
    clusters = Cluster.objects.annotate(
        keyword_count=Count("keywords", distinct=True), idea_count=Count("ideas", distinct=True)
    )
    articles = Article.objects.annotate(image_count=Count("images", filter=~Q(images__svg=""))).order_by("-pk")
    newest = Prefetch("articles", articles.defer("text")[:ARTICLES_SHOWN], to_attr="newest_articles")
    sites = team.sites.annotate(
        keyword_count=Count("keywords", distinct=True),
        waiting_count=Count("keywords", filter=Q(keywords__cluster=None), distinct=True),
    )
    return list(sites.prefetch_related(Prefetch("clusters", clusters), newest))
