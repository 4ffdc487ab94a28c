"""What providers post, as they post it (shapes from their documentation), and the posting of it."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from django.test import Client

SECRET = "provider:a-long-secret"
SIGNING_KEY = "mailgun-signing-key"
SETTINGS = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY}

POSTMARK = "/anymail/postmark/tracking/"
MAILGUN = "/anymail/mailgun/tracking/"
BREVO = "/anymail/brevo/tracking/"

AT = datetime(2026, 3, 4, 16, 28, 50, tzinfo=UTC)


def post(client: Client, address: str, payload: Any, secret: str = SECRET) -> HttpResponse:
    headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
    return client.post(address, payload, content_type="application/json", headers=headers)


def postmark(record_type: str, mailing: object = None, **fields: Any) -> dict[str, Any]:
    """``Delivery``, ``Bounce``, ``SpamComplaint`` or ``SubscriptionChange``."""
    times = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}
    return {
        "RecordType": record_type,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "MessageStream": "outbound",
        "Recipient": "alice@example.com",
        "Details": "smtp;250 2.0.0 OK",
        times.get(record_type, "BouncedAt"): AT.isoformat(),
        "Metadata": {"mailing": str(mailing)} if mailing else {},
        **fields,
    }


def hard_bounce(mailing: object, **fields: Any) -> dict[str, Any]:
    return postmark(
        "Bounce",
        mailing,
        ID=901542550,
        Type="HardBounce",
        TypeCode=1,
        Name="Hard bounce",
        Details="smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        Email="alice@example.com",
        Inactive=True,
        **fields,
    )


def soft_bounce(mailing: object) -> dict[str, Any]:
    return {**hard_bounce(mailing), "Type": "SoftBounce", "TypeCode": 4096, "Name": "Soft bounce", "Inactive": False}


def complaint(mailing: object) -> dict[str, Any]:
    return postmark("SpamComplaint", mailing, Type="SpamComplaint", TypeCode=512, Email="alice@example.com")


def unsubscribe(mailing: object) -> dict[str, Any]:
    change = {"Origin": "Recipient", "SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    return postmark("SubscriptionChange", mailing, **change)


def delivered(mailing: object = None, **fields: Any) -> dict[str, Any]:
    return postmark("Delivery", mailing, **fields)


def mailgun(event: str, mailing: object, **fields: Any) -> dict[str, Any]:
    """``delivered``, ``failed``, ``complained`` or ``unsubscribed``, signed."""
    token, timestamp = "651869375b9df3c98fc15c4889b102119add1235c38fc92824", str(int(AT.timestamp()))
    signature = hmac.new(SIGNING_KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": event,
            "id": "hTWCTD81RtiDN-",
            "timestamp": AT.timestamp(),
            "recipient": "alice@example.com",
            "user-variables": {"mailing": str(mailing)},
            "message": {"headers": {"to": "alice@example.com", "message-id": "20180812211713.1.DF59@example.org"}},
            "delivery-status": {"code": 250, "message": "OK", "attempt-no": 1},
            **fields,
        },
    }


def brevo(event: str, mailing: object) -> dict[str, Any]:
    return {
        "event": event,
        "email": "alice@example.com",
        "id": 1,
        "message-id": "<201803011737.39574@smtp-relay.example.com>",
        "ts_epoch": int(AT.timestamp() * 1000),
        "X-Mailin-custom": f'{{"mailing": "{mailing}"}}',
    }
