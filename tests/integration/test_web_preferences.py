"""The page on which a person chooses what reaches them, and when."""

import re
from datetime import time
from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import kinds, preferences
from team_notifications.levels import Threshold
from team_notifications.models import Preference
from team_notifications.notify import create_notification
from teams.models import Team
from tests.cast import Cast
from tests.web import EVERY_CHOICE, PREFERENCES, text, unread_slugs

INHERIT = dict.fromkeys(preferences.fields(), "inherit")
OFF = {**INHERIT, "in_app_enabled": "False"}
ERRORS_ONLY = {**INHERIT, "in_app_level": "40"}


def of(team: Team) -> str:
    return f"{PREFERENCES}{team.pk}/"


def test_it_shows_what_is_inherited_and_from_where(client: Client, cast: Cast) -> None:
    Preference.objects.create(user=cast.bob, in_app_level=Threshold.WARNING)
    Preference.objects.create(team=cast.globex, in_app_enabled=False, quiet_from=time(21, 45))
    Preference.objects.create(user=cast.bob, team=cast.acme, in_app_enabled=True, email_frequency="weekly")
    client.force_login(cast.bob)
    everywhere, acme, globex = (text(client.get(page)) for page in (PREFERENCES, of(cast.acme), of(cast.globex)))
    assert "In the inbox Inherit: On On Off From the default" in everywhere
    assert "Threshold Inherit: Everything Everything Warnings and errors Errors only Your choice" in everywhere
    assert "In the inbox Inherit: On On Off Your choice" in acme
    assert "Threshold Inherit: Warnings and errors Everything" in acme
    assert "Errors only From your setting for everywhere" in acme
    assert "How often Inherit: At once At once Every hour Every day Every week Your choice" in acme
    assert "In the inbox Inherit: Off On Off From the team's default" in globex
    assert "From Inherit: 9:45 p.m. midnight" in globex
    assert "9:30 p.m. 9:45 p.m. 10 p.m." in globex


def test_one_scope_is_open_and_of_the_others_it_says_what_holds(client: Client, cast: Cast) -> None:
    preferences.choose(cast.bob, cast.acme, email_frequency="daily", in_app_enabled=False)
    preferences.choose(cast.bob, cast.globex, email_enabled=False)
    client.force_login(cast.bob)
    response = client.get(PREFERENCES)
    assertContains(response, "<select", count=len(INHERIT) + len(kinds.all_kinds()))
    page = text(response)
    assert "Acme Inbox: off Email: Warnings and errors, every day" in page
    assert "Globex Inbox: Everything Email: off" in page
    preferences.choose(cast.bob, cast.globex, quiet_hours=True)
    assert "Digest and quiet hours quiet from 10 p.m. to 7 a.m." in text(client.get(of(cast.globex)))


def test_teams_of_others_are_not_on_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    response = client.get(PREFERENCES)
    assertContains(response, "Acme")
    assertNotContains(response, "Globex")


def test_a_member_chooses_for_one_team(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    response = client.post(of(cast.acme), ERRORS_ONLY, follow=True)
    assertContains(response, "Saved for Acme.")
    assertRedirects(response, of(cast.acme))
    for team in (cast.acme, cast.globex):
        create_notification(team=team, slug=team.slug, title="Slow", level="warning")
    assert unread_slugs(cast.bob) == {"globex"}


def test_a_member_chooses_for_everywhere(client: Client, cast: Cast) -> None:
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
        ("email_frequency", "yearly", "How often: Select a valid choice. yearly is not one of the available choices."),
        ("digest_hour", "24", "Digest at: Select a valid choice. 24 is not one of the available choices."),
        ("digest_weekday", "7", "Weekly digest on: Select a valid choice. 7 is not one of the available choices."),
        ("quiet_from", "22:00", "From: Select a valid choice. 22:00 is not one of the available choices."),
        (
            "retention_days",
            "0",
            "Keep what was read for: Select a valid choice. 0 is not one of the available choices.",
        ),
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


def test_how_long_it_is_kept_can_be_no_longer_than_the_site_keeps_anything(
    client: Client, cast: Cast, settings: Any
) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "MAX_AGE_DAYS": 45}
    Preference.objects.create(team=cast.acme, retention_days=200)
    client.force_login(cast.vera)
    label = "Keep what was read for Inherit: 45 days 1 day 7 days 14 days 30 days 45 days"
    assert f"{label} From the default" in text(client.get(PREFERENCES))
    assert f"{label} From the team's default" in text(client.get(of(cast.acme)))


@pytest.mark.parametrize("missing", INHERIT)
def test_a_field_that_was_not_sent_is_not_taken_for_inherit(client: Client, cast: Cast, missing: str) -> None:
    client.force_login(cast.vera)
    sent = {name: value for name, value in ERRORS_ONLY.items() if name != missing}
    assert client.post(of(cast.acme), sent).status_code == 400
    assert not Preference.objects.exists()


def test_each_preference_can_be_chosen_and_is_shown_as_chosen(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assertRedirects(client.post(of(cast.acme), EVERY_CHOICE), of(cast.acme))
    kept = Preference.objects.get()
    assert {name: str(getattr(kept, name)) for name in EVERY_CHOICE} == EVERY_CHOICE
    page = client.get(of(cast.acme)).content.decode().partition('class="rare by-kind"')[0]
    assert re.findall(r'<option value="([^"]*)" selected>', page) == list(EVERY_CHOICE.values())
    assertRedirects(client.post(of(cast.acme), INHERIT), of(cast.acme))
    assert not Preference.objects.exists()
