"""A project's own template raises for one mail: the others of the same batch go, and that one says why it did not."""

from pathlib import Path
from typing import Any

import pytest

from team_notifications.delivery import mailings
from team_notifications.models import Delivery, Mailing, Preference
from tests.cast import Cast
from tests.web import tell

RAISES_FOR_ONE = """{% if "Poison" in line.thread.title %}{% url "nowhere" %}{% endif %}{{ line.thread.title }}"""


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """What is put there comes before the module's own templates."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    folder = tmp_path / "team_notifications" / "email"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", ["instant.txt", "instant.html", "instant_subject.txt"])
def test_a_template_that_raises_for_one_of_several_mails_stops_none_of_the_others(
    cast: Cast, folder: Path, name: str, mailoutbox: list[Any]
) -> None:
    (folder / name).write_text(RAISES_FOR_ONE)
    Preference.objects.create(user=cast.bob, team=cast.globex, email_enabled=False)
    tell(cast.globex, title="Poison", level="error")
    tell(cast.acme, title="Server down", level="error")
    assert mailings.deliver() == 4
    assert sorted(mail.to[0] for mail in mailoutbox) == [
        f"{name}@example.com" for name in ("alice", "bob", "ed", "vera")
    ]
    failed = Delivery.objects.get(user=cast.grace)
    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.last_error.startswith("NoReverseMatch: Reverse for 'nowhere' not found.")
    assert Mailing.objects.get(user=cast.grace).state == Mailing.State.FAILED
    assert set(Delivery.objects.exclude(pk=failed.pk).values_list("state", flat=True)) == {"sent"}


def test_a_digest_that_cannot_be_written_stops_no_other_mail(cast: Cast, folder: Path, mailoutbox: list[Any]) -> None:
    (folder / "digest.html").write_text('{% url "nowhere" %}')
    tell(cast.acme, "one", level="error")
    tell(cast.acme, "two", level="error", permissions=["teams.change_team"])  # Alice has two, and so a digest
    assert mailings.deliver() == 3
    assert sorted(mail.to[0] for mail in mailoutbox) == [f"{name}@example.com" for name in ("bob", "ed", "vera")]
    assert set(Delivery.objects.filter(user=cast.alice).values_list("state", flat=True)) == {"failed"}
