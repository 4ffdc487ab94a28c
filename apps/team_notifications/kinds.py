"""The kinds of things that can happen: what each is called, and what is said of it where a call does not say it.

A feature registers its kinds in its ``AppConfig.ready``. A slug without a kind works as well; its calls say it all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise

from team_notifications.levels import Level


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a feature says of one slug. Texts may be lazily translated; `title` and `message` hold ``{placeholders}``.

    `params` are the names of the placeholders, each with a sample of its value for previews and checks. A reader holds
    all of the `permissions`. `icon` names a template in ``team_notifications/icons/``, without its ``.svg``, or is the
    whole name of one elsewhere: ``content/icons/sync.svg``. Where there is none, the icon is that of the level.
    """

    slug: str
    label: str | Promise
    category: str | Promise
    title: str | Promise
    message: str | Promise = ""
    icon: str = ""
    level: Level = Level.INFO
    params: Mapping[str, object] = field(default_factory=dict)
    permissions: Collection[str] = ()


ANY = Kind(slug="", label="", category="", title="")  # level and audience where there is no kind

# By slug all that were registered for it, in that order. The first counts; a system check reports the others.
_registered: dict[str, list[Kind]] = {}


def register(kind: Kind) -> Kind:
    """Makes `kind` known, and returns it. Raises nothing for a slug that has one already: a system check reports it."""
    same_slug = _registered.setdefault(kind.slug, [])
    if not any(kind is known for known in same_slug):  # Django may call `AppConfig.ready` again
        same_slug.append(kind)
    return kind


def find(slug: str) -> Kind | None:
    """The kind of `slug`; None when no feature registered one."""
    known = _registered.get(slug)
    return known[0] if known else None


def all_kinds() -> list[Kind]:
    """Every kind, each slug once, in the order of registration."""
    return [same_slug[0] for same_slug in _registered.values()]


def by_category() -> dict[str, list[Kind]]:
    """The kinds by category, both in the order of registration. Categories are in the language of this moment."""
    categories: dict[str, list[Kind]] = {}
    for kind in all_kinds():
        categories.setdefault(str(kind.category), []).append(kind)
    return categories


def duplicates() -> list[Kind]:
    """The kinds that do not count, because their slug had one before."""
    return [kind for same_slug in _registered.values() for kind in same_slug[1:]]
