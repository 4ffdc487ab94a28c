"""One step after another: what is to be done next for a site, decided by what is there."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from content import jobs
from content.errors import Overtaken
from content.models import Article, Cluster, Image, Site, State

Job = Callable[[], None]

AGAIN_AFTER = timedelta(seconds=30)  # publishing what was not taken
SYNC_EVERY = timedelta(seconds=45)  # no divisor of the minute, which the demo's endpoint goes by


def take_step(site_id: int, number: int) -> bool:
    """Takes the step of that number, if it is still the next one. Returns whether something was done.

    A message that is delivered again comes with a number that has passed.
    """
    site = Site.objects.select_related("team").filter(pk=site_id, steps=number).first()
    job = next_job(site, timezone.now()) if site else None
    if job is None:
        return False
    try:
        job()
    except Overtaken:  # the same message, at the same moment
        return False
    return True


def next_job(site: Site, now: datetime) -> Job | None:
    """The job that is due; None when there is nothing to do. What is nearest to being published comes first."""
    return next(_due_jobs(site, now), None)


def _due_jobs(site: Site, now: datetime) -> Iterator[Job]:
    articles = site.articles.select_related("site__team")
    if _sync_is_due(site, now):
        yield partial(jobs.sync, site)
    to_try = Q(state=State.REVIEW) | Q(state=State.FAILED, tried_at__lte=now - AGAIN_AFTER)
    yield from _each(jobs.publish, articles.filter(to_try).first())
    drafts = articles.filter(state=State.DRAFT)
    undrawn = Image.objects.filter(article=OuterRef("pk"), svg="")
    yield from _each(jobs.draw_images, drafts.filter(Exists(undrawn)).first())
    yield from _each(jobs.hand_over, drafts.exclude(images=None).first())
    yield from _each(jobs.create_prompts, drafts.filter(images=None).first())
    clusters = site.clusters.select_related("site__team")
    waiting = clusters.filter(ideas__isnull=False, ideas__article=None)
    yield from _each(jobs.draft_articles, waiting.first())
    if clusters.filter(ideas=None).exists():
        yield partial(jobs.generate_ideas, site)
    if site.keywords.filter(cluster=None).exists() or not site.keywords.exists():
        yield partial(jobs.cluster_keywords, site)


def _sync_is_due(site: Site, now: datetime) -> bool:
    """A site has something published; it was never in sync, or not for a while."""
    waited = site.synced_at is None or site.synced_at <= now - SYNC_EVERY
    return waited and site.articles.filter(state=State.PUBLISHED).exists()


def _each(job: Callable[..., None], subject: Article | Cluster | None) -> Iterator[Job]:
    if subject is not None:
        yield partial(job, subject)
