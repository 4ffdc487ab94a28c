import unicodedata
from enum import Enum

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from team_notifications.texts import BIDI, TITLE_MAX_LENGTH, clean_message, clean_title


def test_a_title_of_5000_characters_is_cut_at_200() -> None:
    assert clean_title("x" * 5_000) == "x" * 200


def test_a_title_is_one_line() -> None:
    assert clean_title(" Disk\r\nfull\t on\x0bserver\u20281 ") == "Disk full on server 1"


def test_control_and_bidirectional_override_characters_are_removed_from_a_title() -> None:
    assert clean_title("a\x00b\x07c\x1bd\u202ee\u2066f\x7fg\x9fh") == "abcdefgh"


def test_right_to_left_text_and_emoji_stay() -> None:
    text = "שלום 👩‍👩‍👧 مرحبا"
    assert clean_title(text) == text


def test_a_title_without_a_readable_character_raises_value_error() -> None:
    with pytest.raises(ValueError, match=r"The title ' \\n\\x00' holds no readable character"):
        clean_title(" \n\x00")


def test_invisible_characters_alone_are_no_title() -> None:
    with pytest.raises(ValueError, match="holds no readable character"):
        clean_title("\u200b\u200d \ufeff")


def test_a_text_enum_is_its_text() -> None:
    class Size(str, Enum):  # noqa: UP042  (a StrEnum would be its text without our help)
        SMALL = "small"

    assert clean_title(Size.SMALL) == "small"


@pytest.mark.parametrize("title", [None, 7, b"x", ["x"]])
def test_a_title_that_is_no_text_raises_type_error(title: object) -> None:
    with pytest.raises(TypeError, match="The title is text, not"):
        clean_title(title)  # type: ignore[arg-type]


def test_a_lazy_translation_is_text() -> None:
    assert clean_title(gettext_lazy("Server down")) == "Server down"


def test_a_message_keeps_its_lines() -> None:
    assert clean_message("one\r\ntwo\rthree\n\n\tfour\x0bfive\x85six\n") == "one\ntwo\nthree\n\n\tfour\nfive\nsix"


@given(st.text())
def test_no_text_gets_a_control_character_into_a_title_or_a_message(text: str) -> None:
    message = clean_message(text)
    assert not {character for character in message if unicodedata.category(character) in {"Cc", "Cs"}} - {"\n", "\t"}
    assert not BIDI & set(message)
    if message.strip():
        title = clean_title(f"x{text}")
        assert len(title) <= TITLE_MAX_LENGTH
        assert title.splitlines() == [title]
        title.encode()
