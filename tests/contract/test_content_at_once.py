"""Several processes at one account and one site: nothing is spent twice, and each thing is told once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from content import steps
from content.credits import spend
from content.errors import CannotDo
from content.keywords import import_keywords
from content.models import CreditAccount, Keyword, Site
from team_notifications.models import Notification
from teams.models import Team
from tests.cast import assemble
from tests.processes import Pool, pool
from users.models import User

PROCESSES = 8
TOTAL = 100

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def eight(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        if connection.vendor == "sqlite":  # the test's own lives in memory, where no other process sees it
            name = str(Path(tmp_path_factory.mktemp("database")) / "db.sqlite3")
        with pool(PROCESSES, name) as processes:
            processes.once(call_command, "migrate", "--verbosity=0")
            yield processes
            processes.once(call_command, "flush", "--no-input", "--verbosity=0")


@pytest.fixture(autouse=True)
def site(eight: Pool) -> None:
    eight.once(_clean)
    eight.once(_begin)


def _clean() -> None:
    Team.objects.all().delete()
    User.objects.all().delete()


def _begin() -> None:
    cast = assemble()
    CreditAccount.objects.create(team=cast.acme, total=TOTAL)
    site = Site.objects.create(team=cast.acme, name="Blog", url="https://blog.example/")
    Site.objects.create(team=cast.acme, name="Shop", url="https://shop.example/")
    import_keywords(site, ["garden chairs", "garden table"])


def _spend(number: int) -> list[str]:
    """Three credits at a time, as often as it goes; half of the processes work for another site of the team."""
    site = Site.objects.select_related("team").order_by("pk")[number % 2]
    said = []
    for _ in range(TOTAL):
        try:
            with transaction.atomic():
                spend(site, 3)
            said.append("spent")
        except CannotDo as error:
            return [*said, str(error)]
    return said


def _account() -> tuple[int, dict[str, int]]:
    return CreditAccount.objects.get().used, dict(Notification.objects.values_list("slug", "occurrences").order_by())


def test_eight_processes_spend_what_there_is_and_not_more(eight: Pool) -> None:
    said = Counter(line for lines in eight.at_once(_spend) for line in lines)
    used, told = eight.once(_account)
    assert said == {"spent": TOTAL // 3, "3 credits are needed, and 1 are left.": PROCESSES}
    assert used == TOTAL - 1
    assert (told["credits-low"], told.get("credits-depleted")) == (1, None)


def _spend_the_last(number: int) -> str:
    try:
        spend(Site.objects.select_related("team").order_by("pk")[number % 2], 1)
    except CannotDo:
        return "refused"
    return "spent"


def test_the_last_credits_are_told_once(eight: Pool) -> None:
    eight.once(_leave, 5)
    said = Counter(eight.at_once(_spend_the_last))
    used, told = eight.once(_account)
    assert said == {"spent": 5, "refused": 3}
    assert (used, told["credits-depleted"]) == (TOTAL, 1)


def _leave(left: int) -> None:
    CreditAccount.objects.update(used=TOTAL - left)


def _take_the_first_step(number: int) -> bool:
    return steps.take_step(Site.objects.order_by("pk")[0].pk, 0)


def test_eight_workers_with_one_message_do_the_job_once(eight: Pool) -> None:
    eight.at_once(_take_the_first_step)
    used, told = eight.once(_account)
    assert (used, told["ai-cluster-complete"], told.get("ai-cluster-failed")) == (5, 1, None)


def _import(number: int) -> int:
    return import_keywords(Site.objects.select_related("team").order_by("pk")[0], ["solar panels", f"keyword {number}"])


def test_eight_imports_count_each_keyword_once(eight: Pool) -> None:
    assert sum(eight.at_once(_import)) == PROCESSES + 1
    assert eight.once(Keyword.objects.count) == PROCESSES + 3
