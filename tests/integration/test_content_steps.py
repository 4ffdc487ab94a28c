"""A site goes step by step from keywords to what is published; beat, the command and the button take them."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import F
from django.utils import timezone

from content import credits, steps, tasks, work
from content.keywords import import_keywords
from content.management.commands import work_content
from content.models import Article, Cluster, CreditAccount, Idea, Site, State
from team_notifications.models import Notification, Occurrence
from tests.cast import Cast
from tests.endpoint_server import Server

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def site(cast: Cast, endpoint: Server) -> Site:
    CreditAccount.objects.create(team=cast.acme, total=1_000)
    site = Site.objects.create(team=cast.acme, name="Blog", url=endpoint.url())
    import_keywords(site, ["garden chairs", "garden table"])
    return site


def take(site: Site) -> bool:
    site.refresh_from_db()
    return steps.take_step(site.pk, site.steps)


def newest() -> str:
    return Occurrence.objects.order_by("-pk").values_list("notification__slug", flat=True)[0]


def occurrences() -> dict[str, int]:
    return dict(Notification.objects.values_list("slug", "occurrences").order_by())


# ---- which step is next ---------------------------------------------------------------------------------------------


def test_the_story_of_a_site(site: Site) -> None:
    story = []
    while take(site):
        story.append(newest())
    article = ["ai-prompts-complete", "ai-images-complete", "content-ready-review", "content-published"]
    assert story[:7] == ["ai-cluster-complete", "ai-ideas-complete", "ai-content-complete", *article]
    assert story[7] == "setup-complete"  # and the first sync
    assert story[8:] == article
    assert set(Article.objects.values_list("state", flat=True)) == {State.PUBLISHED}


def test_what_is_published_is_in_sync_again_after_a_while(site: Site) -> None:
    with time_machine.travel("2026-01-01 12:00Z", tick=False) as clock:
        while take(site):
            pass
        assert occurrences()["sync-success"] == 1
        clock.shift(steps.SYNC_EVERY)
        assert take(site)
        assert occurrences()["sync-success"] == 2
        assert not take(site)


def test_an_article_that_was_not_taken_is_sent_again_after_a_while(site: Site, endpoint: Server) -> None:
    with time_machine.travel("2026-01-01 12:00Z", tick=False) as clock:
        for _ in range(6):
            take(site)
        endpoint.status = 500
        take(site)
        assert newest() == "content-publish-failed"
        endpoint.status = 200
        take(site)
        assert newest() == "ai-prompts-complete"  # meanwhile the next
        clock.shift(steps.AGAIN_AFTER)
        take(site)
        assert newest() == "content-published"


def test_a_site_without_keywords_says_so_when_it_is_asked_to_go_on(cast: Cast) -> None:
    site = Site.objects.create(team=cast.acme, name="Blog", url="https://blog.example/")
    assert take(site)
    assert newest() == "ai-cluster-failed"
    assert list(work.begin()) == []  # nobody else asks


def test_a_message_that_is_delivered_again_does_nothing(site: Site) -> None:
    assert steps.take_step(site.pk, 0)
    before = occurrences()
    assert not steps.take_step(site.pk, 0)
    assert occurrences() == before


def test_a_failure_that_is_delivered_again_is_told_once(site: Site) -> None:
    CreditAccount.objects.update(used=1_000)
    for _ in range(3):
        steps.take_step(site.pk, 0)
    assert occurrences()["ai-cluster-failed"] == 1


def test_a_message_that_arrives_at_two_workers_at_once_does_something_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    idea = Idea.objects.create(cluster=Cluster.objects.create(site=site, name="garden"), title="Chairs")
    Article.objects.create(site=site, idea=idea, title="Chairs", state=State.PUBLISHED)
    next_job = steps.next_job

    def the_other_is_quicker(seen: Site, now: datetime) -> steps.Job | None:
        job = next_job(seen, now)
        monkeypatch.setattr(steps, "next_job", next_job)
        assert steps.take_step(site.pk, 0)
        return job

    monkeypatch.setattr(steps, "next_job", the_other_is_quicker)
    assert not steps.take_step(site.pk, 0)
    assert occurrences()["sync-success"] == 1


def test_the_step_of_a_site_that_is_gone_does_nothing(site: Site) -> None:
    Site.objects.all().delete()
    assert not steps.take_step(site.pk, 0)


# ---- credits in the story -------------------------------------------------------------------------------------------


def test_few_and_then_no_credits_are_told_once_each(cast: Cast, site: Site) -> None:
    CreditAccount.objects.update(total=10)
    credits.spend(site, 8)
    assert "credits-low" not in occurrences()  # 20 % are left, and not less
    credits.spend(site, 1)
    assert Notification.objects.get(slug="credits-low").message == ("You've used 90 % of your credits. 1 remaining.")
    credits.spend(site, 1)
    assert occurrences()["credits-low"] == occurrences()["credits-depleted"] == 1
    assert Notification.objects.get(slug="credits-low").is_resolved


def test_credits_that_run_low_again_are_told_again(site: Site) -> None:
    for _ in range(2):
        CreditAccount.objects.update(total=100, used=80)
        credits.spend(site, 5)
        credits.spend(site, 5)
    assert occurrences()["credits-low"] == 2


def test_what_is_too_much_is_refused_and_takes_nothing(site: Site) -> None:
    CreditAccount.objects.update(total=10, used=8)
    with pytest.raises(credits.CannotDo, match=r"3 credits are needed, and 2 are left\."):
        credits.spend(site, 3)
    assert CreditAccount.objects.get().used == 8
    credits.spend(site, 2)
    assert CreditAccount.objects.get().remaining == 0


def test_credits_are_renewed_a_while_after_they_are_used_up(site: Site) -> None:
    with time_machine.travel("2026-01-01 12:00Z", tick=False) as clock:
        CreditAccount.objects.update(total=10, used=9)
        credits.spend(site, 1)
        assert credits.renew(timezone.now()) == 0
        clock.shift(credits.RENEWED_AFTER)
        assert credits.renew(timezone.now()) == 1
        assert credits.renew(timezone.now()) == 0
    assert CreditAccount.objects.get().used == 0
    assert Notification.objects.get(slug="credits-depleted").is_resolved
    assert Notification.objects.get(slug="system-info").message == "Your credits are renewed: 10 again."


@pytest.mark.parametrize(("used", "renewed"), [(94, 0), (95, 0), (96, 1), (100, 1)])
def test_credits_are_renewed_when_they_do_not_suffice_for_each_job(site: Site, used: int, renewed: int) -> None:
    CreditAccount.objects.update(total=100, used=used, spent_at=timezone.now() - credits.RENEWED_AFTER)
    assert credits.renew(timezone.now()) == renewed


@pytest.mark.parametrize("total", [0, 3])
def test_a_small_account_is_not_renewed_for_ever(site: Site, total: int) -> None:
    CreditAccount.objects.update(total=total, used=0, spent_at=timezone.now() - credits.RENEWED_AFTER)
    assert credits.renew(timezone.now()) == 0


def test_what_was_spent_since_is_not_given_back(site: Site) -> None:
    CreditAccount.objects.update(total=100, used=97, spent_at=timezone.now() - MINUTE)
    seen = CreditAccount.objects.select_related("team").get()
    credits.spend(site, 1)
    assert not credits._renew(seen)
    assert CreditAccount.objects.get().used == 98


def test_the_story_goes_on_after_the_credits_were_used_up(site: Site) -> None:
    CreditAccount.objects.update(total=8)
    with time_machine.travel(datetime(2026, 1, 1, 12, tzinfo=UTC), tick=False) as clock:
        for _ in range(2):
            call_command("work_content")
        assert occurrences()["ai-ideas-failed"] == 1
        clock.shift(credits.RENEWED_AFTER)
        call_command("work_content")
    assert "ai-ideas-complete" in occurrences()
    assert Notification.objects.get(slug="ai-ideas-failed").is_resolved


def test_a_site_whose_team_has_no_credits_waits(site: Site) -> None:
    CreditAccount.objects.update(used=F("total"))
    assert list(work.begin()) == []


# ---- tasks and the command ------------------------------------------------------------------------------------------


def test_the_task_of_beat_sends_one_task_for_each_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr(tasks.take_step, "apply_async", lambda args, expires: sent.append((args, expires)))
    tasks.work()
    assert sent == [((site.pk, 0), 10.0)]


def test_the_task_takes_the_step(site: Site) -> None:
    tasks.take_step(site.pk, 0)
    assert newest() == "ai-cluster-complete"


@pytest.fixture
def signals() -> Iterator[None]:
    """The command installs handlers; the test run gets its own back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_goes_on_until_it_is_told_to_stop(
    cast: Cast, site: Site, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    import_keywords(Site.objects.create(team=cast.acme, name="Shop", url="https://blog.example/"), ["chairs"])
    taken = []

    def take_step(site_id: int, step: int) -> None:
        taken.append(site_id)
        signal.raise_signal(number)

    monkeypatch.setattr(work_content, "take_step", take_step)
    call_command("work_content", forever=True)
    assert taken == [site.pk]


def test_a_failure_of_one_site_does_not_hold_up_the_next(
    cast: Cast, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Site.objects.create(team=cast.acme, name="Shop", url="https://blog.example/")
    import_keywords(other, ["chairs"])
    taken = []

    def take_step(site_id: int, step: int) -> None:
        taken.append(site_id)
        raise OperationalError("database is locked")

    monkeypatch.setattr(work_content, "take_step", take_step)
    call_command("work_content")
    assert taken == [site.pk, other.pk]
    assert f"Step 0 of site {site.pk} was not taken" in caplog.text
