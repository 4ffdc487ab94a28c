"""What is done for a site, each job told in the transaction of its result.

A job that was done already does nothing. One that cannot be done takes back what it began, and tells why. Each costs
credits, of which nothing is taken when it fails.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from content import clustering, notifications, writing
from content.credits import DEAREST, check_left, spend
from content.errors import CannotDo, Overtaken
from content.models import Article, Cluster, Idea, Image, Keyword, Site, State
from content.sending import article_body, send, sync_body

CLUSTERING = IDEAS = DRAFTING = DEAREST  # credits
PROMPTS = 2
IMAGE = PUBLISHING = SYNCING = 1
ERROR_MAX_LENGTH = 500


class Failed(Protocol):
    def __call__(self, *, error: str) -> None: ...


@contextmanager
def attempt(site: Site, failed: Failed) -> Iterator[None]:
    """One job of `site`, in one transaction. When it cannot be done, `failed` is called with the reason instead.

    Jobs of a site take turns: its row is held until the commit, before the account's and those of any threads, so that
    two jobs never wait for each other. Raises Overtaken when another job ended since `site` was read.
    """
    with transaction.atomic():
        if not Site.objects.filter(pk=site.pk, steps=site.steps).update(steps=F("steps") + 1):
            raise Overtaken(f"Another job of {site} ended since it was read.")
        try:
            with transaction.atomic():
                yield
        except CannotDo as reason:
            failed(error=str(reason))


# ---- keywords, clusters, ideas --------------------------------------------------------------------------------------


def cluster_keywords(site: Site) -> None:
    """Puts the keywords that have no cluster into those of their words."""
    keywords = list(site.keywords.filter(cluster=None))
    if not keywords and site.keywords.exists():
        return
    with attempt(site, partial(notifications.clustering_failed, site)):
        if not keywords:
            raise CannotDo(gettext("There are no keywords."))
        spend(site, CLUSTERING)
        found = clustering.cluster(keyword.text for keyword in keywords)
        for name, texts in found.items():
            cluster, _ = Cluster.objects.get_or_create(site=site, name=name)
            Keyword.objects.filter(site=site, text__in=texts, cluster=None).update(cluster=cluster)
        notifications.clusters_created(site, clusters=len(found), keywords=len(keywords))


def generate_ideas(site: Site) -> None:
    """Gives each cluster that has none its ideas."""
    clusters = list(site.clusters.filter(ideas=None))
    if not clusters and site.clusters.exists():
        return
    with attempt(site, partial(notifications.ideas_failed, site)):
        if not clusters:
            raise CannotDo(gettext("There are no clusters."))
        spend(site, IDEAS)
        ideas = [Idea(cluster=cluster, title=title) for cluster in clusters for title in writing.ideas(cluster.name)]
        Idea.objects.bulk_create(ideas)
        notifications.ideas_generated(site, ideas=len(ideas), clusters=len(clusters))


# ---- articles -------------------------------------------------------------------------------------------------------


def draft_articles(cluster: Cluster) -> None:
    """Writes an article for each idea of the cluster that has none."""
    site, ideas = cluster.site, list(cluster.ideas.filter(article=None))
    if not ideas and cluster.ideas.exists():
        return
    with attempt(site, partial(notifications.content_failed, cluster)):
        if not ideas:
            raise CannotDo(gettext("There are no ideas for “%(cluster)s”.") % {"cluster": cluster})
        spend(site, DRAFTING)
        text = writing.draft(cluster.name, [keyword.text for keyword in cluster.keywords.all()])
        words = len(text.split())
        Article.objects.bulk_create(
            Article(site=site, idea=idea, title=idea.title, text=text, words=words) for idea in ideas
        )
        notifications.content_generated(cluster, articles=len(ideas), words=words * len(ideas))


def create_prompts(article: Article) -> None:
    if article.images.exists():
        return
    with attempt(article.site, partial(notifications.prompts_failed, article)):
        if not article.text:
            raise CannotDo(gettext("“%(article)s” has no text.") % {"article": article})
        spend(article.site, PROMPTS)
        prompts = writing.prompts(article.title)
        Image.objects.bulk_create(
            Image(article=article, position=position, prompt=prompt) for position, prompt in enumerate(prompts)
        )
        notifications.prompts_created(article, in_article=len(prompts) - 1)


def draw_images(article: Article) -> None:
    """Draws those that are not drawn yet."""
    images = list(article.images.filter(svg=""))
    if not images and article.images.exists():
        return
    with attempt(article.site, partial(notifications.images_failed, article, images=len(images))):
        if not images:
            raise CannotDo(gettext("There are no image prompts."))
        spend(article.site, IMAGE * len(images))
        for image in images:
            image.svg = writing.picture(image.prompt)
        Image.objects.bulk_update(images, ["svg"])
        notifications.images_generated(article, images=len(images))


def hand_over(article: Article) -> None:
    """Moves a draft to review. Costs nothing, and cannot fail."""
    if article.status is State.DRAFT:
        with attempt(article.site, _cannot_fail):
            Article.objects.filter(pk=article.pk).update(state=State.REVIEW)
            notifications.ready_for_review(article)


# ---- over HTTP ------------------------------------------------------------------------------------------------------


def publish(article: Article) -> None:
    """Sends an article that was reviewed to its site. Sent outside of the transaction: it may take its whole timeout.

    Two workers at once may both send it, under the same id; the result of one of them counts.
    """
    if article.status not in {State.REVIEW, State.FAILED}:
        return
    error = _sent(article.site, PUBLISHING, partial(article_body, article))
    with attempt(article.site, partial(_not_published, article)):
        if error:
            raise CannotDo(error)
        spend(article.site, PUBLISHING)
        Article.objects.filter(pk=article.pk).update(state=State.PUBLISHED, error="", tried_at=timezone.now())
        notifications.published(article)


def _not_published(article: Article, *, error: str) -> None:
    kept = error[:ERROR_MAX_LENGTH]
    Article.objects.filter(pk=article.pk).update(state=State.FAILED, error=kept, tried_at=timezone.now())
    notifications.publish_failed(article, error=error)


def sync(site: Site) -> None:
    """Sends the list of what is published. The first time that it goes well, the site is set up."""
    articles = list(site.articles.filter(state=State.PUBLISHED))
    nothing = "" if articles else gettext("Nothing is published yet.")
    error = nothing or _sent(site, SYNCING, partial(sync_body, articles))
    with attempt(site, partial(_not_synced, site)):
        if error:
            raise CannotDo(error)
        spend(site, SYNCING)
        Site.objects.filter(pk=site.pk).update(synced_at=timezone.now())
        notifications.synced(site, items=len(articles))
        if Site.objects.filter(pk=site.pk, is_set_up=False).update(is_set_up=True):
            notifications.setup_completed(site)


def _not_synced(site: Site, *, error: str) -> None:
    Site.objects.filter(pk=site.pk).update(synced_at=timezone.now())
    notifications.sync_failed(site, error=error)


def _sent(site: Site, cost: int, body: Callable[[], bytes]) -> str:
    """Why it could not be sent; empty when it was. Nothing is sent that cannot be paid."""
    try:
        check_left(site, cost)
    except CannotDo as reason:
        return str(reason)
    return send(site, body())


def _cannot_fail(*, error: str) -> None:
    raise AssertionError(error)
