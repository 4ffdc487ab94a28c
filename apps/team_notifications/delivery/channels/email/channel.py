"""Hands messages to Django's email backend: SMTP, a provider through Anymail, a file, the console."""

import logging
from types import TracebackType

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from team_notifications.delivery.channels.email.errors import is_connection_lost, translate, was_accepted_before

logger = logging.getLogger(__name__)


class EmailChannel:
    """One connection for many messages, opened with the first and opened anew after it was lost."""

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def __enter__(self) -> "EmailChannel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def send(self, message: EmailMultiAlternatives) -> str:
        """Sends one message, and returns the id that a provider gave it, or nothing.

        Raises ChannelError, permanent or not. Whatever a backend raises is translated: a host may have written it.
        """
        try:
            self._open().send_messages([message])
        except Exception as error:
            if was_accepted_before(error):
                return ""
            if is_connection_lost(error):
                self._close()
            raise translate(error) from error
        status = getattr(message, "anymail_status", None)
        return str(getattr(status, "message_id", None) or "")

    def _open(self) -> BaseEmailBackend:
        if self._connection is None:
            connection: BaseEmailBackend = mail.get_connection(fail_silently=False)
            connection.open()
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # what was sent is sent; a connection that is gone needs no goodbye
                logger.warning("The connection to the mail server did not close.", exc_info=True)
