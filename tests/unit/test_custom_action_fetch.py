"""One endpoint is asked, over real sockets. Whatever it does, an outcome comes back and in time."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from time import monotonic

import pytest

import custom_actions.fetch
from custom_actions.fetch import MAX_BODY_BYTES, Outcome, fetch
from tests.endpoint_server import Server

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl command to make a certificate"
)

SHORT = 0.3  # seconds, for endpoints that must run into the timeout
LONG = 20.0


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: pytest.FixtureRequest) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


def ask(url: str, timeout: float = LONG) -> Outcome:
    return asyncio.run(fetch(url, timeout=timeout))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_up(endpoint: Server, status: int) -> None:
    outcome = ask(endpoint.url(f"/{status}"))
    assert (outcome.is_up, outcome.status_code, outcome.reason) == (True, status, "")
    assert endpoint.requests == [f"/{status}"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "Answered 404 Not Found."),
        (500, "Answered 500 Internal Server Error."),
        (503, "Answered 503 Service Unavailable."),
        (599, "Answered 599."),
    ],
)
def test_an_error_is_down_and_says_which(endpoint: Server, status: int, reason: str) -> None:
    outcome = ask(endpoint.url(f"/{status}"))
    assert (outcome.is_up, outcome.status_code, outcome.reason) == (False, status, reason)


@pytest.mark.parametrize(
    "location", ["/200", "http://xn--/", "http://[", "javascript:alert(1)", "//", "http://a:99999/"]
)
def test_a_redirect_is_down_and_not_followed(endpoint: Server, location: str) -> None:
    outcome = ask(endpoint.url(f"/302?{location}"))
    assert not outcome.is_up
    assert outcome.reason
    assert endpoint.requests == [f"/302?{location}"]


def test_a_redirect_says_that_it_is_one(endpoint: Server) -> None:
    outcome = ask(endpoint.url("/302?/200"))
    assert (outcome.status_code, outcome.reason) == (302, "Answered 302 Found; redirects are not followed.")


@pytest.mark.parametrize("path", ["/silent", "/drip", "/drip-headers"])
def test_the_timeout_is_for_the_whole_answer(endpoint: Server, path: str) -> None:
    started = monotonic()
    outcome = ask(endpoint.url(path), timeout=SHORT)
    assert outcome.reason == "No complete answer within 0.3 s."
    assert not outcome.is_up
    assert outcome.duration_ms >= SHORT * 1000
    assert monotonic() - started < LONG / 2


def test_a_body_without_an_end_is_read_only_so_far(endpoint: Server) -> None:
    outcome = ask(endpoint.url("/endless"))
    assert (outcome.is_up, outcome.status_code) == (True, 200)
    assert MAX_BODY_BYTES == 65_536


@pytest.mark.parametrize("path", ["/garbage", "/hang-up"])
def test_what_is_no_http_is_down(endpoint: Server, path: str) -> None:
    outcome = ask(endpoint.url(path))
    assert not outcome.is_up
    assert outcome.status_code is None
    assert outcome.reason.startswith("No answer: ")


def test_a_refused_connection_is_down() -> None:
    with Server() as server:
        url = server.url()
    outcome = ask(url)
    assert (outcome.is_up, outcome.reason) == (False, "No answer: All connection attempts failed")


def test_a_name_that_does_not_exist_is_down() -> None:
    outcome = ask("http://nobody.invalid/")
    assert not outcome.is_up
    assert outcome.reason.startswith("No answer: ")


def test_https_on_a_plain_port_is_down(endpoint: Server) -> None:
    outcome = ask(endpoint.url(scheme="https"))
    assert not outcome.is_up
    assert "SSL" in outcome.reason
    assert endpoint.requests == []


def self_signed(folder: Path, name: str) -> Path:
    certificate = folder / "self-signed.pem"
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
    files = ["-keyout", str(certificate), "-out", str(certificate)]
    subprocess.run(["openssl", *request, *names, *files], check=True, capture_output=True)
    return certificate


@needs_openssl
@pytest.mark.parametrize(("name", "is_up"), [("localhost", True), ("shop.example", False)])
def test_a_certificate_has_to_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_up: bool
) -> None:
    certificate = self_signed(tmp_path, f"DNS:{name}")
    trust = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(custom_actions.fetch, "_tls", lambda: trust)
    with Server(certificate=certificate) as server:
        outcome = ask(f"https://localhost:{server.port}/")
    assert (outcome.is_up, "not valid for 'localhost'" in outcome.reason) == (is_up, not is_up)


@needs_openssl
def test_a_certificate_that_nobody_vouches_for_is_down(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "IP:127.0.0.1")
    with Server(certificate=certificate) as server:
        outcome = ask(server.url(scheme="https"))
        assert server.requests == []
    assert not outcome.is_up
    assert "self-signed certificate" in outcome.reason or "self signed certificate" in outcome.reason


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://", "not a url", ""])
def test_a_url_that_is_no_endpoint_is_down_and_not_asked(url: str) -> None:
    outcome = ask(url)
    assert not outcome.is_up
    assert "secret" not in outcome.reason
