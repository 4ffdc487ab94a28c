"""A mail of the demo is shown as a mail program would: its links work, and its scripts and pictures do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from playwright.sync_api import BrowserContext, expect

from tests.browser.test_accessibility import violations
from tests.cast import Cast

HTML = """<!doctype html><html lang="en"><head><title>Mail</title><style>p { color: rgb(1, 2, 3) }</style></head><body>
<main><h1>Shop is down</h1><p>Answered 503.</p><a href="LINK">Open it</a></main>
<script>document.querySelector("p").textContent = "a script ran"</script>
<img src="https://tracker.example/1.gif" alt="Picture"></body></html>"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_is_looked_at(
    new_context: Callable[..., BrowserContext],
    cast: Cast,
    live_server: Any,
    settings: Any,
    tmp_path: Path,
    scheme: str,
    complaints: list[str],
) -> None:
    settings.VAR_DIR = tmp_path
    message = EmailMultiAlternatives("Shop is down", "Answered 503.", to=["alice@example.com"])
    message.attach_alternative(HTML.replace("LINK", f"{live_server.url}/sign-in/"), "text/html")
    get_connection("demo.mail.EmailBackend").send_messages([message])
    page = new_context(color_scheme=scheme).new_page()
    page.goto("/")
    page.get_by_role("link", name="Mails of the demo").click()
    assert violations(page) == []
    page.get_by_role("link", name="Shop is down").click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_text("Answered 503.")).to_have_css("color", "rgb(1, 2, 3)")
    assert violations(page) == []
    with page.expect_popup() as opened:
        mail.get_by_role("link", name="Open it").click()
    expect(opened.value.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shop is down")
    assert len(complaints) == 2, complaints  # the script and the picture, refused
    complaints.clear()
