"""How well a colour can be read on another (WCAG 2.2, "contrast ratio" and "relative luminance")."""

import re

ENOUGH = 4.5  # of normal text, level AA

Colour = tuple[int, int, int]


def from_css(text: str) -> Colour:
    """``#1b1d21`` or ``rgb(27, 29, 33)``."""
    if text.startswith("#"):
        red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
    else:
        red, green, blue = map(int, re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", text).groups())  # type: ignore[union-attr]
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted(map(_luminance, (from_css(one), from_css(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = map(_linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
