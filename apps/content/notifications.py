"""What this feature tells a team, one function for each kind. Call them in the transaction of what they tell of.

What goes well is one thread for each site, which counts; what fails is one for each subject that somebody has to look
at, and ends when the same thing goes well. Credits belong to the team, so their threads do.

Each function begins or repeats its own thread first and then ends others, always in the same order, so that two
processes cannot wait for each other.
"""

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext

from content import kinds
from content.models import Article, Cluster, Site
from team_notifications.kinds import Kind
from team_notifications.notify import create_notification, resolve_notification

# ---- clusters and ideas ---------------------------------------------------------------------------------------------


def clusters_created(site: Site, *, clusters: int, keywords: int) -> None:
    """Ends the thread that says that clustering failed."""
    params = {"clusters": clusters, "keywords": keywords}
    _tell(site, kinds.CLUSTERED, _of_site(site), params, _clusters(site))
    _resolve(site, kinds.NOT_CLUSTERED, _of_site(site))


def clustering_failed(site: Site, *, error: str) -> None:
    _tell(site, kinds.NOT_CLUSTERED, _of_site(site), {"error": error}, _keywords(site))


def ideas_generated(site: Site, *, ideas: int, clusters: int) -> None:
    """Ends the thread that says that there are no ideas."""
    _tell(site, kinds.IDEAS, _of_site(site), {"ideas": ideas, "clusters": clusters}, _clusters(site))
    _resolve(site, kinds.NO_IDEAS, _of_site(site))


def ideas_failed(site: Site, *, error: str) -> None:
    _tell(site, kinds.NO_IDEAS, _of_site(site), {"error": error}, _clusters(site))


# ---- articles -------------------------------------------------------------------------------------------------------


def content_generated(cluster: Cluster, *, articles: int, words: int) -> None:
    """Ends the thread that says that this cluster got none."""
    site = cluster.site
    link = {gettext("View articles"): _anchor(site, f"articles-{site.pk}")}
    _tell(site, kinds.CONTENT, _of_site(site), {"articles": articles, "words": words}, link)
    _resolve(site, kinds.NO_CONTENT, {"cluster_id": cluster.pk})


def content_failed(cluster: Cluster, *, error: str) -> None:
    _tell(cluster.site, kinds.NO_CONTENT, {"cluster_id": cluster.pk}, {"error": error}, _clusters(cluster.site))


def prompts_created(article: Article, *, in_article: int) -> None:
    """One featured prompt and `in_article` others. Ends the thread that says that this article got none."""
    params = {"prompts": 1 + in_article, "in_article": in_article}
    _tell(article.site, kinds.PROMPTS, _of_site(article.site), params, _article(article))
    _resolve(article.site, kinds.NO_PROMPTS, _of_article(article))


def prompts_failed(article: Article, *, error: str) -> None:
    _tell(article.site, kinds.NO_PROMPTS, _of_article(article), {"error": error}, _article(article))


def images_generated(article: Article, *, images: int) -> None:
    """Ends the thread that says that this article got none."""
    _tell(article.site, kinds.IMAGES, _of_site(article.site), {"images": images}, _article(article))
    _resolve(article.site, kinds.NO_IMAGES, _of_article(article))


def images_failed(article: Article, *, images: int, error: str) -> None:
    params = {"images": images, "error": error}
    _tell(article.site, kinds.NO_IMAGES, _of_article(article), params, _article(article))


def ready_for_review(article: Article) -> None:
    params = {"title": article.title}
    link = {gettext("Review the article"): article.get_absolute_url()}
    _tell(article.site, kinds.READY_FOR_REVIEW, _of_article(article), params, link)


def published(article: Article) -> None:
    """Ends the threads that say that it waits for review, or could not be published."""
    params = {"title": article.title, "site": article.site.name}
    _tell(article.site, kinds.PUBLISHED, _of_article(article), params, _article(article))
    _resolve(article.site, kinds.NOT_PUBLISHED, _of_article(article))
    _resolve(article.site, kinds.READY_FOR_REVIEW, _of_article(article))


def publish_failed(article: Article, *, error: str) -> None:
    """Ends the thread that says that it waits for review: it has been reviewed."""
    params = {"title": article.title, "error": error}
    _tell(article.site, kinds.NOT_PUBLISHED, _of_article(article), params, _article(article))
    _resolve(article.site, kinds.READY_FOR_REVIEW, _of_article(article))


# ---- the site -------------------------------------------------------------------------------------------------------


def synced(site: Site, *, items: int) -> None:
    """Ends the thread that says that it failed."""
    _tell(site, kinds.SYNCED, _of_site(site), {"items": items, "site": site.name}, _site(site))
    _resolve(site, kinds.NOT_SYNCED, _of_site(site))


def sync_failed(site: Site, *, error: str) -> None:
    _tell(site, kinds.NOT_SYNCED, _of_site(site), {"site": site.name, "error": error}, _site(site))


def setup_completed(site: Site) -> None:
    _tell(site, kinds.SET_UP, _of_site(site), {"site": site.name}, _site(site))


def keywords_imported(site: Site, *, keywords: int) -> None:
    _tell(site, kinds.KEYWORDS_IMPORTED, _of_site(site), {"keywords": keywords, "site": site.name}, _keywords(site))


def system_info(site: Site, *, message: str | Promise) -> None:
    """Whatever the system has to say of a site. Each is a thread of its own, by what it says."""
    event_data = {**_of_site(site), "message": str(message)}
    _tell(site, kinds.SYSTEM_INFO, event_data, {"message": message}, _site(site))


# ---- credits --------------------------------------------------------------------------------------------------------


def credits_depleted(site: Site) -> None:
    """Ends the warning, which this has overtaken. `site` is the one whose job took the last."""
    _tell(site, kinds.CREDITS_DEPLETED, {"team_id": site.team_id}, {}, _credits(site))
    _resolve(site, kinds.CREDITS_LOW, {"team_id": site.team_id})


def credits_low(site: Site, *, percent: int, remaining: int) -> None:
    params = {"percent": percent, "remaining": remaining}
    _tell(site, kinds.CREDITS_LOW, {"team_id": site.team_id}, params, _credits(site))


def credits_renewed(site: Site) -> None:
    """Ends both; there is no kind that tells it."""
    for kind in (kinds.CREDITS_DEPLETED, kinds.CREDITS_LOW):
        _resolve(site, kind, {"team_id": site.team_id})


# ---- what they share ------------------------------------------------------------------------------------------------


def _tell(site: Site, kind: Kind, event_data: dict[str, Any], params: dict[str, Any], links: dict[str, str]) -> None:
    create_notification(team=site.team, slug=kind.slug, event_data=event_data, params=params, links=links, source=site)


def _resolve(site: Site, kind: Kind, event_data: dict[str, Any]) -> None:
    resolve_notification(team=site.team, slug=kind.slug, event_data=event_data)


def _of_site(site: Site) -> dict[str, Any]:
    return {"site_id": site.pk}


def _of_article(article: Article) -> dict[str, Any]:
    return {"article_id": article.pk}


def _anchor(site: Site, name: str) -> str:
    """A place on the team's content page."""
    return f"{reverse('content', args=[site.team.slug])}#{name}"


def _site(site: Site) -> dict[str, str]:
    return {gettext("View the site"): site.get_absolute_url()}


def _keywords(site: Site) -> dict[str, str]:
    return {gettext("View keywords"): _anchor(site, f"keywords-{site.pk}")}


def _clusters(site: Site) -> dict[str, str]:
    return {gettext("View clusters"): _anchor(site, f"clusters-{site.pk}")}


def _article(article: Article) -> dict[str, str]:
    return {gettext("View the article"): article.get_absolute_url()}


def _credits(site: Site) -> dict[str, str]:
    return {gettext("View credits"): _anchor(site, "credits")}
