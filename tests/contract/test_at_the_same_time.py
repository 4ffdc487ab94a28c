"""Several processes and one thread: nothing is lost, nothing is doubled, nothing deadlocks."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from team_notifications import inbox
from team_notifications.delivery.channels.email.unsubscribe import Subscription
from team_notifications.kind_preferences import choose_channels_of_kinds
from team_notifications.models import KindPreference, Notification, Occurrence, Preference, UserNotification
from team_notifications.notify import create_notification, notify_user
from teams.models import Team
from tests.cast import assemble
from tests.processes import Pool, pool
from users.models import User

PROCESSES, ROUNDS = 8, 50

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
def people(eight: Pool) -> None:
    eight.once(_clean)
    eight.once(assemble)


def _clean() -> None:
    Team.objects.all().delete()
    User.objects.all().delete()


def _report(number: int, round_number: int, once: bool = False) -> str:
    """Reports the event of this round, and returns the error if there is one."""
    try:
        create_notification(
            team=Team.objects.get(slug="acme"),
            slug="server-down",
            title=f"From process {number}",
            event_data={"round": round_number},
            once=once,
        )
    except Exception as error:  # noqa: BLE001  (whatever it is, the test prints it)
        return f"{type(error).__name__}: {error}"
    return ""


def _tally() -> dict[str, Counter[Any]]:
    return {
        "occurrences": Counter(Notification.objects.values_list("occurrences", flat=True)),
        "history": Counter(Occurrence.objects.values_list("notification", flat=True).order_by()),
        "revisions": Counter(UserNotification.objects.values_list("revision", flat=True)),
        "rows": Counter(UserNotification.objects.values_list("notification", flat=True)),
    }


def test_eight_processes_report_the_same_event_fifty_times_over(eight: Pool) -> None:
    errors = [error for round_number in range(ROUNDS) for error in eight.at_once(_report, round_number) if error]
    tally = eight.once(_tally)
    assert errors == []
    assert tally["occurrences"] == {PROCESSES: ROUNDS}  # one thread for each round, which counted all eight
    assert set(tally["history"].values()) == {PROCESSES}
    assert set(tally["rows"].values()) == {4}  # one row for each member of Acme
    assert tally["revisions"] == {1: 4 * ROUNDS}  # each of them notified once


def test_eight_processes_announce_once(eight: Pool) -> None:
    errors = [error for round_number in range(10) for error in eight.at_once(_report, round_number, True) if error]
    tally = eight.once(_tally)
    assert errors == []
    assert tally["occurrences"] == {1: 10}
    assert tally["revisions"] == {1: 40}


def _read_or_report(number: int) -> dict[int, int]:
    """One process reports; the others are readers, who say what they saw. They share Acme's four inboxes."""
    if number == 0:
        assert _report(number, 0) == ""
        return {}
    shown = inbox.page(inbox.visible_to(User.objects.order_by("pk")[number % 4])).rows
    seen = {row.pk: row.notification.occurrences for row in shown}
    inbox.mark_read(UserNotification.objects.filter(pk__in=seen), seen=seen)
    return seen


def _read_rows() -> dict[int, int]:
    """Key and occurrences of the rows that are read now."""
    return dict(UserNotification.objects.filter(is_read=True).values_list("pk", "notification__occurrences"))


def test_what_readers_did_not_see_stays_unread(eight: Pool) -> None:
    read = 0
    for _ in range(ROUNDS):
        seen: Counter[int] = Counter()
        for reader in eight.at_once(_read_or_report):
            seen |= Counter(reader)  # the most that any reader of the row saw
        for key, occurrences in eight.once(_read_rows).items():
            assert seen[key] == occurrences
            read += 1
    assert read > 0  # or nothing was tried


def _notify_once(number: int, round_number: int, place: str) -> str:
    """One process tells a member of Acme about the source of this round. What it says is the key of the row, or not."""
    try:
        row = notify_user(
            User.objects.get(email="vera@example.com"),
            f"From process {number}",
            source_app="content",
            source_model="article",
            source_id=str(round_number),
            deduplicate=True,
            team=Team.objects.get(slug="acme") if place == "team" else None,
        )
    except Exception as error:  # noqa: BLE001  (whatever it is, the test prints it)
        return f"{type(error).__name__}: {error}"
    return str(row and row.pk)


def _notices() -> Counter[str]:
    return Counter(UserNotification.objects.values_list("notification__source_id", flat=True).order_by())


@pytest.mark.parametrize("place", ["personal", "team"])
def test_of_eight_notices_about_one_source_one_is_written(eight: Pool, place: str) -> None:
    for round_number in range(20):
        said = Counter(eight.at_once(_notify_once, round_number, place))
        assert said["None"] == PROCESSES - 1, said
    assert eight.once(_notices) == {str(round_number): 1 for round_number in range(20)}


def _stop_mail(number: int, round_number: int) -> str:
    """The mail program of one member posts to the link in a mail of this round."""
    user = User.objects.order_by("pk")[round_number % 4]
    try:
        Subscription(user=user, team=Team.objects.get(slug="acme")).stop()
    except Exception as error:  # noqa: BLE001  (whatever it is, the test prints it)
        return f"{type(error).__name__}: {error}"
    return ""


def _take_choices() -> list[bool | None]:
    chosen = list(Preference.objects.values_list("email_enabled", flat=True))
    Preference.objects.all().delete()
    return chosen


def test_eight_clicks_stop_mail_once(eight: Pool) -> None:
    for round_number in range(ROUNDS):
        assert set(eight.at_once(_stop_mail, round_number)) == {""}
        assert eight.once(_take_choices) == [False]


def _choose_by_kind(number: int, round_number: int) -> str:
    """One member saves the same page in every process, in each with another choice."""
    user = User.objects.order_by("pk")[round_number % 4]
    channels = ["email"] if number % 2 else []
    try:
        choose_channels_of_kinds(user, {"custom-action-down": channels, "custom-action-slow": channels})
    except Exception as error:  # noqa: BLE001  (whatever it is, the test prints it)
        return f"{type(error).__name__}: {error}"
    return ""


def _take_kind_choices() -> list[frozenset[str]]:
    chosen = [row.channels for row in KindPreference.objects.all()]
    KindPreference.objects.all().delete()
    return chosen


def test_of_eight_choices_by_kind_one_is_kept_whole(eight: Pool) -> None:
    for round_number in range(20):
        assert set(eight.at_once(_choose_by_kind, round_number)) == {""}
        down, slow = eight.once(_take_kind_choices)
        assert down == slow
