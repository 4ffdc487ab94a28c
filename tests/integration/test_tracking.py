"""Providers report through Anymail's own webhooks; the payloads are theirs."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core.checks import run_checks
from django.test import Client
from django.utils.datastructures import MultiValueDict

from config import settings as project
from team_notifications import preferences
from team_notifications.delivery.channels.email.suppression import lift
from team_notifications.models import Mailing, Preference, Suppression
from tests import webhooks
from tests.cast import Cast
from tests.webhooks import BREVO, MAILGUN, POSTMARK, post

Status = Mailing.ProviderStatus


@pytest.fixture(autouse=True)
def webhooks_are_open(settings: Any) -> None:
    settings.ANYMAIL = webhooks.SETTINGS


@pytest.fixture
def mailing(cast: Cast) -> Mailing:
    """One that was just handed over: that it was sent is not written down yet."""
    key = uuid.uuid4()
    return Mailing.objects.create(
        pk=key,
        user=cast.alice,
        team=cast.acme,
        address="Alice@example.com",
        kind=Mailing.Kind.INSTANT,
        message_id=f"<{key}@example.com>",
    )


def status(mailing: Mailing) -> str:
    mailing.refresh_from_db()
    return mailing.provider_status


def emailing(cast: Cast) -> bool | None:
    return Preference.objects.filter(user=cast.alice, team=cast.acme).values_list("email_enabled", flat=True).first()


# ---- who may report -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "provider:guessed", "somebody:a-long-secret"])
@pytest.mark.parametrize("address", [POSTMARK, MAILGUN, BREVO])
def test_without_the_secret_nothing_is_believed(client: Client, mailing: Mailing, secret: str, address: str) -> None:
    payloads = {
        POSTMARK: webhooks.complaint(mailing.pk),
        MAILGUN: webhooks.mailgun("complained", mailing.pk),
        BREVO: webhooks.brevo("spam", mailing.pk),
    }
    assert post(client, address, payloads[address], secret).status_code == 400
    assert status(mailing) == ""
    assert not Suppression.objects.exists()
    assert post(client, address, payloads[address]).status_code == 200  # with it, it would have been
    assert status(mailing) == Status.COMPLAINED


def test_a_forged_signature_is_refused(client: Client, mailing: Mailing) -> None:
    forged = webhooks.mailgun("complained", mailing.pk)
    forged["signature"]["signature"] = "0" * 64
    assert post(client, MAILGUN, forged).status_code == 400
    assert status(mailing) == ""


def test_a_project_without_a_provider_keeps_its_webhooks_shut(client: Client, settings: Any, mailing: Mailing) -> None:
    settings.ANYMAIL = project.ANYMAIL
    assert settings.ANYMAIL["WEBHOOK_SECRET"].startswith("nobody:")
    assert post(client, POSTMARK, webhooks.complaint(mailing.pk)).status_code == 400


@pytest.mark.parametrize("anymail", [{}, {"WEBHOOK_SECRET": ""}, {"POSTMARK_SERVER_TOKEN": "token"}])
def test_webhooks_without_a_secret_stop_the_start(settings: Any, anymail: dict[str, str]) -> None:
    settings.ANYMAIL = anymail
    assert [message.id for message in run_checks()] == ["team_notifications.E007"]


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        ("anymail.backends.postmark.EmailBackend", ["team_notifications.E007"]),
        ("django.core.mail.backends.smtp.EmailBackend", []),
    ],
)
def test_without_webhooks_a_provider_alone_asks_for_a_secret(settings: Any, backend: str, found: list[str]) -> None:
    settings.ROOT_URLCONF = "team_notifications.web.urls"
    settings.ANYMAIL, settings.EMAIL_BACKEND = {}, backend
    assert [message.id for message in run_checks() if message.id == "team_notifications.E007"] == found


# ---- what is reported -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "payload", "expected"),
    [
        (POSTMARK, webhooks.delivered, Status.DELIVERED),
        (POSTMARK, webhooks.hard_bounce, Status.BOUNCED),
        (POSTMARK, webhooks.complaint, Status.COMPLAINED),
        (POSTMARK, webhooks.unsubscribe, Status.UNSUBSCRIBED),
        (MAILGUN, lambda pk: webhooks.mailgun("delivered", pk), Status.DELIVERED),
        (MAILGUN, lambda pk: webhooks.mailgun("failed", pk, severity="permanent", reason="bounce"), Status.BOUNCED),
        (MAILGUN, lambda pk: webhooks.mailgun("complained", pk), Status.COMPLAINED),
        (MAILGUN, lambda pk: webhooks.mailgun("unsubscribed", pk), Status.UNSUBSCRIBED),
        (BREVO, lambda pk: webhooks.brevo("hard_bounce", pk), Status.BOUNCED),
    ],
)
def test_the_mailing_says_what_became_of_it(
    client: Client, cast: Cast, mailing: Mailing, address: str, payload: Any, expected: str
) -> None:
    for _ in range(2):  # providers report twice
        assert post(client, address, payload(mailing.pk)).status_code == 200
    assert status(mailing) == expected
    assert mailing.provider_event == payload(mailing.pk)
    assert mailing.state == Mailing.State.PENDING  # which is for the sender to write down
    suppressed = [("alice@example.com", expected, webhooks.AT)] if expected in {"bounced", "complained"} else []
    assert list(Suppression.objects.values_list("address", "reason", "at")) == suppressed
    assert emailing(cast) == (False if expected == Status.UNSUBSCRIBED else None)


def test_in_whatever_order_events_come_the_gravest_stays(client: Client, cast: Cast, mailing: Mailing) -> None:
    payloads = [webhooks.delivered, webhooks.hard_bounce, webhooks.unsubscribe, webhooks.complaint]
    for order in permutations(payloads):
        Mailing.objects.update(provider_status="", provider_event=None)
        Suppression.objects.all().delete()
        Preference.objects.all().delete()
        for payload in order:
            assert post(client, POSTMARK, payload(mailing.pk)).status_code == 200
        assert status(mailing) == Status.COMPLAINED
        assert mailing.provider_event["RecordType"] == "SpamComplaint"
        assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINED
        assert emailing(cast) is False


def test_a_mailing_is_found_by_the_id_that_the_provider_gave_it(client: Client, mailing: Mailing) -> None:
    Mailing.objects.update(provider_message_id="883953f4-6105-42a2-a16a-77a8eac79483")
    assert post(client, POSTMARK, webhooks.delivered()).status_code == 200
    assert status(mailing) == Status.DELIVERED


def test_a_mailing_is_found_by_its_message_id(client: Client, mailing: Mailing) -> None:
    assert post(client, POSTMARK, webhooks.delivered(MessageID=mailing.message_id)).status_code == 200
    assert status(mailing) == Status.DELIVERED


def test_the_event_of_one_mailing_leaves_the_others_alone(client: Client, cast: Cast, mailing: Mailing) -> None:
    other = Mailing.objects.create(user=cast.alice, team=cast.acme, kind=Mailing.Kind.DIGEST, message_id="<other>")
    post(client, POSTMARK, webhooks.delivered(mailing.pk))
    assert (status(mailing), status(other)) == (Status.DELIVERED, "")


# ---- bounces that pass ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "payload"),
    [
        (POSTMARK, webhooks.soft_bounce),
        (POSTMARK, lambda pk: {**webhooks.hard_bounce(pk), "Type": "Transient"}),
        (MAILGUN, lambda pk: webhooks.mailgun("failed", pk, severity="temporary", reason="generic")),
        (BREVO, lambda pk: webhooks.brevo("soft_bounce", pk)),
    ],
)
def test_what_may_pass_suppresses_nothing(client: Client, mailing: Mailing, address: str, payload: Any) -> None:
    post(client, address, payload(mailing.pk))
    assert status(mailing) == ""
    assert mailing.provider_event == payload(mailing.pk)
    assert not Suppression.objects.exists()
    post(client, POSTMARK, webhooks.hard_bounce(mailing.pk))  # and then it did not
    assert status(mailing) == Status.BOUNCED
    assert Suppression.objects.exists()


def test_what_may_pass_does_not_take_back_what_is_known(client: Client, mailing: Mailing) -> None:
    post(client, POSTMARK, webhooks.delivered(mailing.pk))
    post(client, POSTMARK, webhooks.soft_bounce(mailing.pk))
    assert status(mailing) == Status.DELIVERED
    assert mailing.provider_event["RecordType"] == "Delivery"


@pytest.mark.parametrize(
    ("provider", "payload", "is_suppressed"),
    [
        ("Amazon SES", {"bounce": {"bounceType": "Permanent"}}, True),
        ("Amazon SES", {"bounce": {"bounceType": "Transient"}}, False),
        ("MailerSend", {"data": {"type": "hard_bounced"}}, True),
        ("MailerSend", {"data": {"type": "soft_bounced"}}, False),
        ("Mailjet", {"event": "bounce", "hard_bounce": True}, True),
        ("Mailjet", {"event": "bounce", "hard_bounce": False}, False),
        ("Mandrill", {"event": "hard_bounce"}, True),
        ("Mandrill", {"event": "soft_bounce"}, False),
        ("Resend", {"data": {"bounce": {"type": "Permanent", "subType": "General"}}}, True),
        ("Resend", {"data": {"bounce": {"type": "Transient", "subType": "MailboxFull"}}}, False),
        ("SendGrid", {"event": "bounce", "type": "bounce"}, True),
        ("SendGrid", {"event": "bounce", "type": "blocked"}, False),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "10"}}}, True),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "22"}}}, False),
        ("Brevo", ["not", "what", "was", "expected"], True),
        ("somebody's own", {}, True),
    ],
)
def test_each_provider_says_in_its_own_way_what_may_pass(
    mailing: Mailing, provider: str, payload: Any, is_suppressed: bool
) -> None:
    report(mailing, "bounced", provider, reject_reason="bounced", esp_event=payload)
    assert Suppression.objects.exists() is is_suppressed


@pytest.mark.parametrize(
    ("event_type", "reject_reason", "suppressed"),
    [
        ("bounced", None, "bounced"),
        ("bounced", "bounced", "bounced"),
        ("bounced", "invalid", "bounced"),
        ("bounced", "blocked", None),  # the mail or its sender was not wanted
        ("bounced", "spam", None),  # a filter took it for that; nobody complained
        ("bounced", "timed_out", None),
        ("bounced", "other", None),
        ("rejected", "bounced", "bounced"),
        ("rejected", "invalid", "bounced"),
        ("rejected", "spam", "complained"),
        ("rejected", "blocked", None),
        ("rejected", None, None),
        ("failed", None, None),  # the provider's own fault
    ],
)
def test_only_what_is_wrong_with_the_address_suppresses_it(
    mailing: Mailing, event_type: str, reject_reason: str | None, suppressed: str | None
) -> None:
    report(mailing, event_type, reject_reason=reject_reason)
    assert status(mailing) == Status.BOUNCED
    assert list(Suppression.objects.values_list("reason", flat=True)) == ([suppressed] if suppressed else [])


# ---- what follows, follows once -------------------------------------------------------------------------------------


def test_a_bounce_that_is_reported_again_does_not_undo_what_the_owner_lifted(client: Client, mailing: Mailing) -> None:
    post(client, POSTMARK, webhooks.hard_bounce(mailing.pk))
    assert lift("alice@example.com")
    post(client, POSTMARK, webhooks.hard_bounce(mailing.pk))
    assert not Suppression.objects.exists()


def test_the_bounce_of_a_later_mail_suppresses_again(client: Client, cast: Cast, mailing: Mailing) -> None:
    post(client, POSTMARK, webhooks.hard_bounce(mailing.pk))
    lift("alice@example.com")
    later = Mailing.objects.create(
        user=cast.alice, team=cast.acme, address="alice@example.com", kind=Mailing.Kind.INSTANT, message_id="<later>"
    )
    at = webhooks.AT + timedelta(days=1)
    post(client, POSTMARK, webhooks.hard_bounce(later.pk, BouncedAt=at.isoformat()))
    assert Suppression.objects.get().at == at


def test_who_wants_mail_again_is_not_unsubscribed_by_the_old_event(
    client: Client, cast: Cast, mailing: Mailing
) -> None:
    post(client, POSTMARK, webhooks.unsubscribe(mailing.pk))
    preferences.choose(cast.alice, cast.acme, email_enabled=True)
    post(client, POSTMARK, webhooks.unsubscribe(mailing.pk))
    assert emailing(cast) is True


def test_unsubscribing_is_for_that_team_alone(client: Client, cast: Cast, mailing: Mailing) -> None:
    post(client, POSTMARK, webhooks.unsubscribe(mailing.pk))
    chosen = Preference.objects.values_list("user", "team", "email_enabled")
    assert list(chosen) == [(cast.alice.pk, cast.acme.pk, False)]


# ---- what nobody can make sense of ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "metadata",
    [None, {}, [], "text", {"mailing": None}, {"mailing": ["x"]}, {"mailing": "' OR 1=1"}, {"mailing": "\0"}],
    ids=repr,
)
def test_metadata_that_names_no_mailing_is_noted_and_accepted(
    mailing: Mailing, metadata: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "team_notifications")
    report(mailing, "complained", metadata=metadata, message_id="\0 unknown \ud800")
    assert status(mailing) == ""
    assert caplog.messages == ["Postmark reported complained of a mail that is none of ours."]


def test_the_mailing_of_somebody_else_is_noted_and_accepted(
    client: Client, mailing: Mailing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "team_notifications")
    assert post(client, POSTMARK, webhooks.complaint(uuid.uuid4())).status_code == 200
    assert caplog.messages == ["Postmark reported complained of a mail that is none of ours."]
    assert status(mailing) == ""


@pytest.mark.parametrize("kind", ["queued", "sent", "opened", "clicked", "subscribed", "unknown", "brand-new"])
def test_other_events_change_nothing(mailing: Mailing, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "team_notifications")
    report(mailing, kind)
    assert (status(mailing), mailing.provider_event) == ("", None)
    assert caplog.messages == [f"Postmark reported {kind} of mailing {mailing.pk}, which changes nothing."]


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({"text": "a\0b \ud83d c", "\0key": [1, None, True, 1.5]}, {"text": "ab ? c", "key": [1, None, True, 1.5]}),
        (json.loads('{"size": NaN, "most": Infinity}'), {"size": "nan", "most": "inf"}),
        (MultiValueDict({"event": ["bounced"], "tag": ["a", "b"]}), {"event": ["bounced"], "tag": ["a", "b"]}),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"at": "2026-01-01 00:00:00+00:00"}),
        (None, None),
    ],
)
def test_every_payload_can_be_kept(mailing: Mailing, payload: Any, kept: Any) -> None:
    report(mailing, "delivered", esp_event=payload)
    assert status(mailing) == Status.DELIVERED
    assert mailing.provider_event == kept


@pytest.mark.parametrize("timestamp", [None, datetime(2026, 1, 1)], ids=["none", "naive"])  # noqa: DTZ001
def test_an_event_without_a_time_is_of_now(mailing: Mailing, timestamp: datetime | None) -> None:
    before = datetime.now(UTC)
    report(mailing, "bounced", timestamp=timestamp)
    assert Suppression.objects.get().at >= before


def report(mailing: Mailing, event_type: str, provider: str = "Postmark", **changes: Any) -> None:
    """As Anymail does, with an event that no payload of these three providers makes."""
    told = {"metadata": {"mailing": str(mailing.pk)}, "timestamp": webhooks.AT, "esp_event": {}, **changes}
    event = AnymailTrackingEvent(event_type=event_type, **told)
    tracking.send(sender=None, event=event, esp_name=provider)
