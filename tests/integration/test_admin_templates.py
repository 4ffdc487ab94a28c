"""Templates in the admin: written, previewed on sample values, and who may."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django.utils.translation import gettext_lazy

from team_notifications.models import NotificationTemplate
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.kinds import kind, registered
from tests.web import HTMX, text
from users.models import User

LIST = "/admin/team_notifications/notificationtemplate/"
ADD = f"{LIST}add/"
PREVIEW = f"{LIST}preview/"
WRITTEN = {"slug": "ai-cluster-complete", "channel": "in_app", "title": "{clusters} groups", "body": "Of {keywords}"}


@pytest.fixture(autouse=True)
def clustered() -> Iterator[None]:
    with registered(kind()):
        yield


@pytest.fixture
def root(client: Client, cast: Cast) -> Client:
    client.force_login(cast.sue)
    return client


def written(**changes: Any) -> NotificationTemplate:
    return NotificationTemplate.objects.create(**{**WRITTEN, **changes})


def staff(user: User, *codenames: str) -> User:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


# ---- writing --------------------------------------------------------------------------------------------------------


def test_a_changed_template_changes_the_next_notification(root: Client, cast: Cast) -> None:
    assert root.post(ADD, WRITTEN).status_code == 302
    params = {"clusters": 3, "keywords": 40}
    assert create_notification(team=cast.acme, slug="ai-cluster-complete", params=params).title == "3 groups"
    template = NotificationTemplate.objects.get()
    assert root.post(f"{LIST}{template.pk}/change/", {**WRITTEN, "title": "{clusters} heaps"}).status_code == 302
    assert create_notification(team=cast.acme, slug="ai-cluster-complete", params=params).title == "3 heaps"


def test_the_kind_is_one_of_those_that_are_registered(root: Client) -> None:
    page = root.get(ADD).content.decode()
    assert '<optgroup label="AI operations">' in page
    assert '<option value="ai-cluster-complete">Keywords clustered (ai-cluster-complete)</option>' in page
    assert "custom-action-down" in page
    assert "Select a valid choice" in text(root.post(ADD, {**WRITTEN, "slug": "nowhere"}))
    assert not NotificationTemplate.objects.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "{user.__class__}"}, "'{user.__class__}' is no placeholder"),
        ({"body": "{clusters} {words}"}, "'{words}': there is no such name here; there is {clusters}, {keywords}."),
        ({"body": "a\x00"}, "Null characters are not allowed"),
        ({"title": ""}, "This field is required"),
    ],
)
def test_a_text_that_cannot_be_told_is_not_saved(root: Client, changes: dict[str, str], told: str) -> None:
    response = root.post(ADD, {**WRITTEN, **changes})
    assert told in text(response)
    assert not NotificationTemplate.objects.exists()


def test_a_second_template_of_a_kind_and_channel_is_not_saved(root: Client) -> None:
    written()
    assert "already exists" in text(root.post(ADD, WRITTEN))
    assert root.post(ADD, {**WRITTEN, "channel": "email"}).status_code == 302


def test_what_failed_is_shown_and_is_over_when_the_template_is_saved(root: Client) -> None:
    template = written()
    changed = NotificationTemplate.objects.filter(pk=template.pk)
    changed.update(failures=7, last_error="'{words}': it has no value", last_failed_at=timezone.now())
    assert " 7 " in text(root.get(LIST))
    page = text(root.get(f"{LIST}{template.pk}/change/"))
    assert "'{words}': it has no value" in page
    assert '["clusters", "keywords"]' in page
    root.post(f"{LIST}{template.pk}/change/", WRITTEN)
    template.refresh_from_db()
    assert (template.failures, template.last_error, template.last_failed_at) == (0, "", None)


def test_a_template_whose_kind_is_gone_is_shown_and_cannot_be_saved(root: Client) -> None:
    template = written(slug="gone")
    assert "gone" in text(root.get(LIST))
    assert '<option value="gone" selected>' in root.get(f"{LIST}{template.pk}/change/").content.decode()
    assert "There is no kind “gone”." in text(root.post(f"{LIST}{template.pk}/change/", {**WRITTEN, "slug": "gone"}))


# ---- the preview ----------------------------------------------------------------------------------------------------


def test_the_preview_fills_the_unsaved_texts_with_the_samples(root: Client) -> None:
    page = text(root.post(PREVIEW, WRITTEN, headers=HTMX))
    assert "12 groups Of 340" in page
    assert "{keywords} 340" in page
    assert "Created {clusters} clusters from {keywords} keywords" in page
    assert not NotificationTemplate.objects.exists()


def test_the_preview_is_a_part_of_a_page_for_htmx_and_else_a_page(root: Client) -> None:
    part, page = root.post(PREVIEW, WRITTEN, headers=HTMX), root.post(PREVIEW, WRITTEN)
    assert b"<html" not in part.content
    assert b"<html" in page.content
    assert "12 groups Of 340" in text(page)
    assert "Nothing has been saved." in text(page)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "{user.__class__}"}, "'{user.__class__}' is no placeholder"),
        ({"body": "{words}"}, "'{words}': there is no such name here"),
        ({"title": ""}, "holds no readable character"),
        ({"title": "a" * 201}, "at most 200 characters (it has 201)"),
        ({"channel": "pigeon"}, "Value 'pigeon' is not a valid choice"),
        ({"slug": ""}, "Choose a kind."),
        ({"slug": "nowhere"}, "Choose a kind."),
        ({"title": "a\x00"}, "cannot be stored: a NUL"),
    ],
)
def test_the_preview_says_what_is_wrong(root: Client, changes: dict[str, str], told: str) -> None:
    response = root.post(PREVIEW, {**WRITTEN, **changes}, headers=HTMX)
    assert response.status_code == 200
    assert told in text(response)


def test_nothing_that_is_posted_takes_the_preview_down(root: Client) -> None:
    form = "application/x-www-form-urlencoded"
    for posted in (b"", b"slug=%00&title=%ED%A0%80", b"slug=ai-cluster-complete&title=%ED%A0%80{&body=%00"):
        assert root.post(PREVIEW, posted, content_type=form, headers=HTMX).status_code == 200


def test_the_preview_shows_markup_and_does_not_run_it(root: Client) -> None:
    markup = "<img src=x onerror=alert(1)>"
    label = gettext_lazy("<b>Label</b>")
    with registered(kind(slug="a-b", label=label, params={"clusters": markup, "keywords": 1}, message=markup)):
        written = {**WRITTEN, "slug": "a-b", "body": "<i>{clusters}</i>\n{clusters"}
        for body in ("<i>{clusters}</i>", "<i>{clusters", "{<i>}"):
            page = root.post(PREVIEW, {**written, "body": body}, headers=HTMX).content.decode()
            assert "<img" not in page
            assert "<i>" not in page
            assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert "<b>Label" not in root.get(ADD).content.decode()


def test_the_preview_writes_nothing_and_is_no_page_to_get(root: Client) -> None:
    template = written()
    assert root.post(PREVIEW, {**WRITTEN, "title": "{words}"}).status_code == 200
    assert root.get(PREVIEW).status_code == 405
    template.refresh_from_db()
    assert (template.title, template.failures) == ("{clusters} groups", 0)


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (["add_notificationtemplate"], 200),
        (["change_notificationtemplate"], 200),
        (["view_notificationtemplate"], 403),
        (["change_notification"], 403),
        ([], 403),
    ],
)
def test_the_preview_is_for_staff_who_may_write_templates(
    client: Client, cast: Cast, permissions: list[str], status: int
) -> None:
    client.force_login(staff(cast.ed, *permissions))
    assert client.post(PREVIEW, WRITTEN, headers=HTMX).status_code == status


def test_the_preview_is_not_for_members_and_strangers(client: Client, cast: Cast) -> None:
    for user in (None, cast.alice):
        if user:
            client.force_login(user)
        response = client.post(PREVIEW, WRITTEN, headers=HTMX)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


def test_a_preview_needs_the_token_of_the_form(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.sue)
    assert client.post(PREVIEW, WRITTEN, headers=HTMX).status_code == 403


def test_who_may_only_look_sees_the_texts_and_no_preview(client: Client, cast: Cast) -> None:
    template = written()
    client.force_login(staff(cast.ed, "view_notificationtemplate"))
    page = client.get(f"{LIST}{template.pk}/change/")
    assert "{clusters} groups" in text(page)
    assert b"hx-post" not in page.content
    assert client.post(f"{LIST}{template.pk}/change/", WRITTEN).status_code == 403
    assert client.get(ADD).status_code == 403
