"""The part of the preferences page on which a person chooses the channels of each kind."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.translation import gettext_lazy
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import kinds
from team_notifications.kind_preferences import choose_channels, kind_choices
from team_notifications.levels import Level
from team_notifications.models import KindPreference, Preference
from team_notifications.personal import PERSONAL
from teams.models import Team
from tests.cast import Cast
from tests.kinds import kind, registered
from tests.web import BY_KIND, PREFERENCES, tell, text, unread_slugs

OWN = [
    kind(slug="sync-failed", label="Sync failed", category="Sync", level=Level.ERROR, icon="bell"),
    kind(slug="sync-success", label="Sync done", category="Sync", level=Level.SUCCESS),
    kind(slug="credits-low", label=gettext_lazy("Credits are low"), category="Credits", level=Level.WARNING),
]
INHERITED = "Inherit: Inbox and email Inbox and email Inbox only Email only Neither"


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No others: those of the project come and go."""
    monkeypatch.setattr(kinds, "_registered", {})
    with registered(*OWN):
        yield


def of(team: Team | None, base: str = PREFERENCES) -> str:
    return base if team is None else f"{base}{team.pk}/"


def sent(**changes: str) -> dict[str, str]:
    """What the form sends: inherit, but for these; a dash is an underscore here."""
    values = dict.fromkeys((each.slug for each in OWN), "inherit")
    values |= {slug.replace("_", "-"): value for slug, value in changes.items()}
    return {f"kind-{slug}": value for slug, value in values.items()}


def by_kind(response: HttpResponse) -> str:
    return text(response).partition("By kind")[2].partition("Do not disturb")[0]


def own(cast: Cast, team: Team | None) -> dict[str, Any]:
    return {slug: choice.own for slug, choice in kind_choices(cast.bob, team).items() if choice.own is not None}


# ---- what it shows --------------------------------------------------------------------------------------------------


def test_it_shows_the_kinds_by_category_with_label_level_and_icon(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    for team in (None, cast.acme):
        response = client.get(of(team))
        sync, _, credit = by_kind(response).partition("Credits Credits are low")
        assert f"Sync Sync failed {INHERITED} Error From the default Sync done {INHERITED} Success" in sync
        assert f"{INHERITED} Warning From the default Save" in credit
        assertContains(response, '<span class="kind-icon level-error"><svg class="icon"', count=1)


def test_it_says_what_is_inherited_and_from_where(client: Client, cast: Cast) -> None:
    choose_channels(cast.bob, "sync-failed", channels=["email"])
    choose_channels(cast.bob, "sync-success", cast.acme, channels=[])
    client.force_login(cast.bob)
    everywhere, acme, globex = (by_kind(client.get(of(team))) for team in (None, cast.acme, cast.globex))
    assert f"Sync failed {INHERITED} Error Your choice" in everywhere
    assert "Sync failed Inherit: Email only Inbox and email" in acme
    assert "Neither Error From your setting for everywhere Sync done" in acme
    assert f"Sync done {INHERITED} Success Your choice" in acme
    assert f"Sync done {INHERITED} Success From the default" in globex
    assert everywhere.startswith(" fewer channels for 1 kind")
    assert acme.startswith(" fewer channels for 2 kinds")


def test_it_is_folded_until_something_is_chosen_there(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assert by_kind(client.get(PREFERENCES)).startswith(" all through inbox and email")
    folded, unfolded = '<details class="rare by-kind">', '<details class="rare by-kind" open>'
    choose_channels(cast.bob, "sync-failed", cast.acme, channels=["in_app"])
    for team, shown in ((None, folded), (cast.acme, unfolded), (cast.globex, folded)):
        assertContains(client.get(of(team)), shown)


def test_without_kinds_and_among_personal_ones_there_is_nothing_to_choose(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assertNotContains(client.get(f"{PREFERENCES}{PERSONAL.pk}/"), "By kind")
    kinds._registered.clear()
    assertNotContains(client.get(PREFERENCES), "By kind")


def test_a_choice_for_a_kind_that_is_gone_is_shown_kept_and_taken_back(client: Client, cast: Cast) -> None:
    KindPreference.objects.create(user=cast.bob, slug="gone", channels=["email"])
    client.force_login(cast.bob)
    assert "No longer in use gone" in by_kind(client.get(PREFERENCES))
    client.post(of(None, BY_KIND), sent(gone="email", sync_failed="none"))
    assert own(cast, None) == {"gone": {"email"}, "sync-failed": frozenset()}
    client.post(of(None, BY_KIND), sent(gone="inherit"))
    assert own(cast, None) == {}
    assert "No longer in use" not in by_kind(client.get(PREFERENCES))


def test_a_label_is_escaped(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    with registered(kind(slug="a-b", label="<b>", category="<i>")):
        response = client.get(PREFERENCES)
    assertContains(response, "&lt;b&gt;")
    assertNotContains(response, "<i>")


# ---- choosing -------------------------------------------------------------------------------------------------------


def test_a_member_chooses_for_one_team(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    posted = sent(sync_failed="email", credits_low="none", sync_success="in-app")
    response = client.post(of(cast.acme, BY_KIND), posted, follow=True)
    assertRedirects(response, of(cast.acme))
    assertContains(response, "Saved for Acme.")
    assert own(cast, cast.acme) == {"sync-failed": {"email"}, "credits-low": set(), "sync-success": {"in_app"}}
    assert own(cast, None) == own(cast, cast.globex) == {}
    for team in (cast.acme, cast.globex):
        tell(team, "sync-failed")
    tell(cast.acme, "credits-low")
    tell(cast.acme, "sync-success")
    assert unread_slugs(cast.bob) == {"sync-failed", "sync-success"}
    assert unread_slugs(cast.vera) == {each.slug for each in OWN}


def test_a_member_chooses_for_everywhere_and_takes_it_back(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assertRedirects(client.post(BY_KIND, sent(sync_failed="both")), PREFERENCES)
    assert own(cast, None) == {"sync-failed": {"in_app", "email"}}
    assertRedirects(client.post(BY_KIND, sent()), PREFERENCES)
    assert not KindPreference.objects.exists()


def test_what_was_chosen_is_shown_as_chosen(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    posted = sent(sync_failed="none", sync_success="both", credits_low="email")
    client.post(of(cast.globex, BY_KIND), posted)
    page = client.get(of(cast.globex)).content.decode().partition("by-kind")[2]
    assert re.findall(r'<option value="([^"]*)" selected>', page) == list(posted.values())


def test_the_other_choices_of_the_scope_stay(client: Client, cast: Cast) -> None:
    Preference.objects.create(user=cast.bob, team=cast.acme, email_enabled=False)
    client.force_login(cast.bob)
    client.post(of(cast.acme, BY_KIND), sent(sync_failed="none"))
    assert Preference.objects.get().email_enabled is False


# ---- who may, and nonsense ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["grace", "oscar", "sue"])
def test_a_team_that_one_is_not_in_is_not_found(client: Client, cast: Cast, person: str) -> None:
    client.force_login(getattr(cast, person))
    assert client.post(of(cast.acme, BY_KIND), sent(sync_failed="none")).status_code == 404
    assert not KindPreference.objects.exists()


@pytest.mark.parametrize("key", ["0", "nonsense", "999999", "personal"])
def test_what_has_no_kinds_to_choose_for_is_not_found(client: Client, cast: Cast, key: str) -> None:
    client.force_login(cast.vera)
    assert client.post(f"{BY_KIND}{key}/", sent(sync_failed="none")).status_code == 404
    assert not KindPreference.objects.exists()


def test_who_is_not_signed_in_is_asked_to(client: Client, cast: Cast) -> None:
    response = client.post(BY_KIND, sent(sync_failed="none"))
    assert (response.status_code, response.headers["Location"].partition("?")[0]) == (302, "/sign-in/")
    assert not KindPreference.objects.exists()


def test_looking_changes_nothing(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assert client.get(BY_KIND, sent(sync_failed="none")).status_code == 405


@pytest.mark.parametrize("missing", [each.slug for each in OWN])
def test_a_kind_that_was_not_sent_is_not_taken_for_inherit(client: Client, cast: Cast, missing: str) -> None:
    choose_channels(cast.vera, missing, cast.acme, channels=[])
    client.force_login(cast.vera)
    posted = {name: value for name, value in sent().items() if name != f"kind-{missing}"}
    response = client.post(of(cast.acme, BY_KIND), posted)
    assert response.status_code == 400
    assert f"{kinds.find(missing).label}: no value was sent." in text(response)  # type: ignore[union-attr]
    assert KindPreference.objects.get().channels == frozenset()


@pytest.mark.parametrize("value", ["fax", "True", "<b>", "in_app"])
def test_nonsense_is_named_and_nothing_is_written(client: Client, cast: Cast, value: str) -> None:
    client.force_login(cast.vera)
    response = client.post(of(cast.acme, BY_KIND), sent(sync_success="none", sync_failed=value))
    assert response.status_code == 400
    said = f"Sync failed: Select a valid choice. {value} is not one of the available choices."
    assert said in text(response)
    assertContains(response, '<details class="rare by-kind" open>', status_code=400)
    assert not KindPreference.objects.exists()


def test_a_kind_that_is_not_registered_cannot_be_slipped_in(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    client.post(BY_KIND, {**sent(), "kind-other": "none"})
    assert not KindPreference.objects.exists()
