"""The pages of a team's endpoints: who may open them, and what they do."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import assign_perm

from custom_actions.admin import CustomActionAdmin
from custom_actions.checking import record
from custom_actions.fetch import Outcome
from custom_actions.models import Check, CustomAction, State
from team_notifications import inbox
from team_notifications.models import Notification
from tests.cast import Cast

DOWN = Outcome(is_up=False, status_code=503, duration_ms=5, reason="Answered 503 Service Unavailable.")
VALUES = {"name": "Search", "url": "https://search.example/health", "interval": 30, "timeout": 5, "is_enabled": "on"}

# page, a member who may open it, a member who may not
PAGES = [
    ("", "vera", None),
    ("add/", "ed", "vera"),
    ("{pk}/", "vera", None),
    ("{pk}/history/", "vera", None),
    ("{pk}/change/", "ed", "vera"),
    ("{pk}/delete/", "alice", "ed"),
]


@pytest.fixture
def action(cast: Cast) -> CustomAction:
    return CustomAction.objects.create(team=cast.acme, name="Shop", url="https://shop.example/")


def path(page: str, action: CustomAction, team: str = "acme") -> str:
    return f"/teams/{team}/actions/{page.format(pk=action.pk)}"


def sign_in(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(getattr(cast, name))
    return client


@pytest.mark.parametrize(("page", "who", "who_not"), PAGES)
class TestTenancy:
    def test_a_member_who_may(
        self, client: Client, cast: Cast, action: CustomAction, page: str, who: str, who_not: str | None
    ) -> None:
        assert sign_in(client, cast, who).get(path(page, action)).status_code == 200

    def test_a_member_who_may_not(
        self, client: Client, cast: Cast, action: CustomAction, page: str, who: str, who_not: str | None
    ) -> None:
        if who_not is None:  # every role may look; a member without a role may not
            cast.vera.memberships.get().roles.clear()
        sign_in(client, cast, who_not or "vera")
        assert client.get(path(page, action)).status_code == 403
        assert client.post(path(page, action), VALUES).status_code in {403, 405}
        assert CustomAction.objects.get() == action

    @pytest.mark.parametrize("outsider", ["oscar", "grace", "sue"])
    def test_an_outsider(
        self, client: Client, cast: Cast, action: CustomAction, page: str, who: str, who_not: str | None, outsider: str
    ) -> None:
        sign_in(client, cast, outsider)
        assert client.get(path(page, action)).status_code == 404
        assert client.post(path(page, action), VALUES).status_code in {404, 405}
        assert CustomAction.objects.get() == action

    def test_nobody_who_is_not_signed_in(
        self, client: Client, action: CustomAction, page: str, who: str, who_not: str | None
    ) -> None:
        assert client.get(path(page, action)).headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("page", ["{pk}/", "{pk}/history/", "{pk}/change/", "{pk}/delete/"])
def test_an_action_is_not_found_through_another_team(
    client: Client, cast: Cast, action: CustomAction, page: str
) -> None:
    sign_in(client, cast, "bob")
    assert client.get(path(page, action, team="globex")).status_code == 404


def test_a_grant_on_one_action_counts_there_and_nowhere_else(client: Client, cast: Cast, action: CustomAction) -> None:
    other = CustomAction.objects.create(team=cast.acme, name="Search", url="https://search.example/")
    assign_perm("custom_actions.change_customaction", cast.vera, action)
    sign_in(client, cast, "vera")
    assert client.get(path("{pk}/change/", action)).status_code == 200
    assert client.get(path("{pk}/change/", other)).status_code == 403


@pytest.mark.parametrize(("who", "offers"), [("vera", set()), ("ed", {"change"}), ("alice", {"change", "delete"})])
def test_the_page_offers_what_the_member_may_do(
    client: Client, cast: Cast, action: CustomAction, who: str, offers: set[str]
) -> None:
    html = sign_in(client, cast, who).get(path("{pk}/", action)).content.decode()
    assert {word for word in ("change", "delete") if path(f"{{pk}}/{word}/", action) in html} == offers


def test_an_action_is_added(client: Client, cast: Cast) -> None:
    response = sign_in(client, cast, "ed").post("/teams/acme/actions/add/", VALUES)
    action = CustomAction.objects.get()
    assert response.headers["Location"] == f"/teams/acme/actions/{action.pk}/"
    assert (action.team, action.name, action.interval, action.state) == (cast.acme, "Search", 30, State.WAITING)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "Shop"}, "Acme already has an action named &#x27;Shop&#x27;."),
        ({"url": "ftp://a.example/"}, "does not start with http:// or https://."),
        ({"url": "https://user:secret@a.example/"}, "The URL of a.example holds a user or a password"),
        ({"url": "https:///path"}, "names no host."),
        ({"url": "https://a.example:99999/"}, "names the port 99999; ports go from 1 to 65535."),
        ({"url": "https://a.example/a b"}, "holds a space or a line end"),
        ({"url": "https://[::1/"}, "is not a URL"),
        ({"interval": 4}, "Ensure this value is greater than or equal to 5."),
        ({"interval": 86_401}, "Ensure this value is less than or equal to 86400."),
        ({"timeout": 0}, "Ensure this value is greater than or equal to 1."),
        ({"timeout": 31}, "Ensure this value is less than or equal to 30."),
        ({"interval": 5, "timeout": 6}, "The timeout of 6 s is longer than the interval of 5 s."),
    ],
)
def test_a_wrong_value_is_named(
    client: Client, cast: Cast, action: CustomAction, change: dict[str, Any], complaint: str
) -> None:
    response = sign_in(client, cast, "ed").post("/teams/acme/actions/add/", VALUES | change)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert CustomAction.objects.get() == action


def test_two_teams_may_use_one_name(client: Client, cast: Cast, action: CustomAction) -> None:
    sign_in(client, cast, "grace").post("/teams/globex/actions/add/", VALUES | {"name": "Shop"})
    assert CustomAction.objects.filter(name="Shop").count() == 2


def test_an_action_keeps_its_name_when_it_is_changed(client: Client, cast: Cast, action: CustomAction) -> None:
    record(action, DOWN)
    values = VALUES | {"name": "Shop", "url": action.url, "interval": 45}
    sign_in(client, cast, "ed").post(path("{pk}/change/", action), values)
    action.refresh_from_db()
    assert (action.interval, action.state) == (45, State.DOWN)
    assert CustomAction.objects.due(timezone.now()).get() == action


@pytest.mark.parametrize("change", [{"url": "https://elsewhere.example/"}, {"is_enabled": ""}])
def test_another_url_or_a_pause_ends_the_thread(
    client: Client, cast: Cast, action: CustomAction, change: dict[str, str]
) -> None:
    record(action, DOWN)
    values = VALUES | {"name": "Shop", "url": action.url} | change
    sign_in(client, cast, "ed").post(path("{pk}/change/", action), values)
    action.refresh_from_db()
    assert not action.is_down
    assert not Notification.objects.unresolved().exists()


def test_an_action_is_deleted_and_its_threads_are_gone(client: Client, cast: Cast, action: CustomAction) -> None:
    record(action, DOWN)
    response = sign_in(client, cast, "alice").post(path("{pk}/delete/", action))
    assert response.headers["Location"] == "/teams/acme/actions/"
    assert not CustomAction.objects.exists()
    assert not inbox.readable_by(cast.alice).exists()


def test_asking_to_delete_deletes_nothing(client: Client, cast: Cast, action: CustomAction) -> None:
    sign_in(client, cast, "alice").get(path("{pk}/delete/", action))
    assert CustomAction.objects.get() == action


def test_the_history_is_paged_and_the_newest_first(client: Client, cast: Cast, action: CustomAction) -> None:
    Check.objects.bulk_create(
        Check(action=action, is_up=False, status_code=500, duration_ms=5, reason=f"check-{number:02}.")
        for number in range(60)
    )
    sign_in(client, cast, "vera")
    first = client.get(path("{pk}/history/", action)).content.decode()
    assert first.index("check-59.") < first.index("check-10.")
    assert "check-09." not in first
    assert "check-09." in client.get(path("{pk}/history/?page=2", action)).content.decode()


def test_the_list_costs_the_same_queries_for_many_actions(client: Client, cast: Cast, action: CustomAction) -> None:
    sign_in(client, cast, "vera")
    client.get("/teams/acme/actions/")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/teams/acme/actions/")
        return len(captured)

    few = queries()
    CustomAction.objects.bulk_create(
        CustomAction(team=cast.acme, name=f"{number}", url="https://a.example/") for number in range(50)
    )
    assert queries() == few


@pytest.mark.parametrize("page", ["customaction/", "customaction/add/", "customaction/{pk}/change/", "check/"])
def test_the_admin_serves_them(client: Client, cast: Cast, action: CustomAction, page: str) -> None:
    record(action, DOWN)
    sign_in(client, cast, "sue")
    assert client.get(f"/admin/custom_actions/{page.format(pk=action.pk)}").status_code == 200


@pytest.mark.parametrize("selected", [False, True], ids=["one", "a selection"])
def test_deleting_in_the_admin_removes_the_threads_too(
    client: Client, cast: Cast, action: CustomAction, selected: bool
) -> None:
    record(action, DOWN)
    sign_in(client, cast, "sue")
    if selected:
        values = {"action": "delete_selected", "_selected_action": action.pk, "post": "yes"}
        client.post("/admin/custom_actions/customaction/", values)
    else:
        client.post(f"/admin/custom_actions/customaction/{action.pk}/delete/", {"post": "yes"})
    assert not CustomAction.objects.exists()
    assert not inbox.readable_by(cast.alice).exists()


def test_pausing_in_the_admin_ends_the_thread_too(client: Client, cast: Cast, action: CustomAction) -> None:
    record(action, DOWN)
    sign_in(client, cast, "sue")
    values = {"team": cast.acme.pk, "name": "Shop", "url": action.url, "interval": 60, "timeout": 10}
    client.post(f"/admin/custom_actions/customaction/{action.pk}/change/", values)
    action.refresh_from_db()
    assert action.state is State.PAUSED
    assert not Notification.objects.unresolved().exists()


def test_the_admin_does_not_hide_what_a_check_found_meanwhile(client: Client, cast: Cast, action: CustomAction) -> None:
    admin = CustomActionAdmin(CustomAction, site)
    values = {"name": "Store", "url": action.url, "interval": 60, "timeout": 10, "is_enabled": "on"}
    request = RequestFactory().post("/", values)
    request.user = cast.sue
    form = admin.get_form(request, action)(values, instance=action)
    assert form.is_valid(), form.errors
    record(CustomAction.objects.get(), DOWN)
    admin.save_model(request, form.save(commit=False), form, change=True)
    action.refresh_from_db()
    assert (action.name, action.state) == ("Store", State.DOWN)


def test_an_action_stays_in_its_team(client: Client, cast: Cast, action: CustomAction) -> None:
    """Otherwise its threads would stay with the team that it left."""
    sign_in(client, cast, "sue")
    values = {"team": cast.globex.pk, "name": "Shop", "url": action.url, "interval": 60, "timeout": 10}
    client.post(f"/admin/custom_actions/customaction/{action.pk}/change/", values)
    action.refresh_from_db()
    assert (action.team, action.state) == (cast.acme, State.PAUSED)


def test_the_pages_speak_and_look_as_the_others_do(client: Client, cast: Cast, action: CustomAction) -> None:
    record(action, DOWN)
    sign_in(client, cast, "alice")

    def html(page: str) -> str:
        return " ".join(client.get(path(page, action)).content.decode().split())

    assert '<label for="id_interval">Interval</label>' in html("{pk}/change/")
    assert f'href="{action.get_absolute_url()}">Cancel</a>' in html("{pk}/change/")
    assert f'href="{action.get_absolute_url()}">Cancel</a>' in html("{pk}/delete/")
    assert "so do the threads that say it is down or slow." in html("{pk}/delete/")
    assert '<td data-label="Last checked"><time' in html("")
    assert "just now" in html("{pk}/history/")
    assert "Page 1" not in html("{pk}/history/")
