"""People sign in with an email address, and see times in their zone."""

from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from team_notifications import preferences
from team_notifications.delivery import mailings
from team_notifications.notify import create_notification
from tests.cast import Cast
from users.middleware import TimeZoneMiddleware
from users.models import User


def test_a_person_signs_in_with_an_email_address_in_any_case(db: None, client: Client) -> None:
    User.objects.create_user(email="Ada@Example.com", password="correct horse battery")
    answer = client.post(reverse("sign-in"), {"username": "ada@example.COM", "password": "correct horse battery"})
    assert (answer.status_code, answer["Location"]) == (302, reverse("landing"))


def test_a_wrong_password_does_not_sign_in(db: None) -> None:
    User.objects.create_user(email="ada@example.com", password="correct horse battery")
    assert authenticate(username="ada@example.com", password="wrong") is None


def test_an_email_address_has_one_account_whatever_its_case(db: None) -> None:
    User.objects.create_user(email="ada@example.com")
    with pytest.raises(IntegrityError):
        User.objects.create_user(email="ADA@example.com")


def test_a_user_needs_an_email_address(db: None) -> None:
    with pytest.raises(ValueError, match="needs an email address"):
        User.objects.create_user(email="")


def test_a_superuser_is_staff(db: None) -> None:
    root = User.objects.create_superuser("root@example.com", "correct horse battery")
    assert (root.is_staff, root.is_superuser) == (True, True)


def test_a_time_zone_is_one_of_the_database(db: None) -> None:
    User(email="ada@example.com", password="x", time_zone="Europe/Lisbon").full_clean()
    with pytest.raises(ValidationError, match="'Mars/Olympus' is not a time zone"):
        User(email="ada@example.com", password="x", time_zone="Mars/Olympus").full_clean()


@pytest.mark.parametrize(("signed_in", "zone"), [(True, "Asia/Tokyo"), (False, "UTC")])
def test_times_are_shown_in_the_zone_of_the_person_who_is_signed_in(
    db: None, rf: RequestFactory, signed_in: bool, zone: str
) -> None:
    request = rf.get("/")
    ada = User.objects.create_user(email="ada@example.com", time_zone="Asia/Tokyo")
    request.user = ada if signed_in else AnonymousUser()
    middleware = TimeZoneMiddleware(lambda request: HttpResponse(timezone.get_current_timezone_name()))
    assert middleware(request).content.decode() == zone
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_changed_time_zone_moves_the_digest_that_is_held(
    client: Client, cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    with time_machine.travel("2026-03-02 12:00Z", tick=False) as clock:
        preferences.choose(cast.vera, cast.acme, email_frequency="daily", digest_hour=8)
        create_notification(team=cast.acme, slug="a-b", title="Look", level="warning", recipients=[cast.vera])
        assert mailings.deliver() == 0
        client.force_login(cast.sue)
        form = {"email": cast.vera.email, "time_zone": "Asia/Tokyo", "is_active": "on", "date_joined_0": "2026-01-01"}
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(f"/admin/users/user/{cast.vera.pk}/change/", {**form, "date_joined_1": "12:00:00"})
        assert response.status_code == 302
        assert mailings.deliver() == 0
        clock.move_to("2026-03-02 22:59Z")
        assert mailings.deliver() == 0
        clock.move_to("2026-03-02 23:00Z")  # eight in the morning in Tokyo
        assert mailings.deliver() == 1
