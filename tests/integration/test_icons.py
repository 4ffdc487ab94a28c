"""The icon of a thread: that of its kind, and else that of its level."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from team_notifications.models import Notification
from team_notifications.notify import create_notification
from team_notifications.templatetags.team_notifications import kind_icon, level_icon, thread_icon
from tests.cast import Cast
from tests.kinds import kind, registered
from tests.web import BELL, HTMX, INBOX


@pytest.fixture(autouse=True)
def app_templates(settings: Any, tmp_path: Path) -> None:
    """Two files that an app might bring along."""
    for name, text in (
        ("team_notifications/icons/cluster.svg", "<svg>cluster</svg>"),
        ("content/sync.svg", "<svg>sync</svg>"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]}]


@pytest.mark.parametrize(
    ("icon", "shown"),
    [("cluster", "<svg>cluster</svg>"), ("content/sync.svg", "<svg>sync</svg>"), ("tray", "<svg class")],
)
def test_a_kind_has_an_icon_of_its_own(icon: str, shown: str) -> None:
    with registered(own := kind(icon=icon)):
        drawn = thread_icon(Notification(slug="ai-cluster-complete", level=40))
    assert kind_icon(own) == drawn
    assert drawn.startswith(shown)
    assert drawn != level_icon(Notification(level=40).severity)


@pytest.mark.parametrize("icon", ["", "nowhere", "nowhere/x.svg", "../cluster"])
def test_where_there_is_none_the_icon_is_that_of_the_level(icon: str) -> None:
    thread = Notification(slug="ai-cluster-complete", level=40)
    with registered(own := kind(icon=icon)):
        assert thread_icon(thread) == level_icon(thread.severity)
    assert kind_icon(own) == level_icon(own.level)
    assert thread_icon(thread) == level_icon(thread.severity)  # nor a kind


def test_the_inbox_and_the_bell_show_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    with registered(kind(icon="cluster")):
        create_notification(team=cast.acme, slug="ai-cluster-complete", params={"clusters": 1, "keywords": 2})
        for page in (client.get(INBOX), client.get(BELL, headers=HTMX)):
            assert "<svg>cluster</svg>" in page.content.decode()
