"""A real mail server on this machine, which can be told to misbehave."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_port

Answer = str | None


@dataclass
class Received:
    """A mail that the server accepted."""

    to: str
    message: Message


class MailServer:
    """Keeps what it accepts in `received`. Set `on_recipient` or `on_data` to answer otherwise; None: accept."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.connections: set[Any] = set()  # over which somebody was to get a mail
        self.on_recipient: Callable[[str], Answer] = lambda address: None
        self.on_data: Callable[[str], Answer] = lambda address: None
        self.stall = 0.0  # seconds before the answer to DATA
        self.drop_after_data: set[str] = set()  # accepts, and closes the connection without an answer
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def accepted(self) -> list[str]:
        """Whom it has mail for, in order of the alphabet."""
        return sorted(mail.to.partition("@")[0] for mail in self.received)

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections.add(session.peer)
        if answer := self.on_recipient(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        [to] = envelope.rcpt_tos
        if answer := self.on_data(to):
            return answer
        if self.stall:
            await asyncio.sleep(self.stall)
            return "451 too slow"
        assert isinstance(envelope.content, bytes)
        self.received.append(Received(to, message_from_bytes(envelope.content)))
        if to in self.drop_after_data:
            self.drop_after_data.discard(to)
            assert server.transport is not None
            server.transport.close()
        return "250 OK"
