"""Keeps the demo's mails as files, so that they can be looked at in the browser."""

import os
import re
import secrets
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage as ParsedMessage
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

KEPT = 500
NAME = re.compile(r"\d{8}-\d{12}-[0-9a-f]{8}")  # when it was sent, in UTC and to the microsecond, and chance


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            keep(message.message().as_bytes())
        return len(email_messages)


def keep(content: bytes) -> str:
    """Writes a mail and returns its name. Readers see the whole of it or nothing."""
    name = f"{timezone.now():%Y%m%d-%H%M%S%f}-{secrets.token_hex(4)}"
    with NamedTemporaryFile(dir=_folder(), delete=False) as file:
        file.write(content)
    os.replace(file.name, _path(name))
    for old in names()[KEPT:]:
        _path(old).unlink(missing_ok=True)  # another process may tidy up at the same time
    return name


def names() -> list[str]:
    """All that are kept, the newest first."""
    return sorted((path.stem for path in _folder().glob("*.eml") if NAME.fullmatch(path.stem)), reverse=True)


def read(name: str) -> ParsedMessage | None:
    """The mail of that name; None when there is none, or the name is none that `keep` gives."""
    if not NAME.fullmatch(name):
        return None
    try:
        content = _path(name).read_bytes()
    except FileNotFoundError:
        return None
    return message_from_bytes(content, policy=policy.default)


def _folder() -> Path:
    folder: Path = settings.VAR_DIR / "mails"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(name: str) -> Path:
    return _folder() / f"{name}.eml"
