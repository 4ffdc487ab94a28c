"""The demo's sites: what is seeded, and the endpoints that they publish to."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from content.models import CreditAccount, Keyword, Site
from demo.people import SITES, TEAMS
from demo.seed import seed
from team_notifications import inbox
from team_notifications.models import Notification
from teams.models import Team
from users.models import User

BASE_URL = "http://127.0.0.1:8000"
ARTICLE = {"id": 1, "title": "A guide to chairs"}
WELL, REFUSING = (datetime(2026, 1, 1, 12, 34, second, tzinfo=UTC) for second in (39, 40))


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def seeded(db: None) -> None:
    seed(BASE_URL)


@pytest.mark.usefixtures("seeded")
class TestSeed:
    def test_each_team_has_a_site_with_keywords_and_credits(self) -> None:
        assert set(Site.objects.values_list("team__slug", flat=True)) == set(TEAMS)
        assert set(CreditAccount.objects.values_list("team__slug", "total", "used")) == {
            (slug, 50, 0) for slug in TEAMS
        }
        assert Keyword.objects.count() == sum(len(site.keywords) for site in SITES)

    def test_the_admin_of_the_team_hears_of_them(self) -> None:
        alice = User.objects.get(email="alice@example.com")
        assert inbox.unread_count(alice, Team.objects.get(slug="acme")) == 1
        assert Notification.objects.filter(slug="keywords-imported").count() == 2

    def test_a_second_time_changes_nothing(self) -> None:
        Keyword.objects.filter(text="raised bed").delete()
        before = list(Site.objects.values_list()), Keyword.objects.count(), Notification.objects.count()
        seed(BASE_URL)
        assert (list(Site.objects.values_list()), Keyword.objects.count(), Notification.objects.count()) == before

    def test_another_port_moves_them_and_not_those_that_lead_elsewhere(self) -> None:
        Site.objects.filter(team__slug="globex").update(url="https://magazine.example/")
        seed("http://127.0.0.1:8001/")
        assert set(Site.objects.values_list("team__slug", "url")) == {
            ("acme", "http://127.0.0.1:8001/demo/articles/flaky/"),
            ("globex", "https://magazine.example/"),
        }


def post(client: Client, path: str, content: object = ARTICLE) -> int:
    return client.post(path, content, content_type="application/json").status_code


def test_the_endpoint_takes_an_article_and_a_list_of_them() -> None:
    client = Client(enforce_csrf_checks=True)
    assert post(client, "/demo/articles/") == 201
    assert post(client, "/demo/articles/", {"articles": []}) == 201


@pytest.mark.parametrize("content", ["no JSON", [1], {"name": "no title"}])
def test_it_takes_nothing_else(client: Client, content: object) -> None:
    assert post(client, "/demo/articles/", content) == 400
    assert client.get("/demo/articles/").status_code == 405


def test_the_flaky_one_takes_none_in_the_last_third_of_each_minute(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel(WELL, tick=False):
        assert post(client, "/demo/articles/flaky/") == 201
    with time_machine.travel(REFUSING, tick=False):
        assert post(client, "/demo/articles/flaky/") == 503
    assert caplog.records == []
