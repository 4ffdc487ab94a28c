import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import AsyncClient, Client
from django.utils import timezone

from custom_actions import checking
from custom_actions.models import CustomAction
from demo import views
from demo.people import PASSWORD, PEOPLE, TEAMS, WATCHES, people_table
from demo.seed import seed
from team_notifications.models import Preference, UserNotification
from teams.models import Membership, Team
from users.models import User

BASE_URL = "http://127.0.0.1:8000"
MODELS = (User, Team, Membership, Preference, CustomAction, UserNotification)


def contents() -> list[list[tuple[object, ...]]]:
    return [list(model.objects.order_by("pk").values_list()) for model in MODELS]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def seeded(db: None) -> None:
    with time_machine.travel("2026-01-01 12:00Z", tick=False):
        seed(BASE_URL)


@pytest.mark.usefixtures("seeded")
class TestSeed:
    def test_people_can_sign_in(self) -> None:
        for person in PEOPLE:
            assert authenticate(None, username=person.email, password=PASSWORD) is not None

    def test_people_have_their_roles(self) -> None:
        bob = User.objects.get(email="bob@example.com")
        assert set(bob.memberships.values_list("team__slug", "roles__name")) == {
            ("acme", "Viewer"),
            ("globex", "Admin"),
        }
        assert set(Membership.objects.filter(team__slug="acme").values_list("roles__name", flat=True)) == {
            "Admin",
            "Editor",
            "Viewer",
        }

    def test_people_have_different_thresholds(self) -> None:
        chosen = Preference.objects.values_list("user__first_name", "team__slug", "in_app_level", "email_frequency")
        assert set(chosen) == {
            ("Ed", "acme", 30, "hourly"),
            ("Bob", None, 40, None),
            ("Grace", "globex", 40, None),
        }

    def test_people_are_welcomed_personally_unless_their_threshold_is_above_that(self) -> None:
        told = UserNotification.objects.filter(team=None).values_list("user__first_name", flat=True)
        assert set(told) == {person.name for person in PEOPLE} - {"Bob"}

    def test_both_teams_watch_each_endpoint(self) -> None:
        for slug in TEAMS:
            urls = CustomAction.objects.filter(team__slug=slug).order_by("url").values_list("url", flat=True)
            assert list(urls) == [f"{BASE_URL}/demo/{name}/" for name in ("flaky", "healthy", "slow")]

    def test_a_second_time_changes_nothing(self) -> None:
        before = contents()
        with time_machine.travel("2026-01-01 12:00Z", tick=False):
            seed(BASE_URL)
        assert contents() == before

    def test_what_people_did_meanwhile_is_kept(self) -> None:
        CustomAction.objects.filter(name="Shop").update(url="https://shop.example/", interval=600)
        User.objects.filter(first_name="Vera").update(first_name="Veronica")
        Membership.objects.filter(user__first_name="Ed").delete()
        seed(BASE_URL)
        assert set(CustomAction.objects.filter(name="Shop").values_list("url", "interval")) == {
            ("https://shop.example/", 600)
        }
        assert User.objects.get(email="vera@example.com").first_name == "Veronica"
        assert not Membership.objects.filter(user__first_name="Ed").exists()

    def test_what_was_deleted_or_renamed_stays_so(self) -> None:
        User.objects.filter(first_name="Vera").delete()
        Team.objects.filter(slug="globex").delete()
        CustomAction.objects.filter(name="Shop").delete()
        CustomAction.objects.filter(name="Checkout").update(name="Till")
        before = contents()
        with time_machine.travel("2026-01-01 12:00Z", tick=False):
            seed(BASE_URL)
        assert contents() == before

    def test_another_port_moves_a_renamed_action_too(self) -> None:
        CustomAction.objects.filter(name="Checkout").update(name="Till")
        seed("http://127.0.0.1:8001")
        assert set(CustomAction.objects.filter(name="Till").values_list("url", flat=True)) == {
            "http://127.0.0.1:8001/demo/flaky/"
        }

    def test_another_port_moves_the_endpoints(self) -> None:
        CustomAction.objects.update(is_down=True)
        seed("http://127.0.0.1:8001/")
        assert CustomAction.objects.filter(url__startswith="http://127.0.0.1:8001/demo/", is_down=False).count() == 6

    def test_nothing_is_asked_before_the_server_runs(self) -> None:
        seed(BASE_URL)
        assert not CustomAction.objects.due(timezone.now()).exists()


@pytest.mark.django_db
def test_the_command_prints_who_can_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo", base_url=BASE_URL)
    printed = capsys.readouterr().out
    assert "bob@example.com     demo      Acme: Viewer, Globex: Admin" in printed
    assert printed == people_table() + "\n"


def test_the_timeout_leaves_the_slow_endpoint_time_to_answer() -> None:
    assert all(watch.timeout > views.SLOW for watch in WATCHES)


def test_the_slow_endpoint_is_too_slow_for_its_action() -> None:
    (watch,) = [watch for watch in WATCHES if watch.url_name == "demo-slow"]
    assert checking.SLOW * watch.timeout < views.SLOW


def test_the_healthy_endpoint_is_well(client: Client) -> None:
    assert client.get("/demo/healthy/").status_code == 200


def test_the_slow_endpoint_answers_after_a_while(async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    assert asyncio.run(async_client.get("/demo/slow/")).status_code == 200
    assert views.SLOW in waited


@pytest.mark.parametrize(("second", "status"), [(0, 503), (29, 503), (30, 200), (59, 200)])
def test_the_flaky_endpoint_is_down_every_other_half_minute(client: Client, second: int, status: int) -> None:
    with time_machine.travel(datetime(2026, 1, 1, 12, 34, second, tzinfo=UTC), tick=False):
        assert client.get("/demo/flaky/").status_code == status


def test_what_the_flaky_endpoint_is_for_is_not_logged_as_an_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel(datetime(2026, 1, 1, 12, tzinfo=UTC), tick=False):
        client.get("/demo/flaky/")
    assert caplog.records == []
