"""A page in the system's Chromium, on a live server. What the browser complains about fails the test."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from tests import chromium
from tests.cast import Cast, assemble
from users.models import User


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module only: while it runs, this thread has a running event loop, which other tests must not meet."""
    if chromium.executable() is None:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip)(chromium.HOW_TO_GET_IT)
    with pytest.MonkeyPatch.context() as patch, chromium.chromium() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # that loop is Playwright's; our queries block nobody in it
        yield browser


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, because the live server has connections of its own."""
    return assemble()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said was wrong, Content-Security-Policy included. A test takes out what it meant."""
    return []


@pytest.fixture
def new_context(
    browser: Browser, live_server: LiveServer, complaints: list[str]
) -> Iterator[Callable[..., BrowserContext]]:
    contexts: list[BrowserContext] = []

    def new(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=live_server.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(5_000)
        context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def without_javascript(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(java_script_enabled=False).new_page()


@pytest.fixture
def sign_in(client: Client, live_server: LiveServer) -> Callable[[Page, User], None]:
    def sign_in(page: Page, user: User) -> None:
        client.force_login(user)
        page.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
        )

    return sign_in
