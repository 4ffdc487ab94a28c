"""The page on which a person chooses what reaches their inbox."""

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications.levels import Threshold
from team_notifications.models import Preference
from team_notifications.notify import create_notification
from teams.models import Team
from tests.cast import Cast
from tests.web import PREFERENCES, text, unread_slugs

OFF = {"in_app_enabled": "False", "in_app_level": "inherit"}
ERRORS_ONLY = {"in_app_enabled": "inherit", "in_app_level": "40"}
INHERIT = {"in_app_enabled": "inherit", "in_app_level": "inherit"}


def of(team: Team) -> str:
    return f"{PREFERENCES}{team.pk}/"


def scopes(client: Client) -> list[str]:
    """The text of each scope, in the order of the page."""
    return text(client.get(PREFERENCES)).split("choice for all teams.")[1].split(" Save")[:-1]


def test_it_shows_what_is_inherited_and_from_where(client: Client, cast: Cast) -> None:
    Preference.objects.create(user=cast.bob, in_app_level=Threshold.WARNING)
    Preference.objects.create(team=cast.globex, in_app_enabled=False)
    Preference.objects.create(user=cast.bob, team=cast.acme, in_app_enabled=True)
    client.force_login(cast.bob)
    everywhere, acme, globex = scopes(client)
    assert "In the inbox Inherit: On On Off Inherited from the default: On" in everywhere
    assert "Threshold Inherit: Everything Everything Warnings and errors Errors only Your choice" in everywhere
    assert "On Off Your choice" in acme
    assert "Inherited from your setting for all teams: Warnings and errors" in acme
    assert "Inherited from the team's default: Off" in globex


def test_teams_of_others_are_not_on_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    response = client.get(PREFERENCES)
    assertContains(response, "Acme")
    assertNotContains(response, "Globex")


def test_a_member_chooses_for_one_team(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assertContains(client.post(of(cast.acme), ERRORS_ONLY, follow=True), "Saved for Acme.")
    for team in (cast.acme, cast.globex):
        create_notification(team=team, slug=team.slug, title="Slow", level="warning")
    assert unread_slugs(cast.bob) == {"globex"}


def test_a_member_chooses_for_all_teams(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assertRedirects(client.post(PREFERENCES, OFF), PREFERENCES)
    create_notification(team=cast.acme, slug="server-down", title="Down", level="error")
    assert unread_slugs(cast.bob) == set()
    assert unread_slugs(cast.vera) == {"server-down"}


def test_a_choice_can_be_taken_back(client: Client, cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_level=Threshold.ERROR)
    client.force_login(cast.vera)
    client.post(of(cast.acme), INHERIT)
    assert not Preference.objects.filter(user=cast.vera, in_app_level__isnull=False).exists()


@pytest.mark.parametrize("person", ["grace", "oscar", "sue"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_team_that_one_is_not_in_is_not_found(client: Client, cast: Cast, person: str, method: str) -> None:
    client.force_login(getattr(cast, person))
    assert getattr(client, method)(of(cast.acme), OFF).status_code == 404
    assert not Preference.objects.exists()


def test_for_a_former_member_the_team_is_not_found(client: Client, cast: Cast) -> None:
    cast.acme.memberships.filter(user=cast.vera).delete()
    client.force_login(cast.vera)
    assert client.post(of(cast.acme), OFF).status_code == 404


@pytest.mark.parametrize("key", ["0", "nonsense", "999999", "-1", "everywhere"])
def test_an_unknown_team_is_not_found(client: Client, cast: Cast, key: str) -> None:
    client.force_login(cast.vera)
    assert client.post(f"{PREFERENCES}{key}/", OFF).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("in_app_level", "25", "Threshold: Select a valid choice. 25 is not one of the available choices."),
        ("in_app_level", "<b>", "Threshold: Select a valid choice. <b> is not one of the available choices."),
        ("in_app_enabled", "1", "In the inbox: Select a valid choice. 1 is not one of the available choices."),
        ("in_app_enabled", "", "In the inbox: no value was sent."),
    ],
)
def test_nonsense_is_named_and_nothing_is_written(
    client: Client, cast: Cast, field: str, value: str, said: str
) -> None:
    client.force_login(cast.vera)
    response = client.post(of(cast.acme), {**OFF, field: value})
    assert response.status_code == 400
    assert said in text(response)
    assert not Preference.objects.exists()


def test_a_field_that_was_not_sent_is_not_taken_for_inherit(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assert client.post(of(cast.acme), {"in_app_level": "40"}).status_code == 400
    assert not Preference.objects.exists()
