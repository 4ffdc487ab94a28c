"""Kinds for a test: the registry with these besides or in place of the project's own, put back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from team_notifications import kinds
from team_notifications.kinds import Kind
from team_notifications.levels import Level

CLUSTERED: dict[str, Any] = {
    "slug": "ai-cluster-complete",
    "label": "Keywords clustered",
    "category": "AI operations",
    "title": "{clusters} clusters",
    "message": "Created {clusters} clusters from {keywords} keywords",
    "level": Level.SUCCESS,
    "params": {"clusters": 12, "keywords": 340},
}


def kind(**changes: Any) -> Kind:
    return Kind(**{**CLUSTERED, **changes})


@contextmanager
def registered(*more: Kind) -> Iterator[None]:
    slugs = {one.slug for one in more}
    before = {slug: list(same_slug) for slug, same_slug in kinds._registered.items() if slug not in slugs}
    with patch.object(kinds, "_registered", before):
        for one in more:
            kinds.register(one)
        yield
