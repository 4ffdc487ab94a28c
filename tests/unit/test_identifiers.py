import hashlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from team_notifications.identifiers import check_event_data, check_slug, identifier_for

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def test_the_identifier_is_the_sha256_of_canonical_json() -> None:
    canonical = '{"data":{"a":"ü","b":[1,2]},"slug":"custom-action-down"}'
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()
    assert identifier_for("custom-action-down", {"b": [1, 2], "a": "ü"}) == expected


@given(st.dictionaries(texts, json_values, max_size=5))
def test_the_order_of_keys_never_matters(event_data: dict[str, Any]) -> None:
    backwards = dict(reversed(event_data.items()))
    assert identifier_for("a-b", event_data) == identifier_for("a-b", backwards)


def test_no_event_data_and_empty_event_data_are_the_same() -> None:
    assert identifier_for("a-b") == identifier_for("a-b", {}) == identifier_for("a-b", None)


def test_slug_and_event_data_both_tell_threads_apart() -> None:
    assert (
        len(
            {
                identifier_for("a-b"),
                identifier_for("a-c"),
                identifier_for("a-b", {"id": 1}),
                identifier_for("a-b", {"id": "1"}),
            }
        )
        == 4
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [(b"x", "bytes"), ({1}, "set"), (object(), "object"), (1j, "complex"), (frozenset(), "frozenset")],
)
def test_what_json_cannot_hold_raises_type_error_naming_the_key(value: object, kind: str) -> None:
    with pytest.raises(TypeError, match=rf"Event data 'colour' is of type {kind}"):
        identifier_for("a-b", {"colour": value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_hold_raise_type_error_naming_the_key(value: float) -> None:
    with pytest.raises(TypeError, match=r"Event data 'sizes\[1\]' is"):
        identifier_for("a-b", {"sizes": [1.0, value]})


def test_a_nested_value_is_named_by_its_path() -> None:
    with pytest.raises(TypeError, match=r"Event data 'outer\.inner\[0\]' is of type bytes"):
        identifier_for("a-b", {"outer": {"inner": [b""]}})


def test_a_key_that_is_no_string_raises_type_error_naming_it() -> None:
    with pytest.raises(TypeError, match="A key of event data is 7; keys are strings"):
        identifier_for("a-b", {7: "x"})  # type: ignore[dict-item]


def test_event_data_that_is_no_mapping_raises_type_error() -> None:
    with pytest.raises(TypeError, match=r"Event data is a dict of JSON values, not \[1\]"):
        identifier_for("a-b", [1])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_holds_raises_value_error_naming_the_key(text: str) -> None:
    with pytest.raises(ValueError, match="Event data 'name' holds"):
        identifier_for("a-b", {"name": text})


def test_a_number_without_end_raises_value_error_naming_the_key() -> None:
    with pytest.raises(ValueError, match="Event data 'count' is a number of more than 100 digits"):
        identifier_for("a-b", {"count": 10**5_000})


def test_endless_nesting_raises_value_error() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(ValueError, match="nested more than 10 levels"):
        check_event_data(endless)


def test_event_data_is_copied_and_tuples_become_lists() -> None:
    given_data = {"ids": (1, 2), "more": {"a": 1}}
    checked = check_event_data(given_data)
    assert checked == {"ids": [1, 2], "more": {"a": 1}}
    assert checked["more"] is not given_data["more"]


@pytest.mark.parametrize(
    "slug",
    ["", "Custom-Action", "custom_action", "custom--action", "-a", "a-", "a b", "ü-x", "a-b\n", "a" * 101, None, 7],
)
def test_a_bad_slug_raises_value_error_naming_it(slug: object) -> None:
    with pytest.raises(ValueError, match="is not a slug: lower-case letters, digits and single hyphens") as error:
        check_slug(slug)  # type: ignore[arg-type]
    assert repr(slug) in str(error.value)


@pytest.mark.parametrize("slug", ["custom-action-down", "system", "a1-2b", "a" * 100])
def test_a_good_slug_is_returned(slug: str) -> None:
    assert check_slug(slug) == slug
