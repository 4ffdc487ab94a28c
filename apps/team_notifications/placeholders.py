"""The language of texts that people may change: ``{name}`` stands for a value, ``{{`` and ``}}`` for braces.

There is nothing else in it: no attributes, indexes, calls, conversions, format specifications or loops. `str.format`
would look into a value for ``{user.__class__}``; here a value becomes text before it is put in, and is not looked into.
"""

import json
import re
from collections.abc import Collection, Mapping

from django.utils.functional import Promise

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
BRACES = {"{{": "{", "}}": "}"}
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

MOST = 100  # placeholders in one text, which is filled for each event
SHOWN = 60  # characters of a wrong placeholder that an error repeats


class BadPlaceholder(ValueError):
    """A text that cannot be filled. Its message names the placeholder, and says what would be right."""


def names(text: str | Promise) -> list[str]:
    """The names that `text` asks for, each once and in order. Raises BadPlaceholder for what is no placeholder."""
    tokens = (token.group() for token in TOKEN.finditer(str(text)))
    return list(dict.fromkeys(_name(token) for token in tokens if token not in BRACES))


def unknown(text: str | Promise, permitted: Collection[str]) -> list[str]:
    """The names in `text` that are not among the permitted ones. Raises BadPlaceholder for what is no placeholder."""
    return [name for name in names(text) if name not in permitted]


def check(text: str | Promise, permitted: Collection[str]) -> None:
    """Raises BadPlaceholder unless `text` can be stored, and filled with values of the permitted names."""
    if found := UNSTORABLE.search(str(text)):
        raise BadPlaceholder(f"{found.group()!r} cannot be stored: a NUL, or half a surrogate pair.")
    if len(TOKEN.findall(str(text))) > MOST:
        raise BadPlaceholder(f"There are more than {MOST} placeholders.")
    if wrong := unknown(text, permitted):
        raise BadPlaceholder(f"{_braced(wrong)}: there is no such name here; {_there_is(permitted)}")


def fill(text: str | Promise, values: Mapping[str, object]) -> str:
    """`text` with each placeholder replaced by its value as text, which is not searched for placeholders again.

    Raises BadPlaceholder for a name without a value and for what is no placeholder, and TypeError for a value that is
    neither text nor what JSON can hold.
    """

    def put(token: re.Match[str]) -> str:
        if token.group() in BRACES:
            return BRACES[token.group()]
        name = _name(token.group())
        if name not in values:
            raise BadPlaceholder(f"{_braced([name])}: it has no value; {_there_is(values)}")
        return as_text(values[name])

    return TOKEN.sub(put, str(text))


def as_text(value: object) -> str:
    """Text as it is, None as nothing, and anything else as JSON writes it: 1200, 0.5, true, ["a", "b"]."""
    if value is None:
        return ""
    if isinstance(value, str | Promise):
        return str.__str__(value) if isinstance(value, str) else str(value)  # of a text enum, the text
    return json.dumps(value, ensure_ascii=False)


def _name(token: str) -> str:
    if len(token) == 1:
        raise BadPlaceholder(f"A single {token!r} is no placeholder; to show a brace, write it twice: {token * 2!r}.")
    if NAME.fullmatch(token, 1, len(token) - 1):
        return token[1:-1]
    shown = token if len(token) <= SHOWN else f"{token[:SHOWN]}…"
    raise BadPlaceholder(
        f"{shown!r} is no placeholder: only a name stands in braces, with no dots, brackets, '!' or ':'."
    )


def _braced(wrong: Collection[str]) -> str:
    return ", ".join(f"'{{{name[:SHOWN]}}}'" for name in wrong)


def _there_is(permitted: Collection[str]) -> str:
    return f"there is {', '.join(f'{{{name}}}' for name in sorted(permitted))}." if permitted else "there is none."
