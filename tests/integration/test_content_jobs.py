"""The jobs of a site succeed and fail. The endpoint, the credits and the threads are real."""

import json
from typing import Any

import pytest

from content import jobs
from content.errors import CannotDo, Overtaken
from content.keywords import import_keywords
from content.models import Article, Cluster, CreditAccount, Idea, Image, Keyword, Site, State
from content.sending import TIMEOUT
from team_notifications.models import Notification
from tests.cast import Cast
from tests.endpoint_server import Server
from tests.ports import free_port

KEYWORDS = ["garden chairs", "garden table", "solar panels"]


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def site(cast: Cast, endpoint: Server) -> Site:
    CreditAccount.objects.create(team=cast.acme, total=1_000)
    return Site.objects.create(team=cast.acme, name="Blog", url=endpoint.url())


def fresh(site: Site) -> Site:
    return Site.objects.select_related("team").get(pk=site.pk)


def cluster(site: Site) -> Cluster:
    jobs.cluster_keywords(fresh(site))
    jobs.generate_ideas(fresh(site))
    return Cluster.objects.select_related("site__team").get(site=site, name="garden")


def article(site: Site, state: State = State.DRAFT) -> Article:
    """The first article as it is now; the first call makes it."""
    if not Article.objects.exists():
        import_keywords(site, KEYWORDS)
        jobs.draft_articles(cluster(site))
        Article.objects.update(state=state)
    return Article.objects.select_related("site__team").order_by("pk")[0]


def told(slug: str) -> str:
    return Notification.objects.get(slug=slug).message


def slugs() -> set[str]:
    return set(Notification.objects.values_list("slug", flat=True))


def used(site: Site) -> int:
    return CreditAccount.objects.get(team=site.team).used


def spend_all(site: Site, left: int = 0) -> None:
    CreditAccount.objects.filter(team=site.team).update(total=100, used=100 - left)


# ---- keywords, clusters, ideas --------------------------------------------------------------------------------------


def test_keywords_are_clustered_by_the_words_that_they_share(site: Site) -> None:
    import_keywords(site, KEYWORDS)
    jobs.cluster_keywords(fresh(site))
    clustered = set(Keyword.objects.values_list("text", "cluster__name"))
    assert clustered == {("garden chairs", "garden"), ("garden table", "garden"), ("solar panels", "panels")}
    assert told("ai-cluster-complete") == "Created 2 clusters from 3 keywords"
    assert used(site) == jobs.CLUSTERING


def test_new_keywords_join_the_cluster_of_their_word(site: Site) -> None:
    import_keywords(site, KEYWORDS)
    jobs.cluster_keywords(fresh(site))
    import_keywords(site, ["garden lights"])
    jobs.cluster_keywords(fresh(site))
    assert Cluster.objects.get(name="garden").keywords.count() == 3
    assert told("ai-cluster-complete") == "Created 1 clusters from 1 keywords"


def test_without_keywords_there_is_nothing_to_cluster(site: Site) -> None:
    jobs.cluster_keywords(site)
    assert told("ai-cluster-failed") == "Failed to cluster keywords: There are no keywords."
    assert used(site) == 0


def test_ideas_are_generated_for_each_cluster(site: Site) -> None:
    import_keywords(site, KEYWORDS)
    cluster(site)
    assert list(Idea.objects.filter(cluster__name="garden").values_list("title", flat=True)) == [
        "A guide to garden",
        "Garden: what people ask",
    ]
    assert told("ai-ideas-complete") == "Generated 4 content ideas from 2 clusters"


def test_without_clusters_there_are_no_ideas(site: Site) -> None:
    jobs.generate_ideas(site)
    assert told("ai-ideas-failed") == "Failed to generate ideas: There are no clusters."


# ---- articles -------------------------------------------------------------------------------------------------------


def test_an_article_is_drafted_for_each_idea_and_its_words_are_counted(site: Site) -> None:
    draft = article(site)
    assert (draft.title, draft.status) == ("A guide to garden", State.DRAFT)
    assert "“garden chairs”" in draft.text
    assert "“solar panels”" not in draft.text
    assert draft.words == len(draft.text.split()) > 50
    assert told("ai-content-complete") == f"Generated 2 articles ({2 * draft.words} words)"


def test_a_cluster_without_ideas_gets_no_drafts(site: Site) -> None:
    jobs.draft_articles(Cluster.objects.create(site=site, name="garden"))
    assert told("ai-content-failed") == "Failed to generate content: There are no ideas for “garden”."


def test_an_article_gets_its_prompts_and_then_its_images(site: Site) -> None:
    jobs.create_prompts(article(site))
    assert told("ai-prompts-complete") == "3 image prompts ready (1 featured + 2 in-article)"
    assert not Image.objects.exclude(svg="").exists()
    jobs.draw_images(article(site))
    assert told("ai-images-complete") == "Generated 3 images"
    drawn = list(Image.objects.values_list("svg", flat=True))
    assert all(svg.startswith("<svg") for svg in drawn)
    assert len(set(drawn)) == 3


def test_an_article_without_text_gets_no_prompts(site: Site) -> None:
    article(site)
    Article.objects.update(text="")
    jobs.create_prompts(article(site))
    assert told("ai-prompts-failed") == "Failed to create image prompts: “A guide to garden” has no text."


def test_an_article_without_prompts_gets_no_images(site: Site) -> None:
    jobs.draw_images(article(site))
    assert told("ai-images-failed") == "Failed to generate 0 images: There are no image prompts."


def test_a_draft_is_handed_over_for_review(site: Site) -> None:
    jobs.hand_over(article(site))
    assert article(site).status is State.REVIEW
    assert told("content-ready-review") == "A guide to garden ready for review"


# ---- over HTTP ------------------------------------------------------------------------------------------------------


def test_an_article_is_published_by_sending_it_to_its_site(site: Site, endpoint: Server) -> None:
    draft = article(site, State.REVIEW)
    jobs.create_prompts(draft)
    jobs.publish(article(site))
    assert article(site).status is State.PUBLISHED
    assert told("content-published") == '"A guide to garden" published to Blog'
    [body] = endpoint.bodies
    sent = json.loads(body)
    assert (sent["id"], sent["title"], sent["words"], len(sent["images"])) == (draft.pk, draft.title, draft.words, 3)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/500", "Answered 500 Internal Server Error."),
        ("/302?/", "Answered 302 Found; redirects are not followed."),
        ("/hang-up", "No answer: Server disconnected without sending a response."),
    ],
)
def test_an_endpoint_that_does_not_take_it_is_told_and_costs_nothing(
    site: Site, endpoint: Server, path: str, error: str
) -> None:
    Site.objects.update(url=endpoint.url(path))
    article(site, State.REVIEW)
    before = used(site)
    jobs.publish(article(site))
    assert (article(site).status, article(site).error) == (State.FAILED, error)
    assert told("content-publish-failed") == f'Failed to publish "A guide to garden": {error}'
    assert used(site) == before


def test_nobody_who_answers_is_told_too(site: Site) -> None:
    Site.objects.update(url=f"http://127.0.0.1:{free_port()}/")
    jobs.publish(article(site, State.REVIEW))
    assert article(site).error.startswith("No answer: ")


def test_an_endpoint_that_never_answers_is_given_up(
    site: Site, endpoint: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TIMEOUT < 30  # a request of a member waits for it
    monkeypatch.setattr("content.sending.TIMEOUT", 0.1)
    Site.objects.update(url=endpoint.url("/silent"))
    jobs.publish(article(site, State.REVIEW))
    assert article(site).error == "No complete answer within 0.1 s."


def test_a_private_network_is_not_asked(site: Site, endpoint: Server, settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = []
    jobs.publish(article(site, State.REVIEW))
    assert article(site).error.startswith("Not asked: ")
    assert endpoint.requests == []


def test_publishing_again_after_a_failure_ends_its_thread(site: Site, endpoint: Server) -> None:
    endpoint.status = 500
    jobs.publish(article(site, State.REVIEW))
    endpoint.status = 200
    jobs.publish(article(site))
    assert (article(site).status, article(site).error) == (State.PUBLISHED, "")
    assert Notification.objects.get(slug="content-publish-failed").is_resolved


def test_a_sync_sends_what_is_published_and_the_first_completes_the_setup(site: Site, endpoint: Server) -> None:
    article(site, State.PUBLISHED)
    for _ in range(2):
        jobs.sync(fresh(site))
    assert told("sync-success") == "Synced 2 items with Blog"
    assert told("setup-complete") == "Blog is fully configured and ready!"
    assert Notification.objects.get(slug="setup-complete").occurrences == 1
    assert [entry["title"] for entry in json.loads(endpoint.bodies[0])["articles"]] == [
        "A guide to garden",
        "Garden: what people ask",
    ]


def test_a_sync_that_fails_is_told_and_completes_nothing(site: Site, endpoint: Server) -> None:
    endpoint.status = 503
    article(site, State.PUBLISHED)
    jobs.sync(fresh(site))
    assert told("sync-failed") == "Sync failed for Blog: Answered 503 Service Unavailable."
    assert not fresh(site).is_set_up
    endpoint.status = 200
    jobs.sync(fresh(site))
    assert Notification.objects.get(slug="sync-failed").is_resolved


def test_there_is_nothing_to_sync_before_something_is_published(site: Site, endpoint: Server) -> None:
    jobs.sync(site)
    assert told("sync-failed") == "Sync failed for Blog: Nothing is published yet."
    assert endpoint.requests == []


# ---- credits --------------------------------------------------------------------------------------------------------


def prepared(site: Site, job: str) -> Any:
    """What `job` is done to, so that it lacks nothing but credits."""
    if job in {"cluster_keywords", "generate_ideas", "draft_articles"}:
        import_keywords(site, KEYWORDS)
        if job == "generate_ideas":
            jobs.cluster_keywords(fresh(site))
        return cluster(site) if job == "draft_articles" else fresh(site)
    states = {"publish": State.REVIEW, "sync": State.PUBLISHED}
    ready = article(site, states.get(job, State.DRAFT))
    if job == "draw_images":
        jobs.create_prompts(ready)
    return fresh(site) if job == "sync" else article(site)


@pytest.mark.parametrize(
    ("job", "slug", "needed"),
    [
        ("cluster_keywords", "ai-cluster-failed", 5),
        ("generate_ideas", "ai-ideas-failed", 5),
        ("draft_articles", "ai-content-failed", 5),
        ("create_prompts", "ai-prompts-failed", 2),
        ("draw_images", "ai-images-failed", 3),
        ("publish", "content-publish-failed", 1),
        ("sync", "sync-failed", 1),
    ],
)
def test_each_job_fails_without_credits_and_takes_back_what_it_began(
    site: Site, endpoint: Server, job: str, slug: str, needed: int
) -> None:
    subject = prepared(site, job)
    made = [Cluster, Idea, Article, Image]
    before, threads = [model.objects.count() for model in made], slugs()
    spend_all(site, left=needed - 1)
    getattr(jobs, job)(subject)
    assert f"{needed} credits are needed, and {needed - 1} are left." in told(slug)
    assert [model.objects.count() for model in made] == before
    assert slugs() - threads == {slug}
    assert used(site) == 100 - needed + 1
    assert endpoint.requests == []


def test_a_team_without_an_account_has_no_credits(cast: Cast) -> None:
    site = Site.objects.create(team=cast.globex, name="Blog", url="https://blog.example/")
    import_keywords(site, KEYWORDS)
    jobs.cluster_keywords(site)
    assert told("ai-cluster-failed").endswith("5 credits are needed, and 0 are left.")


# ---- twice ----------------------------------------------------------------------------------------------------------


def done_twice(site: Site, job: str) -> tuple[dict[str, int], dict[str, int]]:
    """What is there after the job, and after the job again."""
    subject, again = prepared(site, job), None
    results = []
    for _ in range(2):
        getattr(jobs, job)(again or subject)
        again = type(subject).objects.get(pk=subject.pk)
        threads = dict(Notification.objects.values_list("slug", "occurrences").order_by())
        results.append(
            {**threads, "used": used(site), "articles": Article.objects.count(), "ideas": Idea.objects.count()}
        )
    return results[0], results[1]


@pytest.mark.parametrize(
    "job",
    ["cluster_keywords", "generate_ideas", "draft_articles", "create_prompts", "draw_images", "hand_over", "publish"],
)
def test_a_job_that_was_done_does_nothing_when_it_is_run_again(site: Site, endpoint: Server, job: str) -> None:
    once, twice = done_twice(site, job)
    assert once == twice
    assert len(endpoint.requests) == (job == "publish")


@pytest.mark.parametrize("job", ["generate_ideas", "sync"])
def test_of_two_workers_who_saw_the_same_site_one_does_the_job(site: Site, job: str) -> None:
    subject = prepared(site, job)
    seen_by_the_other = fresh(site)
    getattr(jobs, job)(subject)
    Idea.objects.all().delete()
    with pytest.raises(Overtaken, match="Another job of Blog ended since it was read"):
        getattr(jobs, job)(seen_by_the_other)
    assert not Idea.objects.exists()


def test_a_job_that_breaks_leaves_nothing_behind(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no notification today")

    import_keywords(site, KEYWORDS)
    monkeypatch.setattr("content.notifications.clusters_created", fail)
    with pytest.raises(RuntimeError, match="no notification today"):
        jobs.cluster_keywords(fresh(site))
    assert not Cluster.objects.exists()
    assert (used(site), fresh(site).steps) == (0, 0)


def test_a_reason_is_told_by_the_site_that_it_is_about(site: Site) -> None:
    with jobs.attempt(site, lambda *, error: jobs.notifications.sync_failed(site, error=error)):
        raise CannotDo("“<i>x</i>” {y}")
    assert told("sync-failed") == "Sync failed for Blog: “<i>x</i>” {y}"
