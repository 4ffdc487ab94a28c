"""Texts that people might write into a template, and those that somebody wrote to break it."""

from typing import Any

from hypothesis import strategies as st

PIECES = ["{", "}", "{{", "}}", ".", "[", "]", "(", ")", "!r", "!s", ":", ":{x}", ":>9", "__class__", "__mro__"]
PIECES += ["name", "user", "{name}", "{user}", "{user.__class__}", "{0}", "%s", "%(name)s", "$name", "\x00", "\ud800"]
PIECES += ["{%", "%}", "{#", "\n", "\u202e", "<script>", "é", "👩‍👩‍👧"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(codec=None), max_size=12).map("".join)


class Guarded(str):
    """A text that says so when anybody looks into it."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was read.")
