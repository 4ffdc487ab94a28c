"""The catalogue of kinds: what each helper tells, to whom, and what it ends."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from content import kinds as content_kinds
from content import notifications as tell
from content.models import Article, Cluster, CreditAccount, Idea, Site
from team_notifications import inbox, kinds
from team_notifications.levels import Level
from team_notifications.models import Notification
from tests.cast import Cast
from tests.crowd import crowd

AI, WORKFLOW, SYNC, CREDITS, SETUP = "AI operations", "Workflow", "Sync", "Credits", "Setup"
EVERYONE, ADMINS = {"Alice", "Ed", "Vera", "Bob"}, {"Alice"}
ERROR = "<b>503</b> & {title}"


@dataclass(frozen=True, kw_only=True)
class Subjects:
    site: Site
    cluster: Cluster
    article: Article


def subjects_of(site: Site, title: str = "Garden chairs") -> Subjects:
    cluster = Cluster.objects.create(site=site, name=title.lower())
    idea = Idea.objects.create(cluster=cluster, title=title)
    return Subjects(site=site, cluster=cluster, article=Article.objects.create(site=site, idea=idea, title=title))


@pytest.fixture
def subjects(cast: Cast) -> Subjects:
    return subjects_of(Site.objects.create(team=cast.acme, name="Blog", url="https://blog.example/"))


@dataclass(frozen=True)
class Row:
    slug: str
    level: Level
    category: str
    call: Callable[[Subjects], None]
    message: str
    anchor: str  # where its link leads
    who: set[str]


CATALOGUE = [
    Row(
        "ai-cluster-complete",
        Level.SUCCESS,
        AI,
        lambda given: tell.clusters_created(given.site, clusters=12, keywords=340),
        "Created 12 clusters from 340 keywords",
        "clusters-{site}",
        EVERYONE,
    ),
    Row(
        "ai-cluster-failed",
        Level.ERROR,
        AI,
        lambda given: tell.clustering_failed(given.site, error=ERROR),
        f"Failed to cluster keywords: {ERROR}",
        "keywords-{site}",
        EVERYONE,
    ),
    Row(
        "ai-ideas-complete",
        Level.SUCCESS,
        AI,
        lambda given: tell.ideas_generated(given.site, ideas=24, clusters=12),
        "Generated 24 content ideas from 12 clusters",
        "clusters-{site}",
        EVERYONE,
    ),
    Row(
        "ai-ideas-failed",
        Level.ERROR,
        AI,
        lambda given: tell.ideas_failed(given.site, error=ERROR),
        f"Failed to generate ideas: {ERROR}",
        "clusters-{site}",
        EVERYONE,
    ),
    Row(
        "ai-content-complete",
        Level.SUCCESS,
        AI,
        lambda given: tell.content_generated(given.cluster, articles=2, words=1200),
        "Generated 2 articles (1200 words)",
        "articles-{site}",
        EVERYONE,
    ),
    Row(
        "ai-content-failed",
        Level.ERROR,
        AI,
        lambda given: tell.content_failed(given.cluster, error=ERROR),
        f"Failed to generate content: {ERROR}",
        "clusters-{site}",
        EVERYONE,
    ),
    Row(
        "ai-images-complete",
        Level.SUCCESS,
        AI,
        lambda given: tell.images_generated(given.article, images=3),
        "Generated 3 images",
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "ai-images-failed",
        Level.ERROR,
        AI,
        lambda given: tell.images_failed(given.article, images=3, error=ERROR),
        f"Failed to generate 3 images: {ERROR}",
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "ai-prompts-complete",
        Level.SUCCESS,
        AI,
        lambda given: tell.prompts_created(given.article, in_article=2),
        "3 image prompts ready (1 featured + 2 in-article)",
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "ai-prompts-failed",
        Level.ERROR,
        AI,
        lambda given: tell.prompts_failed(given.article, error=ERROR),
        f"Failed to create image prompts: {ERROR}",
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "content-ready-review",
        Level.INFO,
        WORKFLOW,
        lambda given: tell.ready_for_review(given.article),
        "Garden chairs ready for review",
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "content-published",
        Level.SUCCESS,
        WORKFLOW,
        lambda given: tell.published(given.article),
        '"Garden chairs" published to Blog',
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "content-publish-failed",
        Level.ERROR,
        WORKFLOW,
        lambda given: tell.publish_failed(given.article, error=ERROR),
        f'Failed to publish "Garden chairs": {ERROR}',
        "article-{article}",
        EVERYONE,
    ),
    Row(
        "sync-success",
        Level.SUCCESS,
        SYNC,
        lambda given: tell.synced(given.site, items=8),
        "Synced 8 items with Blog",
        "site-{site}",
        EVERYONE,
    ),
    Row(
        "sync-failed",
        Level.ERROR,
        SYNC,
        lambda given: tell.sync_failed(given.site, error=ERROR),
        f"Sync failed for Blog: {ERROR}",
        "site-{site}",
        EVERYONE,
    ),
    Row(
        "credits-low",
        Level.WARNING,
        CREDITS,
        lambda given: tell.credits_low(given.site, percent=82, remaining=9),
        "You've used 82 % of your credits. 9 remaining.",
        "credits",
        ADMINS,
    ),
    Row(
        "credits-depleted",
        Level.ERROR,
        CREDITS,
        lambda given: tell.credits_depleted(given.site),
        "Your credits are exhausted. Upgrade to continue.",
        "credits",
        ADMINS,
    ),
    Row(
        "setup-complete",
        Level.SUCCESS,
        SETUP,
        lambda given: tell.setup_completed(given.site),
        "Blog is fully configured and ready!",
        "site-{site}",
        ADMINS,
    ),
    Row(
        "keywords-imported",
        Level.INFO,
        SETUP,
        lambda given: tell.keywords_imported(given.site, keywords=40),
        "Added 40 keywords to Blog",
        "keywords-{site}",
        ADMINS,
    ),
    Row(
        "system-info",
        Level.INFO,
        SETUP,
        lambda given: tell.system_info(given.site, message="Maintenance at noon."),
        "Maintenance at noon.",
        "site-{site}",
        ADMINS,
    ),
]
# By the slug, or else by the place that the link leads to.
LABELS = {
    "clusters": "View clusters",
    "keywords": "View keywords",
    "articles": "View articles",
    "article": "View the article",
    "site": "View the site",
    "credits": "View credits",
    "content-ready-review": "Review the article",
}
ASKED = {
    f"{AI}, clusters": "content.view_cluster",
    f"{AI}, keywords": "content.view_cluster",
    f"{AI}, articles": "content.view_article",
    f"{AI}, article": "content.view_article",
    f"{WORKFLOW}, article": "content.view_article",
    f"{SYNC}, site": "content.view_site",
    f"{CREDITS}, credits": "teams.change_team",
    f"{SETUP}, site": "teams.change_team",
    f"{SETUP}, keywords": "teams.change_team",
    "ai-content-failed": "content.view_article",  # about the articles that are missing
}
SLUGS = [row.slug for row in CATALOGUE]


def readers(cast: Cast) -> set[str]:
    people = [person for person in vars(cast).values() if hasattr(person, "email")]
    return {person.first_name for person in people if inbox.unread_count(person)}


def thread(slug: str) -> Notification:
    return Notification.objects.get(slug=slug)


# ---- the catalogue --------------------------------------------------------------------------------------------------


def test_there_is_a_row_for_each_kind_of_the_catalogue() -> None:
    assert len(SLUGS) == 20
    assert [kind.slug for kind in content_kinds.KINDS] == SLUGS
    assert all(kinds.find(kind.slug) is kind for kind in content_kinds.KINDS)


@pytest.mark.parametrize("row", CATALOGUE, ids=SLUGS)
class TestCatalogue:
    def test_the_helper_tells_it(
        self,
        subjects: Subjects,
        row: Row,
    ) -> None:
        row.call(subjects)
        told = Notification.objects.get()
        assert (told.slug, told.severity, told.message) == (row.slug, row.level, row.message)
        kind = kinds.find(row.slug)
        assert kind is not None
        assert str(kind.category) == row.category
        assert told.title
        assert "{" not in told.title

    def test_it_is_about_the_site_and_has_one_link_to_a_place_on_a_page_that_opens(
        self,
        client: Client,
        cast: Cast,
        subjects: Subjects,
        row: Row,
    ) -> None:
        CreditAccount.objects.create(team=cast.acme)
        row.call(subjects)
        told = Notification.objects.get()
        assert (told.source_app, told.source_model, told.source_id) == ("content", "site", str(subjects.site.pk))
        [(label, url)] = told.links.items()
        place = row.anchor.format(site=subjects.site.pk, article=subjects.article.pk)
        expected = LABELS.get(row.slug) or LABELS[row.anchor.partition("-")[0]]
        assert (label, url) == (expected, f"/teams/acme/content/#{place}")
        client.force_login(cast.alice)
        assert f'id="{place}"' in client.get(url).content.decode()

    def test_it_asks_for_the_permission_to_view_what_it_is_about_or_to_change_the_team(
        self,
        subjects: Subjects,
        row: Row,
    ) -> None:
        row.call(subjects)
        asked = ASKED.get(row.slug) or ASKED[f"{row.category}, {row.anchor.partition('-')[0]}"]
        assert Notification.objects.get().permissions == [asked]

    def test_those_who_may_see_it_are_told_and_no_one_else(
        self,
        cast: Cast,
        subjects: Subjects,
        row: Row,
    ) -> None:
        cast.ed.memberships.get().roles.clear()
        row.call(subjects)
        assert readers(cast) == row.who - {"Ed"}

    def test_again_it_is_the_same_thread(
        self,
        subjects: Subjects,
        row: Row,
    ) -> None:
        row.call(subjects)
        row.call(subjects)
        assert Notification.objects.get().occurrences == 2

    def test_another_team_has_a_thread_of_its_own(
        self,
        cast: Cast,
        subjects: Subjects,
        row: Row,
    ) -> None:
        row.call(subjects)
        row.call(subjects_of(Site.objects.create(team=cast.globex, name="Blog", url="https://blog.example/")))
        assert set(Notification.objects.values_list("team__slug", "occurrences")) == {("acme", 1), ("globex", 1)}


def test_an_error_is_shown_escaped(client: Client, cast: Cast, subjects: Subjects) -> None:
    tell.sync_failed(subjects.site, error=ERROR)
    client.force_login(cast.vera)
    html = client.get("/notifications/").content.decode()
    assert "Sync failed for Blog: &lt;b&gt;503&lt;/b&gt; &amp; {title}" in html
    assert "<b>503" not in html


def test_a_title_with_a_placeholder_is_not_filled_again(subjects: Subjects) -> None:
    subjects.article.title = "{site} and {title}"
    tell.published(subjects.article)
    assert thread("content-published").message == '"{site} and {title}" published to Blog'


def test_the_site_of_credits_does_not_matter(cast: Cast, subjects: Subjects) -> None:
    other = Site.objects.create(team=cast.acme, name="Shop", url="https://shop.example/")
    tell.credits_low(subjects.site, percent=82, remaining=9)
    tell.credits_low(other, percent=90, remaining=5)
    assert thread("credits-low").occurrences == 2
    assert thread("credits-low").message == "You've used 90 % of your credits. 5 remaining."


def test_each_message_of_the_system_is_a_thread(subjects: Subjects) -> None:
    for message in ("One.", "Two.", "Two."):
        tell.system_info(subjects.site, message=message)
    assert set(Notification.objects.values_list("message", "occurrences")) == {("One.", 1), ("Two.", 2)}


# ---- what belongs together, and what ends what ----------------------------------------------------------------------


def test_articles_fail_in_threads_of_their_own_and_succeed_in_one_of_their_site(subjects: Subjects) -> None:
    other = subjects_of(subjects.site, "Garden lights")
    for article in (subjects.article, other.article):
        tell.images_failed(article, images=3, error="no")
    assert Notification.objects.filter(slug="ai-images-failed").count() == 2
    for article in (subjects.article, other.article):
        tell.images_generated(article, images=3)
    assert thread("ai-images-complete").occurrences == 2


@dataclass(frozen=True)
class End:
    """The thread that is ended, what begins it and what ends it."""

    slug: str
    begin: Callable[[Subjects], None]
    end: Callable[[Subjects], None]


ENDS = [
    End(
        "ai-cluster-failed",
        lambda given: tell.clustering_failed(given.site, error="no"),
        lambda given: tell.clusters_created(given.site, clusters=1, keywords=2),
    ),
    End(
        "ai-ideas-failed",
        lambda given: tell.ideas_failed(given.site, error="no"),
        lambda given: tell.ideas_generated(given.site, ideas=1, clusters=1),
    ),
    End(
        "ai-content-failed",
        lambda given: tell.content_failed(given.cluster, error="no"),
        lambda given: tell.content_generated(given.cluster, articles=1, words=2),
    ),
    End(
        "ai-prompts-failed",
        lambda given: tell.prompts_failed(given.article, error="no"),
        lambda given: tell.prompts_created(given.article, in_article=2),
    ),
    End(
        "ai-images-failed",
        lambda given: tell.images_failed(given.article, images=3, error="no"),
        lambda given: tell.images_generated(given.article, images=3),
    ),
    End(
        "content-publish-failed",
        lambda given: tell.publish_failed(given.article, error="no"),
        lambda given: tell.published(given.article),
    ),
    End(
        "content-ready-review",
        lambda given: tell.ready_for_review(given.article),
        lambda given: tell.published(given.article),
    ),
    End(
        "content-ready-review",
        lambda given: tell.ready_for_review(given.article),
        lambda given: tell.publish_failed(given.article, error="no"),
    ),
    End(
        "sync-failed",
        lambda given: tell.sync_failed(given.site, error="no"),
        lambda given: tell.synced(given.site, items=1),
    ),
    End(
        "credits-low",
        lambda given: tell.credits_low(given.site, percent=82, remaining=9),
        lambda given: tell.credits_depleted(given.site),
    ),
    End(
        "credits-low",
        lambda given: tell.credits_low(given.site, percent=82, remaining=9),
        lambda given: tell.credits_renewed(given.site),
    ),
    End(
        "credits-depleted",
        lambda given: tell.credits_depleted(given.site),
        lambda given: tell.credits_renewed(given.site),
    ),
]


@pytest.mark.parametrize("row", ENDS, ids=lambda row: row.slug)
def test_what_goes_well_ends_what_went_wrong(subjects: Subjects, row: End) -> None:
    row.begin(subjects)
    row.end(subjects)
    assert thread(row.slug).is_resolved
    row.begin(subjects)
    assert not thread(row.slug).is_resolved


@pytest.mark.parametrize("row", [row for row in ENDS if not row.slug.startswith("credits")], ids=lambda row: row.slug)
def test_of_another_subject_it_ends_nothing(cast: Cast, subjects: Subjects, row: End) -> None:
    other = subjects_of(Site.objects.create(team=cast.acme, name="Shop", url="https://shop.example/"), "Lights")
    row.begin(subjects)
    row.end(other)
    assert not thread(row.slug).is_resolved


def test_telling_costs_the_same_queries_for_many_members(db: None) -> None:
    def queries(members: int) -> int:
        site = Site.objects.create(team=crowd(members, f"Crowd{members}"), name="Blog", url="https://blog.example/")
        tell.synced(site, items=1)
        with CaptureQueriesContext(connection) as captured:
            tell.synced(site, items=1)
        return len(captured)

    assert queries(2) == queries(200)
