"""What the README promises of the demo, from the command to the inbox."""

import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.demo_process import PATIENCE, end_all, read_until, run_demo, running
from tests.ports import free_port

pytestmark = pytest.mark.once

WITHIN = 90  # seconds; the endpoint is down for the first half of each minute
INBOX = "/notifications/"
PREFERENCES = "/notifications/preferences/"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a demo of our own is. It is stopped as Ctrl-C does, and leaves nothing."""
    port = free_port()
    demo = run_demo(tmp_path, "--port", str(port))
    try:
        read_until(demo, "sue@example.com")
        yield f"http://127.0.0.1:{port}"
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, errors) == (0, "")
        assert running(tmp_path) == []
    finally:
        end_all(tmp_path)
        demo.communicate()


@contextmanager
def signed_in(address: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, follow_redirects=True) as client:
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/sign-in/").text)
        values = {"username": f"{name}@example.com", "password": "demo", "csrfmiddlewaretoken": token}
        assert "Sign out" in client.post("/sign-in/", data=values).text
        yield client


def wait_for(text: str, page: Callable[[], str]) -> str:
    """The page once it shows `text`."""
    wait_until(lambda: text in page(), page)
    return page()


def wait_until(it_is_so: Callable[[], Any], shown: Callable[[], Any]) -> None:
    deadline = monotonic() + WITHIN
    while not it_is_so():
        assert monotonic() < deadline, shown()
        Event().wait(0.5)


def test_who_can_do_something_about_it_finds_the_thread_and_the_viewer_does_not(address: str) -> None:
    with signed_in(address, "alice") as alice, signed_in(address, "vera") as vera:
        inbox = wait_for("Checkout is down", lambda: alice.get(INBOX).text)
        assert "Answered 503 Service Unavailable." in inbox
        assert "Checkout is down" not in vera.get(INBOX).text


def test_the_admin_finds_kinds_of_three_categories(address: str) -> None:
    with signed_in(address, "alice") as alice:
        for title in ("Garden blog has new keywords", "Your keywords are clustered", "Checkout is down"):
            wait_for(title, lambda: alice.get(INBOX).text)


# ---- by email -------------------------------------------------------------------------------------------------------


def mails(folder: Path, name: str, about: str) -> list[EmailMessage]:
    """Those that a member of Acme got, from the first to the last, in which `about` stands."""
    found = (
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("mails/*.eml"))
    )
    return [
        mail
        for mail in found
        if isinstance(mail, EmailMessage)
        and mail["To"] == f"{name}@example.com"
        and mail["From"].addresses[0].display_name.startswith("Acme ")
        and about in (part.get_content() if (part := mail.get_body(("plain",))) else "")
    ]


def in_database(folder: Path, statement: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(folder / "db.sqlite3", timeout=PATIENCE)) as database, database:
        return database.execute(statement, values).fetchall()


OWED = """
SELECT delivery.id, delivery.created_at, delivery.due_at FROM team_notifications_delivery AS delivery
JOIN users_user AS member ON member.id = delivery.user_id
JOIN teams_team AS team ON team.id = delivery.team_id
JOIN team_notifications_usernotification AS line ON line.id = delivery.user_notification_id
JOIN team_notifications_notification AS thread ON thread.id = line.notification_id
WHERE member.email = ? AND team.slug = 'acme' AND thread.title = ? ORDER BY delivery.id
"""
AN_HOUR_AGO = "UPDATE team_notifications_delivery SET created_at = ?, due_at = ? WHERE id = ? AND state = 'pending'"


def owed(folder: Path, name: str, title: str) -> list[Any]:
    return in_database(folder, OWED, f"{name}@example.com", title)


def held_for_the_digest(folder: Path) -> tuple[Any, datetime]:
    """What Ed is owed once a worker has looked at it: he wants his mail every hour."""

    def looked_at() -> list[Any]:
        return [row for row in owed(folder, "ed", "Search is slow") if row[1] != row[2]]

    wait_until(looked_at, lambda: owed(folder, "ed", "Search is slow"))
    key, created_at, due_at = looked_at()[0]
    happened, due = datetime.fromisoformat(created_at), datetime.fromisoformat(due_at)
    assert happened < due <= happened + timedelta(hours=1)
    assert (due.minute, due.second) == (0, 0)
    return key, happened


def test_a_failing_endpoint_is_mailed_at_once_or_in_the_digest_until_the_mail_is_stopped(
    address: str, tmp_path: Path
) -> None:
    wait_until(lambda: mails(tmp_path, "alice", "Checkout is down"), lambda: sorted(tmp_path.glob("mails/*")))

    # The warning waits for Ed's full hour. Nobody waits for that here: it is put an hour back, when it happened too.
    key, happened = held_for_the_digest(tmp_path)
    an_hour_ago = str(happened - timedelta(hours=1))
    in_database(tmp_path, AN_HOUR_AGO, an_hour_ago, an_hour_ago, key)
    wait_until(lambda: mails(tmp_path, "ed", "Search is slow"), lambda: owed(tmp_path, "ed", "Search is slow"))
    assert "every hour, errors at once" in str(mails(tmp_path, "ed", "Search is slow")[0])

    # One click, as a mail program does it: without cookies.
    last = mails(tmp_path, "alice", "Checkout is down")[-1]
    assert last["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = last["List-Unsubscribe"].strip(" <>")
    assert link.startswith(f"{address}/")
    assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    before = len(mails(tmp_path, "alice", ""))
    owed_before = owed(tmp_path, "alice", "Checkout is down")
    eds_before = len(mails(tmp_path, "ed", "Checkout is down"))

    # It fails again: Ed hears of it, and Alice does not.
    wait_until(
        lambda: len(mails(tmp_path, "ed", "Checkout is down")) > eds_before,
        lambda: owed(tmp_path, "ed", "Checkout is down"),
    )
    assert owed(tmp_path, "alice", "Checkout is down") == owed_before
    assert len(mails(tmp_path, "alice", "")) == before


def test_the_preferences_show_the_kinds_of_all_categories(address: str) -> None:
    with signed_in(address, "alice") as alice:
        page = alice.get(PREFERENCES).text
    for category in ("AI operations", "Workflow", "Sync", "Credits", "Setup", "Monitoring", "Products"):
        assert f"<legend>{category}</legend>" in page
    for label in ("Action down", "New product"):
        assert label in page
