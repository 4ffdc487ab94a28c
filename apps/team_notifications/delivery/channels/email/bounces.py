"""Which bounces are for good.

Anymail calls a bounce what each provider calls a bounce, and several of them mean by it also a full mailbox or a server
that was away for a day. Here stands where each says so in its own payload, which Anymail hands on.
"""

from collections.abc import Mapping
from typing import Any

from anymail.signals import EventType, RejectReason

# What is wrong is the address, and will be the next time: what happened, and the reason that Anymail found. None is a
# provider that gives no reasons. The others are about the mail or its sender: blocked, timed out, taken for spam.
FOR_GOOD = {
    (EventType.BOUNCED, None),
    (EventType.BOUNCED, RejectReason.BOUNCED),
    (EventType.BOUNCED, RejectReason.INVALID),
    (EventType.REJECTED, RejectReason.BOUNCED),  # the provider remembers that it bounced before
    (EventType.REJECTED, RejectReason.INVALID),
}

# Where a provider says how serious it is, and what means that it may pass. Mailgun, Mailtrap and Unisender Go are not
# here: their passing ones are Anymail's `deferred`.
PASSING: dict[str, tuple[str, set[Any]]] = {
    "Amazon SES": ("bounce.bounceType", {"Transient", "Undetermined"}),
    "Brevo": ("event", {"soft_bounce"}),
    "MailerSend": ("data.type", {"soft_bounced"}),
    "Mailjet": ("hard_bounce", {False}),
    "Mandrill": ("event", {"soft_bounce"}),
    "Postmark": ("Type", {"SoftBounce"}),
    "Resend": ("data.bounce.type", {"Transient", "Temporary", "Undetermined"}),
    "SendGrid": ("type", {"blocked"}),
    "SendinBlue": ("event", {"soft_bounce"}),
    "SparkPost": ("msys.message_event.bounce_class", {"20", "21", "22", "23", "24", "40", "70"}),
}


def may_pass(event: Any, provider: str) -> bool:
    """Whether mail may still arrive, now or another day: a soft bounce, or a server that asked to try later."""
    if event.event_type == EventType.DEFERRED:
        return True
    path, passing = PASSING.get(provider, ("", set()))
    return event.event_type == EventType.BOUNCED and _at(event.esp_event, path) in passing


def is_for_good(event: Any) -> bool:
    """Whether this bounce, which does not pass, will be repeated for each mail to the same address."""
    return (event.event_type, event.reject_reason) in FOR_GOOD


def is_old_complaint(event: Any) -> bool:
    """Whether the provider did not even try, because somebody at this address complained of an earlier mail."""
    return (event.event_type, event.reject_reason) == (EventType.REJECTED, RejectReason.SPAM)


def _at(payload: Any, path: str) -> Any:
    """The value at ``a.b.c`` of a payload; None where there is none, or something else than a plain value."""
    for key in path.split("."):
        payload = payload.get(key) if isinstance(payload, Mapping) else None
    return payload if isinstance(payload, str | bool) else None
