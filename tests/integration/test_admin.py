"""The Django admin: a superuser looks after people, teams and what the module keeps."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from team_notifications.models import Preference
from team_notifications.notify import create_notification
from teams.models import Membership, Team
from tests.cast import Cast
from users.models import User

MODELS = sorted((model._meta.app_label, str(model._meta.model_name)) for model in admin.site._registry)


@pytest.fixture
def root(client: Client, cast: Cast) -> Client:
    client.force_login(cast.sue)
    create_notification(team=cast.acme, slug="a-b", title="Server down", level="error")
    return client


@pytest.mark.parametrize(("app", "model"), MODELS)
def test_every_list_can_be_opened_and_searched(root: Client, app: str, model: str) -> None:
    for query in ("", "?q=acme"):
        assert root.get(reverse(f"admin:{app}_{model}_changelist") + query).status_code == 200


def test_a_person_is_added_with_an_email_address(root: Client) -> None:
    form = {
        "email": "ada@example.com",
        "usable_password": "true",
        "password1": "correct horse 7",
        "password2": "correct horse 7",
    }
    assert root.post(reverse("admin:users_user_add"), form).status_code == 302
    ada = User.objects.get(email="ada@example.com")
    page = root.get(reverse("admin:users_user_change", args=[ada.pk]))
    assert b"time_zone" in page.content


def test_a_team_is_added_with_its_members(root: Client, cast: Cast) -> None:
    form = {
        "name": "Initech",
        "slug": "initech",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": str(cast.oscar.pk),
        "memberships-0-roles": [],
    }
    assert root.post(reverse("admin:teams_team_add"), form).status_code == 302
    assert list(Team.objects.get(slug="initech").members.all()) == [cast.oscar]


def test_roles_are_given_in_a_membership(root: Client, cast: Cast) -> None:
    membership = cast.acme.memberships.get(user=cast.vera)
    address = reverse("admin:teams_membership_change", args=[membership.pk])
    assert root.get(address).status_code == 200
    form = {"team": str(cast.acme.pk), "user": str(cast.vera.pk), "roles": []}
    assert root.post(address, form).status_code == 302
    assert not Membership.objects.get(pk=membership.pk).roles.exists()


def test_threads_are_looked_at_and_not_written(root: Client, cast: Cast) -> None:
    thread = cast.acme.team_notifications.get()
    assert root.get(reverse("admin:team_notifications_notification_add")).status_code == 403
    address = reverse("admin:team_notifications_notification_change", args=[thread.pk])
    assert root.get(address).status_code == 200
    assert root.post(address, {"title": "Changed"}).status_code == 403


def test_a_team_default_is_a_preference_without_a_user(root: Client, cast: Cast) -> None:
    form = {"user": "", "team": str(cast.acme.pk), "in_app_level": "40"}
    assert root.post(reverse("admin:team_notifications_preference_add"), form).status_code == 302
    assert Preference.objects.get(team=cast.acme).user is None


def test_the_admin_is_not_for_members(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    assert client.get(reverse("admin:index")).status_code == 302
