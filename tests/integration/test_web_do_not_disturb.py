"""Not being disturbed for a time, and an address that no mail goes to: both on the preferences page."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import preferences
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.models import Preference, Suppression
from teams.models import Team
from tests.cast import Cast
from tests.web import DO_NOT_DISTURB, LIFT_SUPPRESSION, PREFERENCES, text
from users.models import User

FRIDAY = datetime(2026, 7, 3, 21, 30, tzinfo=UTC)  # in Lisbon 22:30


def of(team: Team) -> str:
    return f"{DO_NOT_DISTURB}{team.pk}/"


def until(user: User, team: Team | None = None) -> datetime | None:
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    return scope.do_not_disturb_until


@pytest.fixture
def vera(client: Client, cast: Cast) -> Iterator[User]:
    """Signed in, on a Friday evening in Lisbon."""
    cast.vera.time_zone = "Europe/Lisbon"
    cast.vera.save()
    with time_machine.travel(FRIDAY, tick=False):
        client.force_login(cast.vera)
        yield cast.vera


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        ({"quick": "hour"}, datetime(2026, 7, 3, 22, 30, tzinfo=UTC)),
        ({"quick": "tomorrow"}, datetime(2026, 7, 4, 7, tzinfo=UTC)),
        ({"quick": "monday"}, datetime(2026, 7, 6, 7, tzinfo=UTC)),
        ({"until": "2026-07-05T18:15"}, datetime(2026, 7, 5, 17, 15, tzinfo=UTC)),
    ],
)
def test_somebody_is_not_disturbed_until_a_time_of_their_own_clock(
    client: Client, cast: Cast, vera: User, posted: dict[str, str], expected: datetime
) -> None:
    assertRedirects(client.post(DO_NOT_DISTURB, posted), PREFERENCES)
    assert (until(vera), until(vera, cast.acme)) == (expected, None)
    assert "Do not disturb until July" in text(client.get(f"{PREFERENCES}{cast.acme.pk}/"))


def test_for_one_team_and_ended_again(client: Client, cast: Cast, vera: User) -> None:
    assertContains(client.post(of(cast.acme), {"quick": "hour"}, follow=True), "Until July 3, 2026, 11:30 p.m. WEST")
    assert until(vera, cast.acme) is not None
    assertContains(client.post(of(cast.acme), {"quick": "end"}, follow=True), "Saved for Acme.")
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({}, "Choose a time."),
        ({"until": ""}, "Choose a time."),
        ({"until": "tonight"}, "Enter a valid date/time."),
        ({"until": "2026-07-03T22:30"}, "This time is over."),
        ({"until": "2028-01-01T00:00"}, "At most a year from now."),
        ({"until": "9999-12-31T23:59"}, "At most a year from now."),
        ({"quick": "forever"}, "Select a valid choice. forever is not one of the available choices."),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    client: Client, cast: Cast, vera: User, posted: dict[str, str], said: str
) -> None:
    response = client.post(of(cast.acme), posted)
    assert response.status_code == 400
    assert said in text(response)
    assert not Preference.objects.exists()


@pytest.mark.parametrize("person", ["grace", "oscar", "sue"])
def test_a_team_that_one_is_not_in_is_not_found(client: Client, cast: Cast, person: str) -> None:
    client.force_login(getattr(cast, person))
    assert client.post(of(cast.acme), {"quick": "hour"}).status_code == 404
    assert not Preference.objects.exists()


@pytest.mark.parametrize("address", [DO_NOT_DISTURB, LIFT_SUPPRESSION])
def test_only_a_post_of_who_is_signed_in_changes_it(client: Client, cast: Cast, address: str) -> None:
    suppress(cast.vera.email, Suppression.Reason.BOUNCED)
    assert client.post(address, {"quick": "hour"}).status_code == 302
    client.force_login(cast.vera)
    assert client.get(address).status_code == 405
    assert not Preference.objects.exists()
    assert Suppression.objects.exists()


# ---- an address that no mail goes to --------------------------------------------------------------------------------


def test_the_page_says_why_no_mail_comes_and_lifts_it(client: Client, cast: Cast) -> None:
    cast.vera.email = "Vera@Example.com"
    cast.vera.save()
    suppress("vera@example.com", Suppression.Reason.BOUNCED, at=FRIDAY)
    suppress("alice@example.com", Suppression.Reason.COMPLAINED)
    client.force_login(cast.vera)
    page = text(client.get(PREFERENCES))
    assert "No mail goes to vera@example.com" in page
    assert "Since July 3, 2026, 9:30 p.m.: The mail server of this address said that it does not exist" in page
    assert "alice@example.com" not in page
    response = client.post(LIFT_SUPPRESSION, follow=True)
    assertContains(response, "Mail goes to vera@example.com again.")
    assertNotContains(response, "No mail goes to")
    assert [row.address for row in Suppression.objects.all()] == ["alice@example.com"]
    assert client.post(LIFT_SUPPRESSION).status_code == 302
