"""Ideas, texts and pictures, made of templates. The same input always gives the same output."""

from collections.abc import Sequence
from hashlib import sha256
from html import escape

IDEAS = ("A guide to {name}", "{name}: what people ask")
IN_ARTICLE = 2  # pictures besides the featured one

INTRODUCTION = (
    "Many people look for {name}, and few find an answer that helps. This article collects what they ask, "
    "and says for each question where to begin."
)
PARAGRAPH = (
    "Somebody who searches for “{keyword}” mostly knows what they want, and not yet how to get there. Begin with what "
    "you have, compare two or three possibilities, and decide by what you will still like in a year."
)
CLOSING = "That is all it takes. Come back to {name} when you know more about what you need."

WIDTH, HEIGHT = 640, 360
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    '<title>{title}</title><rect width="{width}" height="{height}" fill="hsl({hue} 35% 88%)"/>'
    '<circle cx="{x}" cy="{y}" r="90" fill="hsl({hue} 45% 60%)"/></svg>'
)


def ideas(name: str) -> list[str]:
    """Titles of articles about a cluster."""
    return [capitalized(idea.format(name=name)) for idea in IDEAS]


def draft(name: str, keywords: Sequence[str]) -> str:
    """An article about a cluster, a paragraph for each of its keywords."""
    paragraphs = [PARAGRAPH.format(keyword=keyword) for keyword in keywords]
    return "\n\n".join([INTRODUCTION.format(name=name), *paragraphs, CLOSING.format(name=name)])


def prompts(title: str) -> list[str]:
    """What the pictures of an article are to show, the featured one first."""
    numbered = [f"Picture {number} inside “{title}”, plain, without text" for number in range(1, IN_ARTICLE + 1)]
    return [f"Featured picture of “{title}”, wide, with room for the title", *numbered]


def picture(prompt: str) -> str:
    """A placeholder as SVG: a disc on a ground, whose place and colour come from the prompt."""
    digest = sha256(prompt.encode()).digest()
    hue, x, y = digest[0] * 360 // 256, 120 + digest[1] * 400 // 256, 100 + digest[2] * 160 // 256
    return PICTURE.format(width=WIDTH, height=HEIGHT, title=escape(prompt), hue=hue, x=x, y=y)


def capitalized(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]
