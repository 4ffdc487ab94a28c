"""The language of changeable texts is harmless: names in braces, and nothing else."""

import re
from contextlib import suppress

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given, settings

from team_notifications.placeholders import BadPlaceholder, check, fill, names, unknown
from tests.placeholders import TEXTS, Guarded

VALUES: dict[str, object] = {"name": "Checkout", "count": 3, "error": "{name} <b>"}


def test_a_placeholder_is_replaced_by_its_value() -> None:
    assert fill("{count} errors at {name}, {name}!", VALUES) == "3 errors at Checkout, Checkout!"


def test_braces_written_twice_are_braces() -> None:
    assert fill("{{name}} {{{name}}} }}{{", VALUES) == "{name} {Checkout} }{"


def test_a_value_is_not_searched_for_placeholders() -> None:
    assert fill("{error}", VALUES) == "{name} <b>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, ""),
        (True, "true"),
        (1200, "1200"),
        (0.5, "0.5"),
        (["a", "ü"], '["a", "ü"]'),
        (gettext_lazy("lazy"), "lazy"),
    ],
)
def test_a_value_becomes_text(value: object, text: str) -> None:
    assert fill("{value}", {"value": value}) == text


def test_a_lazily_translated_text_is_filled() -> None:
    assert fill(gettext_lazy("{count} errors"), VALUES) == "3 errors"


def test_the_names_of_a_text_are_found_once_and_in_order() -> None:
    assert names("{b} {{c}} {a} {b}") == ["b", "a"]
    assert unknown("{b} {a}", {"a": 1}) == ["b"]


@pytest.mark.parametrize(
    "placeholder",
    [
        "{user.__class__}",
        "{user.name}",
        "{items[0]}",
        "{name!r}",
        "{name:>10}",
        "{name:{width}}",
        "{name()}",
        "{0}",
        "{}",
        "{ name }",
        "{__class__}",
        "{näme}",
        "{na\nme}",
        "{%if%}",
        "{{name}",
        "{{{name",
        "{",
        "}",
        "a } b",
    ],
)
def test_anything_but_a_name_in_braces_is_refused(placeholder: str) -> None:
    for work in (names, lambda text: check(text, VALUES), lambda text: fill(text, VALUES)):
        with pytest.raises(BadPlaceholder, match="is no placeholder"):
            work(placeholder)


def test_the_error_names_the_bad_placeholder_and_says_what_is_right() -> None:
    with pytest.raises(BadPlaceholder, match=r"'\{user.__class__\}' is no placeholder: only a name stands in braces"):
        check("Dear {user.__class__}", VALUES)


def test_a_name_that_is_not_permitted_is_refused_and_named() -> None:
    told = r"'\{nmae\}': there is no such name here; there is \{count\}, \{error\}, \{name\}\."
    with pytest.raises(BadPlaceholder, match=told):
        check("{nmae} {name}", VALUES)
    with pytest.raises(BadPlaceholder, match=r"'\{name\}': it has no value; there is none\."):
        fill("{name}", {})


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_a_text_that_no_database_holds_is_refused(text: str) -> None:
    with pytest.raises(BadPlaceholder, match="cannot be stored"):
        check(text, VALUES)


def test_a_value_that_is_no_json_is_refused_and_not_looked_into() -> None:
    with pytest.raises(TypeError):
        fill("{user}", {"user": object()})


@settings(max_examples=2_000, deadline=None)
@given(text=TEXTS)
def test_no_text_reads_an_attribute_and_what_may_be_saved_is_filled(text: str) -> None:
    values = {"name": Guarded("<b>{user}</b>"), "user": Guarded("Vera")}
    try:
        check(text, values)
    except BadPlaceholder:
        with suppress(BadPlaceholder):
            fill(text, values)
    else:
        assert fill(text, values) == literally(text)


def literally(text: str) -> str:
    """The same by another road."""
    parts = re.split(r"(\{\{|\}\}|\{name\}|\{user\})", text)
    told = {"{{": "{", "}}": "}", "{name}": "<b>{user}</b>", "{user}": "Vera"}
    return "".join(told.get(part, part) for part in parts)
