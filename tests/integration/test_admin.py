"""The Django admin: a superuser looks after people, teams and what the module keeps."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from team_notifications.models import Floor, Preference
from team_notifications.notify import create_notification
from team_notifications.signals import preferences_changed
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


def test_a_floor_is_for_any_permission_that_there_is(root: Client, cast: Cast) -> None:
    add = reverse("admin:team_notifications_floor_add")
    form = {"team": str(cast.acme.pk), "channel": "email", "level": "40", "permission": "teams.fly_team"}
    refused = root.post(add, form)
    assert refused.status_code == 200
    assert "There is no permission &#x27;teams.fly_team&#x27;" in refused.content.decode()
    assert not Floor.objects.exists()
    assert root.post(add, {**form, "permission": "custom_actions.view_customaction"}).status_code == 302
    assert root.post(add, {**form, "permission": ""}).status_code == 302
    assert Floor.objects.count() == 2


@pytest.mark.parametrize("how", ["changed", "deleted", "deleted with others"])
@pytest.mark.parametrize("model", [Floor, Preference])
def test_what_a_team_wants_is_announced_when_an_operator_changes_it(
    root: Client, cast: Cast, model: type[Floor] | type[Preference], how: str, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[tuple[object, object]] = []

    def hear(user: object, team: object, **kwargs: object) -> None:
        heard.append((user, team))

    values = {"channel": "email", "level": 40} if model is Floor else {"in_app_level": 40}
    row = model.objects.create(team=cast.acme, **values)
    name = f"admin:team_notifications_{model._meta.model_name}"
    preferences_changed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            if how == "changed":
                form = {"team": str(cast.acme.pk), "channel": "email", "level": "30", "in_app_level": "30"}
                answer = root.post(reverse(f"{name}_change", args=[row.pk]), form)
            elif how == "deleted":
                answer = root.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"})
            else:
                chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
                answer = root.post(reverse(f"{name}_changelist"), chosen)
    finally:
        preferences_changed.disconnect(hear)
    assert answer.status_code == 302
    assert heard == [(None, cast.acme)]
