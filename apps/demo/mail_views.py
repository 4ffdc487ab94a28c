"""The mails of the demo in the browser. Whoever opens the demo may read them all: its passwords are printed as well."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from demo import mail

MAILS_PER_PAGE = 50
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To")

# Nothing that a mail says is run or fetched. Its links open a window of their own: the site's pages refuse frames.
OF_A_MAIL = {
    "default-src": [NONE],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    page = Paginator(mail.names(), MAILS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [_row(name, message) for name in page if (message := mail.read(name))]
    return render(request, "demo/mails.html", {"page": page, "mails": rows})


@require_safe
def mail_page(request: HttpRequest, name: str) -> HttpResponse:
    message = _mail_or_404(name)
    headers = [(key, value) for key, value in message.items() if key in HEADERS or key.startswith("List-")]
    parts = {"text": _part(message, "plain"), "html": _part(message, "html")}
    return render(request, "demo/mail.html", {**_row(name, message), **parts, "headers": headers})


@require_safe
@xframe_options_sameorigin
@csp(OF_A_MAIL)  # type: ignore[arg-type]  # its type knows of views without arguments only
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    html = _part(_mail_or_404(name), "html")
    if not html:
        raise Http404(f"The mail {name} has no HTML part.")
    return HttpResponse(re.sub(r"<head[^>]*>", r'\g<0><base target="_blank">', html, count=1))


def _mail_or_404(name: str) -> EmailMessage:
    message = mail.read(name)
    if message is None:
        raise Http404(f"There is no mail {name}.")
    return message


def _row(name: str, message: EmailMessage) -> dict[str, Any]:
    sent_at = datetime.strptime(name[:21], "%Y%m%d-%H%M%S%f").replace(tzinfo=UTC)
    return {"name": name, "sent_at": sent_at, "to": message["To"], "subject": message["Subject"]}


def _part(message: EmailMessage, kind: str) -> str:
    """The text of the first part of a kind, ``plain`` or ``html``; empty when there is none."""
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
