"""What Django's backends and Anymail's are handed, and what of their answers is kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import time_machine
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections
from django.utils import timezone

from team_notifications.delivery import mailings
from team_notifications.models import Delivery, Mailing
from tests.cast import Cast
from tests.crowd import crowd
from tests.smtp_server import MailServer
from tests.web import tell

FOUR = {f"{name}@example.com" for name in ("alice", "bob", "ed", "vera")}
SEPARATOR = b"-" * 79  # between two mails, where Django's backends write them


@pytest.fixture
def message_ids(cast: Cast) -> Iterator[dict[str, str]]:
    """Something happens. In the end each mail was sent, and is the one that was written down."""
    tell(cast.acme, level="error")
    found: dict[str, str] = {}
    yield found
    assert found == dict(Mailing.objects.values_list("address", "message_id"))
    assert set(found) == FOUR
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def read(written: bytes) -> dict[str, str]:
    """Whom each mail is to, and its Message-ID."""
    mails = [message_from_bytes(raw.strip()) for raw in written.split(SEPARATOR) if raw.strip()]
    assert all(mail.get_content_type() == "multipart/alternative" for mail in mails)
    return {mail["To"]: mail["Message-ID"] for mail in mails}


def test_the_console_shows_each_mail(
    message_ids: dict[str, str], settings: Any, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert mailings.deliver() == 4
    message_ids |= read(capsysbinary.readouterr().out)


def test_a_file_has_each_mail(message_ids: dict[str, str], settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    assert mailings.deliver() == 4
    [file] = tmp_path.iterdir()  # of one connection
    message_ids |= read(file.read_bytes())


@pytest.mark.parametrize("size", [3, 30])
def test_one_connection_serves_all_that_is_due(db: None, settings: Any, size: int) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DELIVERY_BATCH": 10}
    tell(crowd(size), level="error")
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        assert mailings.deliver() == size
        assert len(server.received) == size
        assert len(server.connections) == 1


# ---- outside any transaction ----------------------------------------------------------------------------------------


class Looking(EmailBackend):
    """Sees whether a transaction is open while a mail goes out."""

    seen: ClassVar[list[bool]] = []

    def send_messages(self, messages: Any) -> int:
        self.seen.append(any(connection.in_atomic_block for connection in connections.all()))
        return int(super().send_messages(messages))


def test_mail_is_sent_outside_any_transaction(transactional_db: None, cast: Cast, settings: Any) -> None:
    """A mail server that takes its time would hold locks, and what it took could be rolled back."""
    settings.EMAIL_BACKEND = f"{__name__}.Looking"
    Looking.seen.clear()
    tell(cast.acme, level="error")
    assert mailings.deliver() == 4
    assert Looking.seen == [False] * 4


# ---- providers ------------------------------------------------------------------------------------------------------


class Provider(ThreadingHTTPServer):
    """Takes mails as Brevo does: by HTTP, one answer each. Answers with the next of `answers`, None: hangs up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]] | None] = []
        self.mails: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), ProviderAnswer)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a test tells it to hang up."""


class ProviderAnswer(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        self.server.mails.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answer = self.server.answers.pop(0)
        if answer is None:
            return
        body = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    server = Provider()
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    settings.ANYMAIL = {
        "BREVO_API_KEY": "x",
        "BREVO_API_URL": f"http://127.0.0.1:{server.server_address[1]}/",
        "WEBHOOK_SECRET": "x:x",
    }
    with serving(server):
        yield server


def test_the_id_that_a_provider_gives_a_mail_is_kept(cast: Cast, provider: Provider) -> None:
    tell(cast.globex, level="error")
    provider.answers += [(201, {"messageId": f"<{number}@brevo.example>"}) for number in range(2)]
    assert mailings.deliver() == 2
    ids = {mail["to"][0]["email"]: f"<{number}@brevo.example>" for number, mail in enumerate(provider.mails)}
    assert set(ids) == {"bob@example.com", "grace@example.com"}
    assert dict(Mailing.objects.values_list("address", "provider_message_id")) == ids


def test_a_mail_that_a_provider_accepted_before_is_sent(cast: Cast, provider: Provider) -> None:
    """Its first answer was lost. The second try has the same key, and is refused: the mail has gone out."""
    tell(cast.globex, level="error")
    grace = Mailing.objects.filter(address="grace@example.com")
    known = {"code": "duplicate_parameter", "message": "Idempotency key was used before"}
    provider.answers += [None, None]
    assert mailings.deliver() == 0
    assert grace.get().state == Mailing.State.PENDING
    provider.answers += [(400, known), (400, known)]
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert mailings.deliver() == 2
    keys = [mail["headers"]["idempotencyKey"] for mail in provider.mails if mail["to"][0]["email"].startswith("grace")]
    assert keys == [str(grace.get().pk)] * 2
    assert (grace.get().state, grace.get().last_error) == (Mailing.State.SENT, "")
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_any_other_refusal_of_a_provider_is_none(cast: Cast, provider: Provider) -> None:
    tell(cast.globex, level="error")
    provider.answers += [(400, {"code": "invalid_parameter", "message": "email is not valid"})] * 2
    assert mailings.deliver() == 0
    assert set(Delivery.objects.values_list("state", flat=True)) == {"failed"}
