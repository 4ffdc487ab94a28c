"""Stopping a team's mail by the link in it. Of forged links there are 10,000 in tests/faults."""

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertContains, assertNotContains

from team_notifications import preferences
from team_notifications.delivery.channels.email import unsubscribe
from team_notifications.delivery.channels.email.unsubscribe import InvalidToken, read, token_for
from team_notifications.models import Preference
from team_notifications.personal import PERSONAL, Personal
from teams.models import Team
from tests.cast import Cast
from tests.web import PREFERENCES, UNSUBSCRIBE, text
from users.models import User

ONE_CLICK = {"List-Unsubscribe": "One-Click"}  # what RFC 8058 §3.1 says a mail program posts


def address(user: User, team: Team | None) -> str:
    return f"{UNSUBSCRIBE}{token_for(user, team)}/"


def gets_mail(user: User, team: Team | Personal | None) -> bool:
    [scope] = [scope for scope in preferences.scopes(user) if scope.team == team]
    return bool(scope.choices["email_enabled"].effective)


@pytest.fixture
def stranger() -> Client:
    """Without cookies, and with every check of them."""
    return Client(enforce_csrf_checks=True)


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(stranger: Client, cast: Cast, method: str) -> None:
    response = getattr(stranger, method)(address(cast.vera, cast.acme))
    assert response.status_code in {200, 405}
    assert not Preference.objects.exists()


def test_it_asks_whether_to_stop_and_says_what(stranger: Client, cast: Cast) -> None:
    page = text(stranger.get(address(cast.vera, cast.acme)))
    assert "Stop mail from Acme?" in page
    assert "vera@example.com" in page


def test_a_post_stops_the_mail_without_sign_in_cookies_or_csrf(stranger: Client, cast: Cast) -> None:
    assert gets_mail(cast.bob, cast.acme)
    response = stranger.post(address(cast.bob, cast.acme), ONE_CLICK)
    assert response.status_code == 200
    assertContains(response, "Mail from Acme is stopped")
    assert not gets_mail(cast.bob, cast.acme)
    assert gets_mail(cast.bob, cast.globex)
    assert gets_mail(cast.vera, cast.acme)


@pytest.mark.parametrize("body", [{}, ONE_CLICK, {"anything": "else"}])
def test_it_can_be_posted_again_and_again(stranger: Client, cast: Cast, body: dict[str, str]) -> None:
    for _ in range(3):
        assert stranger.post(address(cast.vera, cast.acme), body).status_code == 200
    assert Preference.objects.get().email_enabled is False


def test_it_leaves_the_other_choices_alone(stranger: Client, cast: Cast) -> None:
    preferences.choose(cast.vera, cast.acme, in_app_level=40, email_enabled=True)
    stranger.post(address(cast.vera, cast.acme))
    kept = Preference.objects.get()
    assert (kept.in_app_level, kept.email_enabled) == (40, False)


def test_it_is_the_readers_mail_that_stops_whoever_is_signed_in(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    client.post(address(cast.vera, cast.acme))
    assert not gets_mail(cast.vera, cast.acme)
    assert gets_mail(cast.alice, cast.acme)


def test_who_left_the_team_or_is_not_active_can_stop_it_too(stranger: Client, cast: Cast) -> None:
    cast.acme.memberships.filter(user=cast.vera).delete()
    cast.vera.is_active = False
    cast.vera.save()
    assert stranger.post(address(cast.vera, cast.acme)).status_code == 200


def test_without_a_team_it_is_the_personal_mail_that_stops_and_that_alone(stranger: Client, cast: Cast) -> None:
    assertContains(stranger.get(address(cast.vera, None)), "Stop personal mail?")
    response = stranger.post(address(cast.vera, None), ONE_CLICK)
    assertContains(response, "Personal mail is stopped")
    assertContains(response, f'href="{PREFERENCES}personal/"')
    assert not gets_mail(cast.vera, PERSONAL)
    assert gets_mail(cast.vera, cast.acme)
    assert gets_mail(cast.vera, None)


def test_stopping_a_teams_mail_leaves_the_personal_mail_alone(stranger: Client, cast: Cast) -> None:
    stranger.post(address(cast.vera, cast.acme), ONE_CLICK)
    assert gets_mail(cast.vera, PERSONAL)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("token", ["nonsense", "a:b", "שלום", "WyIxIl0:" + "x" * 43, "x" * 5_000])
def test_a_link_that_is_none_says_so_and_changes_nothing(stranger: Client, cast: Cast, method: str, token: str) -> None:
    response = getattr(stranger, method)(f"{UNSUBSCRIBE}{token}/")
    assert response.status_code == 404
    assertContains(response, "This link does not work", status_code=404)
    assertNotContains(response, token, status_code=404)
    assert not Preference.objects.exists()


@pytest.mark.parametrize("gone", ["vera", "acme"])
def test_a_link_about_what_is_gone_does_not_work(stranger: Client, cast: Cast, gone: str) -> None:
    link = address(cast.vera, cast.acme)
    getattr(cast, gone).delete()
    assert stranger.post(link).status_code == 404


def test_it_costs_few_queries(stranger: Client, cast: Cast) -> None:
    with CaptureQueriesContext(connection) as captured:
        stranger.get(address(cast.vera, cast.acme))
    assert len(captured) == 3  # who, which team, and its floors


# ---- the token ------------------------------------------------------------------------------------------------------


def test_a_token_is_about_one_person_and_one_team(cast: Cast) -> None:
    subscription = read(token_for(cast.vera, cast.acme))
    assert (subscription.user, subscription.team) == (cast.vera, cast.acme)
    tokens = {token_for(user, team) for user in (cast.vera, cast.bob) for team in (cast.acme, cast.globex, None)}
    assert len(tokens) == 6


def test_a_token_is_the_same_each_time(cast: Cast) -> None:
    assert token_for(cast.vera, cast.acme) == token_for(cast.vera, cast.acme)


def is_accepted(token: str) -> bool:
    try:
        read(token)
    except InvalidToken:
        return False
    return True


def test_the_signature_of_one_token_is_not_good_for_another(cast: Cast) -> None:
    values, signatures = zip(
        *(
            token_for(user, team).split(":")
            for user in (cast.vera, cast.bob, cast.alice)
            for team in (cast.acme, cast.globex)
        ),
        strict=True,
    )
    crossed = [f"{value}:{other}" for i, value in enumerate(values) for j, other in enumerate(signatures) if i != j]
    assert len(crossed) == 30
    assert not any(map(is_accepted, crossed))


@pytest.mark.parametrize(
    "value",
    [
        ["{user}", "{team}", "push", "unsubscribe"],
        ["{user}", "{team}", "email", "subscribe"],
        ["{user}", "{team}", "email"],
        {"user": "{user}"},
    ],
)
def test_what_was_signed_for_something_else_is_refused(cast: Cast, value: object) -> None:
    filled = [part.format(user=cast.vera.pk, team=cast.acme.pk) for part in value] if isinstance(value, list) else value
    assert not is_accepted(Signer(salt=unsubscribe.SALT).sign_object(filled))


def test_what_was_signed_elsewhere_in_the_project_is_refused(cast: Cast) -> None:
    value = [str(cast.vera.pk), str(cast.acme.pk), "email", "unsubscribe"]
    assert not is_accepted(Signer().sign_object(value))
    assert not is_accepted(Signer(salt="session").sign_object(value))
    assert not is_accepted(Signer(key="another", salt=unsubscribe.SALT).sign_object(value))
    assert is_accepted(Signer(salt=unsubscribe.SALT).sign_object(value))
