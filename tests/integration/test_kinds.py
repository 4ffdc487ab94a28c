"""With a kind, a call says only what is special about this time."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from team_notifications.directory import UnknownPermission
from team_notifications.levels import Level
from team_notifications.models import Notification, UserNotification
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.kinds import kind, registered

CHANGE = "custom_actions.change_customaction"
PARAMS = {"clusters": 3, "keywords": 40}


@pytest.fixture(autouse=True)
def clustered() -> Iterator[None]:
    plain = kind(slug="credits-depleted", title="Out of credits", message="Upgrade to continue.", params={})
    with registered(kind(), kind(slug="ai-cluster-failed", permissions=[CHANGE], level=Level.ERROR), plain):
        yield


def happened(cast: Cast, **changes: Any) -> Notification:
    return create_notification(**{"team": cast.acme, "slug": "ai-cluster-complete", "params": PARAMS, **changes})


def told(notification: Notification) -> set[str]:
    rows = UserNotification.objects.filter(notification=notification)
    return set(rows.values_list("user__first_name", flat=True))


# ---- what comes from the kind ---------------------------------------------------------------------------------------


def test_title_message_and_level_come_from_the_kind(cast: Cast) -> None:
    thread = happened(cast)
    thread.refresh_from_db()
    assert (thread.title, thread.message) == ("3 clusters", "Created 3 clusters from 40 keywords")
    assert thread.severity is Level.SUCCESS
    assert thread.history.get().title == "3 clusters"


def test_permissions_come_from_the_kind(cast: Cast) -> None:
    thread = happened(cast, slug="ai-cluster-failed")
    assert thread.permissions == [CHANGE]
    assert told(thread) == {"Alice", "Ed"}


def test_what_is_given_is_used_instead(cast: Cast) -> None:
    thread = happened(
        cast, slug="ai-cluster-failed", title="Own {title}", message="", level="info", permissions=["teams.view_team"]
    )
    assert (thread.title, thread.message, thread.severity) == ("Own {title}", "", Level.INFO)
    assert thread.permissions == ["teams.view_team"]


def test_an_empty_list_of_permissions_means_every_member(cast: Cast) -> None:
    assert told(happened(cast, slug="ai-cluster-failed", permissions=[])) == {"Alice", "Ed", "Vera", "Bob"}


def test_a_kind_whose_permission_is_unknown_tells_nobody_and_raises(cast: Cast) -> None:
    with registered(kind(slug="a-b", permissions=["nowhere.at_all"])), pytest.raises(UnknownPermission):
        happened(cast, slug="a-b")
    assert not Notification.objects.exists()


def test_a_kind_without_params_needs_none(cast: Cast) -> None:
    thread = create_notification(team=cast.acme, slug="credits-depleted")
    assert (thread.title, thread.message) == ("Out of credits", "Upgrade to continue.")
    thread = create_notification(team=cast.acme, slug="credits-depleted", title="None left")
    assert (thread.title, thread.message) == ("None left", "Upgrade to continue.")


def test_a_lazily_translated_text_and_value_are_filled(cast: Cast) -> None:
    with registered(kind(slug="a-b", title=gettext_lazy("{clusters} and {keywords}"), message="")):
        thread = happened(cast, slug="a-b", params={"clusters": gettext_lazy("many"), "keywords": None})
    assert thread.title == "many and"
    assert thread.params == {"clusters": "many", "keywords": None}


def test_a_call_with_a_title_of_its_own_and_no_params_says_nothing_else(cast: Cast) -> None:
    thread = happened(cast, title="Clustered", params=None)
    assert (thread.title, thread.message, thread.params) == ("Clustered", "", {})


# ---- params ---------------------------------------------------------------------------------------------------------


def test_the_params_are_kept_with_the_thread_and_are_those_of_the_last_time(cast: Cast) -> None:
    happened(cast)
    assert Notification.objects.get().params == PARAMS
    happened(cast, params={"clusters": 5, "keywords": [1, {"a": None}]})
    assert Notification.objects.get().params == {"clusters": 5, "keywords": [1, {"a": None}]}


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"clusters": 3}, "missing 'keywords'"),
        ({**PARAMS, "words": 7}, "unexpected 'words'"),
        ({"clusters": 3, "keyword": 40}, "missing 'keywords'; unexpected 'keyword'"),
        (None, "missing 'clusters', 'keywords'"),
    ],
)
def test_params_that_do_not_fit_raise_naming_them_and_the_slug(cast: Cast, params: Any, wrong: str) -> None:
    for error in (TypeError, ValueError):
        with pytest.raises(error, match=f"The params of 'ai-cluster-complete' do not fit: {wrong}"):
            happened(cast, params=params)
    assert not Notification.objects.exists()


def test_they_are_checked_for_a_title_of_its_own_as_well(cast: Cast) -> None:
    with pytest.raises(ValueError, match="missing 'keywords'"):
        happened(cast, title="Clustered", params={"clusters": 3})
    with pytest.raises(ValueError, match="missing 'keywords'"):
        happened(cast, title="Clustered", message="All of them.", params={"clusters": 3})


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"clusters": {1, 2}, "keywords": 1}, "Param 'clusters' is of type set"),
        ({"clusters": 1, "keywords": [float("nan")]}, r"Param 'keywords\[0\]' is nan"),
        ({"clusters": 1, 7: 1}, "A key of param is 7"),
        ([1], r"Params are a dict of JSON values, not \[1\]"),
    ],
)
def test_params_that_json_cannot_hold_raise_type_error_naming_the_key(cast: Cast, params: Any, wrong: str) -> None:
    with pytest.raises(TypeError, match=wrong):
        happened(cast, params=params)
    assert not Notification.objects.exists()


def test_characters_that_no_database_holds_do_not_keep_an_error_from_being_told(cast: Cast) -> None:
    thread = happened(cast, params={"clusters": "a\x00b\ud800c", "keywords": 1})
    thread.refresh_from_db()
    assert (thread.title, thread.params["clusters"]) == ("abc clusters", "abc")
    nested = happened(cast, params={"clusters": ["a\x00b", {"c\ud800": "\x00d"}], "keywords": 1})
    nested.refresh_from_db()
    assert nested.params["clusters"] == ["ab", {"c": "d"}]


def test_where_nothing_is_left_of_the_label_the_slug_is_told(cast: Cast) -> None:
    for label in ("\u200b", "\x00", " "):
        with registered(kind(slug="a-b", label=label, title="{nowhere}")):
            assert happened(cast, slug="a-b").title == "a-b"


# ---- without a kind -------------------------------------------------------------------------------------------------


def test_without_a_kind_a_title_is_needed(cast: Cast) -> None:
    with pytest.raises(TypeError, match="The title is None, and no kind is registered for 'server-down'"):
        create_notification(team=cast.acme, slug="server-down")


def test_without_a_kind_params_are_refused(cast: Cast) -> None:
    with pytest.raises(TypeError, match=r"No kind is registered for 'server-down', so .* params \['clusters'\]"):
        create_notification(team=cast.acme, slug="server-down", title="Down", params={"clusters": 1})


def test_without_a_kind_the_message_is_empty_the_level_info_and_every_member_is_told(cast: Cast) -> None:
    thread = create_notification(team=cast.acme, slug="server-down", title="Down")
    assert (thread.message, thread.severity, thread.permissions) == ("", Level.INFO, [])
    assert told(thread) == {"Alice", "Ed", "Vera", "Bob"}


def test_a_slug_that_is_none_is_named_before_anything_else(cast: Cast) -> None:
    with pytest.raises(ValueError, match="'Not a slug' is not a slug"):
        create_notification(team=cast.acme, slug="Not a slug")
