"""What the demo sends can be looked at in the browser, and does nothing there."""

import email
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client

from demo import mail
from tests.web import text

LIST = "/demo/mails/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HTML = "<!doctype html><html><head></head><body><p>Shop <b>is</b> down</p><script>1</script></body></html>"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path / "mails"


def send(subject: str = "Shop is down", to: str = "alice@example.com", html: str = HTML, **fields: Any) -> str:
    """Sends a mail as the module does, and returns its name."""
    before = set(mail.names())
    message = EmailMultiAlternatives(subject, "Shop is <down>.", to=[to], **fields)
    if html:
        message.attach_alternative(html, "text/html")
    assert get_connection("demo.mail.EmailBackend").send_messages([message]) == 1
    (name,) = set(mail.names()) - before
    return name


# ---- keeping --------------------------------------------------------------------------------------------------------


def test_a_mail_is_kept_as_it_would_have_gone(folder: Path) -> None:
    name = send(headers={"Message-ID": "<1@example.com>"})
    kept = email.message_from_bytes((folder / f"{name}.eml").read_bytes())
    assert (kept["To"], kept["Subject"], kept["Message-ID"]) == ("alice@example.com", "Shop is down", "<1@example.com>")
    assert [part.get_content_type() for part in kept.get_payload()] == ["text/plain", "text/html"]
    assert os.listdir(folder) == [f"{name}.eml"]  # and nothing half-written beside it


def test_the_newest_comes_first() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sent = []
        for _ in range(3):
            sent.append(send())
            clock.shift(timedelta(microseconds=1))
    assert mail.names() == sent[::-1]


def test_two_of_the_same_moment_are_both_kept() -> None:
    with time_machine.travel(NOON, tick=False):
        assert len({send(), send()}) == 2


def test_only_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "KEPT", 3)
    sent = [send(to=f"{number}@example.com") for number in range(5)]
    assert mail.names() == sent[:1:-1]


def test_what_somebody_else_put_there_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "KEPT", 1)
    send()
    (folder / "mine.eml").write_text("Subject: kept\n\n")
    send()
    assert len(mail.names()) == 1
    assert (folder / "mine.eml").exists()


# ---- showing --------------------------------------------------------------------------------------------------------


def test_the_list_says_to_whom_what_and_when(client: Client, db: None) -> None:
    send("First <b>", to="alice@example.com")
    name = send("Second", to="ed@example.com")
    page = client.get(LIST)
    assert page.status_code == 200
    said = text(page)
    for expected in ("First <b>", "alice@example.com", "Second", "ed@example.com"):
        assert expected in said
    assert said.index("Second") < said.index("First <b>")
    assert f'href="{LIST}{name}/"' in page.content.decode()


def test_the_list_without_mails_says_so(client: Client, db: None) -> None:
    assert "No mail yet" in text(client.get(LIST))


def test_the_list_is_cut_into_pages(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.mail_views.MAILS_PER_PAGE", 2)
    for number in range(3):
        send(f"Mail {number}")
    first, second = client.get(LIST), client.get(LIST, {"page": 2})
    assert ("Mail 2" in text(first), "Mail 0" in text(first)) == (True, False)
    assert ("Mail 2" in text(second), "Mail 0" in text(second)) == (False, True)


def test_a_mail_shows_its_headers_and_both_parts(client: Client, db: None) -> None:
    name = send(headers={"List-Unsubscribe": "<https://example.com/stop>", "X-Other": "not shown"})
    page = client.get(f"{LIST}{name}/")
    said = text(page)
    for expected in ("Shop is down", "alice@example.com", "<https://example.com/stop>", "Shop is <down>."):
        assert expected in said
    assert "not shown" not in said
    assert f'src="{LIST}{name}/html/" sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.content.decode()
    assert "<script>1</script>" not in page.content.decode()


def test_the_html_part_can_do_nothing(client: Client, db: None) -> None:
    response = client.get(f"{LIST}{send()}/html/")
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response.content.decode() == HTML.replace("<head>", '<head><base target="_blank">')


def test_a_mail_of_text_alone_has_no_html_page(client: Client, db: None) -> None:
    name = send(html="")
    page = client.get(f"{LIST}{name}/")
    assert "iframe" not in page.content.decode()
    assert client.get(f"{LIST}{name}/html/").status_code == 404


def test_other_pages_cannot_be_framed(client: Client, db: None) -> None:
    page = client.get(f"{LIST}{send()}/")
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]


@pytest.mark.parametrize("suffix", ["", "html/"])
@pytest.mark.parametrize(
    "name",
    [
        "20260101-120000000000-0000000a",  # well formed, and not there
        "settings",
        "..",
        "../../db.sqlite3",
        "..%2f..%2fdb.sqlite3",
        "%2e%2e",
        "20260101-120000000000-0000000a.eml",
        "20260101-120000000000-0000000a%0a",
        "20260101-120000000000-0000000a%00",
    ],
)
def test_no_other_file_is_shown(client: Client, db: None, folder: Path, name: str, suffix: str) -> None:
    send()
    (folder / "settings.eml").write_text("Subject: secret\n\n")
    assert client.get(f"{LIST}{name}/{suffix}").status_code == 404


@pytest.mark.parametrize("name", ["../mails/x", "/etc/passwd", "", "20260101-120000000000-0000000a\n"])
def test_a_name_that_is_none_of_ours_is_not_looked_for(name: str) -> None:
    assert mail.read(name) is None


def test_a_mail_that_is_tidied_away_meanwhile_is_left_out(client: Client, db: None, folder: Path) -> None:
    gone, kept = send("Gone"), send("Kept")
    path = folder / f"{gone}.eml"
    path.unlink()
    path.symlink_to(folder / "nowhere")
    assert "Kept" in text(client.get(LIST))
    assert (mail.read(gone), mail.read(kept) is None) == (None, False)


# ---- finding them ---------------------------------------------------------------------------------------------------


def test_the_start_page_leads_to_them(client: Client, db: None) -> None:
    assert f'href="{LIST}"' in client.get("/").content.decode()


def test_without_the_demo_the_start_page_does_not(client: Client, db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.urls_without_demo"
    page = client.get("/")
    assert page.status_code == 200
    assert "mails" not in page.content.decode().lower()
