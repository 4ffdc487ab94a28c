"""Titles and messages are plain text. This is where they become that."""

import re
import unicodedata

from django.utils.functional import Promise

TITLE_MAX_LENGTH = 200

# Embeddings, overrides and isolates (UAX #9): they let a text rewrite the line that it is shown in.
BIDI = set(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
# Line and paragraph separators break a mail header as surely as \n does.
SPACES = re.compile(r"[\s\u2028\u2029]+")
LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean_title(title: str | Promise, name: str = "title") -> str:
    """One line of at most 200 characters, without control and bidirectional-override characters.

    Raises TypeError when it is not text, and ValueError when nothing is left of it; they call it by its `name`.
    """
    cleaned = SPACES.sub(" ", _printable(SPACES.sub(" ", _text(title, name)))).strip()
    if all(unicodedata.category(character) in {"Cf", "Zs"} for character in cleaned):  # joiners, marks of direction
        raise ValueError(f"The {name} {title!r} holds no readable character.")
    return cleaned[:TITLE_MAX_LENGTH].rstrip()


def clean_message(message: str | Promise) -> str:
    """The text with its line ends as ``\\n``, and without control and bidirectional-override characters.

    Raises TypeError when it is not text.
    """
    return _printable(LINE_ENDS.sub("\n", _text(message, "message"))).strip()


def _text(value: str | Promise, name: str) -> str:
    if not isinstance(value, str | Promise):
        raise TypeError(f"The {name} is text, not {value!r}.")
    return str.__str__(value) if isinstance(value, str) else str(value)  # of a text enum, the text


def _printable(text: str) -> str:
    return "".join(
        character
        for character in text
        if character in "\n\t" or (character not in BIDI and unicodedata.category(character) not in {"Cc", "Cs"})
    )
