"""What the README promises of the demo, from the command to the inbox."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

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
    deadline = monotonic() + WITHIN
    while text not in (shown := page()):
        assert monotonic() < deadline, shown
        Event().wait(0.5)
    return shown


def test_who_can_do_something_about_it_finds_the_thread_and_the_viewer_does_not(address: str) -> None:
    with signed_in(address, "alice") as alice, signed_in(address, "vera") as vera:
        inbox = wait_for("Checkout is down", lambda: alice.get(INBOX).text)
        assert "Answered 503 Service Unavailable." in inbox
        assert "Checkout is down" not in vera.get(INBOX).text


def test_the_admin_finds_kinds_of_three_categories(address: str) -> None:
    with signed_in(address, "alice") as alice:
        for title in ("Garden blog has new keywords", "Your keywords are clustered", "Checkout is down"):
            wait_for(title, lambda: alice.get(INBOX).text)


def test_the_preferences_show_the_kinds_of_all_categories(address: str) -> None:
    with signed_in(address, "alice") as alice:
        page = alice.get(PREFERENCES).text
    for category in ("AI operations", "Workflow", "Sync", "Credits", "Setup", "Monitoring", "Products"):
        assert f"<legend>{category}</legend>" in page
    for label in ("Action down", "New product"):
        assert label in page
