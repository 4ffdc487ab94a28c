"""The mails themselves: what stands in them, and what mail programs read of them."""

import re
from datetime import UTC, datetime
from email.utils import unquote
from typing import Any

import pytest
import time_machine
from django.core.mail import get_connection
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from team_notifications.delivery.channels.email.message import build, new_message_id
from team_notifications.delivery.channels.email.unsubscribe import read
from team_notifications.delivery.retry import ChannelError
from team_notifications.models import UserNotification
from team_notifications.notify import notify_user
from tests.cast import Cast
from tests.mails import arrives, mailing_to, part, rows
from tests.web import tell
from users.models import User

AFTERNOON = datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
WANTED = {"email_level": 30, "email_frequency": "daily", "email_instant_level": 40}
LINKS = {"Open <it>": "/teams/acme/?a=1&b=2", "Elsewhere": "https://example.org/x"}
# All that can be asked without their own libraries (Amazon SES) and that Anymail still supports (not SendGrid).
ANYMAIL_BACKENDS = {
    "brevo": {"BREVO_API_KEY": "x"},
    "mailersend": {"MAILERSEND_API_TOKEN": "x"},
    "mailgun": {"MAILGUN_API_KEY": "x"},
    "mailjet": {"MAILJET_API_KEY": "x", "MAILJET_SECRET_KEY": "x"},
    "mailtrap": {"MAILTRAP_API_TOKEN": "x"},
    "mandrill": {"MANDRILL_API_KEY": "x"},
    "postal": {"POSTAL_API_KEY": "x", "POSTAL_API_URL": "https://example.com/"},
    "postmark": {"POSTMARK_SERVER_TOKEN": "x"},
    "resend": {"RESEND_API_KEY": "x"},
    "scaleway": {"SCALEWAY_SECRET_KEY": "x", "SCALEWAY_PROJECT_ID": "x"},
    "sparkpost": {"SPARKPOST_API_KEY": "x"},
    "unisender_go": {"UNISENDER_GO_API_KEY": "x", "UNISENDER_GO_API_URL": "https://example.com/"},
}


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {
        **settings.TEAM_NOTIFICATIONS,
        "SITE_URL": "https://app.example.com",
        "SITE_NAME": "The Site",
    }
    settings.DEFAULT_FROM_EMAIL = "Robot <robot@example.com>"


def unfolded(text: str) -> str:
    """Without spaces: Python's parser leaves some where a header was folded between encoded words."""
    return text.replace(" ", "")


def change_settings(settings: Any, **changes: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, **changes}


# ---- headers --------------------------------------------------------------------------------------------------------


def test_an_instant_mail_has_the_headers_that_mail_programs_read(cast: Cast) -> None:
    thread = tell(cast.acme, level="error", title="Checkout is down")
    mail = arrives(cast.vera, thread)
    assert mail["Subject"] == "Error: Checkout is down"
    assert mail["From"] == '"Acme (The Site)" <robot@example.com>'
    assert mail["To"] == "vera@example.com"
    assert re.fullmatch(r"<[0-9a-f-]{36}@app\.example\.com>", mail["Message-ID"])
    assert mail["References"] == mail["In-Reply-To"] == f"<thread-{thread.pk}@app.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == f'"Acme" <team-{cast.acme.pk}.notifications.app.example.com>'
    assert re.fullmatch(
        r"<https://app\.example\.com/notifications/unsubscribe/[^/\s]+/>", mail["List-Unsubscribe"].strip()
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_retry_is_the_same_mail(cast: Cast) -> None:
    mailing, about = mailing_to(cast.vera, cast.acme), rows(cast.vera, tell(cast.acme))
    first, second = build(mailing, about), build(mailing, about)
    assert first.extra_headers == second.extra_headers
    assert (first.subject, first.body, first.alternatives) == (second.subject, second.body, second.alternatives)
    assert mailing.message_id == new_message_id(mailing.pk)


def test_repeats_of_a_thread_and_digests_of_a_team_gather_under_constant_roots(cast: Cast) -> None:
    first, second = tell(cast.acme, "first"), tell(cast.acme, "second")
    once = arrives(cast.bob, first)
    again = arrives(cast.bob, tell(cast.acme, "first"))
    assert once["References"] == again["References"] != arrives(cast.bob, second)["References"]
    assert once["Message-ID"] != again["Message-ID"]
    digest = arrives(cast.bob, first, second)
    assert digest["References"] == f"<digest-{cast.bob.pk}-{cast.acme.pk}@app.example.com>"
    assert digest["References"] == arrives(cast.bob, second, first)["References"]
    others = arrives(cast.bob, tell(cast.globex, "first"), tell(cast.globex, "second"))
    assert digest["References"] != others["References"]


@pytest.mark.parametrize("name", ["Größe & Söhne", "מגדל האור", 'Say "hi" \\o/', "a, b; c <d>", "日本語" * 30])
def test_a_team_of_any_name_has_readable_headers(cast: Cast, name: str) -> None:
    cast.acme.name = name
    cast.acme.save()
    message = build(mailing_to(cast.vera, cast.acme), rows(cast.vera, tell(cast.acme)))
    assert all(value.isascii() and "\n" not in value for value in message.extra_headers.values())
    mail = arrives(cast.vera, tell(cast.acme))
    [sender] = mail["From"].addresses
    assert sender.addr_spec == "robot@example.com"
    assert unfolded(sender.display_name) == unfolded(f"{name} (The Site)")
    assert mail["List-Id"].endswith(f" <team-{cast.acme.pk}.notifications.app.example.com>")
    phrase = mail["List-Id"].rpartition(" <")[0]
    assert unfolded(unquote(phrase)) == unfolded(name)


@pytest.mark.parametrize("evil", ["\r\nBcc: eve@example.com", "\nX: 1", "\x0bX: 1", "\u2028X: 1", "\x85X: 1", "\x00"])
def test_no_name_and_no_title_breaks_out_of_its_header(cast: Cast, evil: str, settings: Any) -> None:
    change_settings(settings, SITE_NAME=f"Site{evil}")
    thread = tell(cast.acme)
    cast.acme.name = thread.team.name = f"Acme{evil}"
    thread.title = f"Down{evil}"
    [row] = rows(cast.vera, thread)
    row.notification = thread
    raw = build(mailing_to(cast.vera, cast.acme), [row]).message().as_bytes()
    names = [line.split(b":")[0] for line in raw.partition(b"\n\n")[0].splitlines() if not line.startswith(b" ")]
    assert not {b"Bcc", b"X"} & set(names)
    assert len(names) == len(set(names))


def test_a_name_of_which_nothing_is_readable_has_a_stand_in(cast: Cast) -> None:
    cast.acme.name = "\u202e"
    cast.acme.save()
    assert arrives(cast.vera, tell(cast.acme))["From"].addresses[0].display_name == f"#{cast.acme.pk} (The Site)"


@pytest.mark.parametrize("address", ["vera@example.com\nBcc: eve@example.com", "vera@example.com\r", ""])
def test_an_address_that_is_none_is_refused_for_good(cast: Cast, address: str) -> None:
    mailing, about = mailing_to(cast.vera, cast.acme), rows(cast.vera, tell(cast.acme))
    mailing.address = address
    with pytest.raises(ChannelError, match="is no email address") as raised:
        build(mailing, about)
    assert raised.value.permanent


@pytest.mark.parametrize("length", [201, 254])
def test_an_address_may_be_as_long_as_addresses_are(cast: Cast, length: int) -> None:
    domain = ".".join(["b" * 60] * 3) + ".example"
    cast.vera.email = f"{'a' * (length - len(domain) - 1)}@{domain}"
    assert arrives(cast.vera, tell(cast.acme))["To"].addresses[0].addr_spec == cast.vera.email


@pytest.mark.parametrize("evil", ["=?utf-8?q?=E2=80=AE=0A?=", "=?utf-8?b?Zm9v?= x", "=?=?utf-8?q?=0A?="])
def test_what_looks_like_an_encoded_word_is_not_decoded(cast: Cast, evil: str) -> None:
    cast.acme.name = evil
    cast.acme.save()
    mail = arrives(cast.vera, tell(cast.acme, title=evil))
    harmless = evil.replace("=?utf", "= ?utf")
    assert mail["Subject"] == harmless
    assert mail["From"].addresses[0].display_name == f"{harmless} (The Site)"


def test_who_reads_one_mail_does_not_know_the_boundary_of_the_next(cast: Cast) -> None:
    thread = tell(cast.acme)
    boundaries = [arrives(reader, thread).get_boundary() for reader in (cast.vera, cast.vera, cast.ed)]
    assert len(set(boundaries)) == 3
    assert all(boundaries)


def test_without_a_site_no_header_names_an_address_that_is_none(cast: Cast, settings: Any) -> None:
    change_settings(settings, SITE_URL="")
    mail = arrives(cast.vera, tell(cast.acme))
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None


# ---- what providers read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ANYMAIL_BACKENDS))
def test_every_provider_of_anymail_takes_the_mail(cast: Cast, settings: Any, name: str) -> None:
    settings.EMAIL_BACKEND = f"anymail.backends.{name}.EmailBackend"
    settings.ANYMAIL = ANYMAIL_BACKENDS[name]
    mailing = mailing_to(cast.vera, cast.acme)
    message = build(mailing, rows(cast.vera, tell(cast.acme)))
    payload = get_connection().build_message_payload(message, {})
    payload.serialize_data()
    assert getattr(message, "metadata", {"mailing": str(mailing.pk)}) == {"mailing": str(mailing.pk)}


@pytest.mark.parametrize(
    ("backend", "host", "header"),
    [
        ("anymail.backends.brevo.EmailBackend", "localhost", "idempotencyKey"),
        ("django.core.mail.backends.smtp.EmailBackend", "smtp.resend.com", "Resend-Idempotency-Key"),
    ],
)
def test_a_provider_that_knows_repeats_is_given_the_key(
    cast: Cast, settings: Any, backend: str, host: str, header: str
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = backend, host
    mailing, about = mailing_to(cast.vera, cast.acme), rows(cast.vera, tell(cast.acme))
    assert build(mailing, about).extra_headers[header] == str(mailing.pk)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "mail.example.com"
    assert header not in build(mailing, about).extra_headers


# ---- what stands in it ----------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(cast: Cast) -> Any:
    with time_machine.travel(AFTERNOON, tick=False):
        for _ in range(3):
            title, message = "Checkout <b>is</b> down", "5 < 7\n& more"
            thread = tell(cast.acme, "checkout", level="error", title=title, message=message, links=LINKS)
    return thread


def test_both_parts_say_all_of_it(cast: Cast, checkout: Any) -> None:
    [row] = rows(cast.vera, checkout)
    mail = arrives(cast.vera, checkout, wanted=WANTED)
    assert [item.get_content_type() for item in mail.iter_parts()] == ["text/plain", "text/html"]
    html, plain = part(mail, "html"), part(mail, "plain")
    for text in (html, plain):
        assert "Acme" in text
        assert "Error" in text
        assert "3 times, most recently on July 1, 2026, 1:30 p.m. UTC" in text
        assert "You get this because you are in Acme." in text
        assert "Warnings and errors reach you by email every day, errors at once." in text
        assert f"https://app.example.com/notifications/thread/{row.pk}/" in text
        assert f"https://app.example.com/notifications/preferences/{cast.acme.pk}/" in text
        assert mail["List-Unsubscribe"].strip(" <>") in text
        assert "https://example.org/x" in text
    assert "Checkout <b>is</b> down" in plain
    assert "5 < 7\n& more" in plain
    assert "Open <it>: https://app.example.com/teams/acme/?a=1&b=2" in plain


def test_everything_is_escaped_in_html(cast: Cast, checkout: Any) -> None:
    html = part(arrives(cast.vera, checkout), "html")
    assert html.count("Checkout &lt;b&gt;is&lt;/b&gt; down") == 2  # in <title> and on the page
    assert not {"<b>", "<it>"} & set(re.findall(r"<[a-z]+>", html))
    assert "5 &lt; 7<br>&amp; more" in html
    assert 'href="https://app.example.com/teams/acme/?a=1&amp;b=2"' in html
    assert "<bdi>Open &lt;it&gt;</bdi>" in html


def test_the_look_is_in_the_attributes_and_dark_mode_in_the_head(cast: Cast, checkout: Any) -> None:
    html = part(arrives(cast.vera, checkout), "html")
    head, _, body = html.partition("<body")
    assert re.search(r'class="level level-error" style="[^"]*color: #bb2a2a', body)
    assert "@media (prefers-color-scheme: dark)" in head
    assert "max-width: 480px" in head
    assert '<meta name="color-scheme" content="light dark">' in head
    assert "<img" not in html
    assert "url(" not in html


def test_it_is_in_the_time_zone_and_the_language_of_the_reader(cast: Cast, checkout: Any) -> None:
    cast.vera.time_zone = "Asia/Kolkata"
    cast.vera.save()
    with timezone.override("America/New_York"), translation.override("de"):
        text = part(arrives(cast.vera, checkout), "plain")
        assert "July 1, 2026, 7 p.m. IST" in text
        assert translation.get_language() == "de"
    reader = User.objects.get(pk=cast.vera.pk)
    reader.language = "pt"  # type: ignore[attr-defined]
    [row] = rows(reader, checkout)
    message = build(mailing_to(reader, cast.acme), [row])
    assert "1 de Julho de 2026 às 19:00 IST" in str(message.body)
    assert '<html lang="pt"' in str(message.alternatives[0][0])


@pytest.mark.parametrize("nonsense", ["Nowhere/Land", "../../etc/passwd", ""])
def test_a_zone_or_language_that_is_none_falls_back_to_the_site(cast: Cast, checkout: Any, nonsense: str) -> None:
    cast.vera.time_zone = nonsense
    cast.vera.language = nonsense or None  # type: ignore[attr-defined]
    [row] = rows(cast.vera, checkout)
    assert "1:30 p.m. UTC" in str(build(mailing_to(cast.vera, cast.acme), [row]).body)


def test_the_templates_language_is_not_spoken_by_texts(cast: Cast) -> None:
    thread = tell(cast.acme, title="{{ unsubscribe_url }}", message="{% now 'Y' %} {user.__class__} %(x)s")
    text = part(arrives(cast.vera, thread), "plain")
    assert "{{ unsubscribe_url }}" in text
    assert "{% now 'Y' %} {user.__class__} %(x)s" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"email_frequency": "instant"}, "Warnings and errors reach you by email at once."),
        ({"email_frequency": "hourly"}, "Warnings and errors reach you by email every hour, errors at once."),
        ({"email_level": 20}, "All notifications reach you by email every day, errors at once."),
        ({"email_level": 40}, "Errors reach you by email at once."),  # nothing is left for the digest
        ({"email_level": 20, "email_instant_level": 30}, "every day, warnings and errors at once."),
    ],
)
def test_the_reason_is_what_the_reader_chose(cast: Cast, changes: dict[str, Any], sentence: str) -> None:
    text = part(arrives(cast.vera, tell(cast.acme), wanted={**WANTED, **changes}), "plain")
    assert sentence in text


def test_a_thread_that_the_inbox_does_not_show_has_no_link_there(cast: Cast) -> None:
    thread = tell(cast.acme)
    UserNotification.objects.filter(user=cast.vera).update(in_app=False)
    assert "/notifications/thread/" not in part(arrives(cast.vera, thread), "html")


def test_a_project_can_override_a_template(cast: Cast, settings: Any, tmp_path: Any) -> None:
    folder = tmp_path / "team_notifications" / "email"
    folder.mkdir(parents=True)
    (folder / "instant_subject.txt").write_text("Ours:\n{{ line.thread.title }}\n")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert arrives(cast.vera, tell(cast.acme, title="Down"))["Subject"] == "Ours: Down"


@pytest.mark.parametrize("spoilt", ["{{ unsubscribe_url|upper }}", "{{ line.url|truncatechars:60 }}"])
def test_a_template_that_spoils_a_link_is_an_error_and_no_mail(
    cast: Cast, settings: Any, tmp_path: Any, spoilt: str
) -> None:
    folder = tmp_path / "team_notifications" / "email"
    folder.mkdir(parents=True)
    (folder / "instant.html").write_text(spoilt)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    with pytest.raises(ValueError, match="cuts a link, or changes its letters"):
        arrives(cast.vera, tell(cast.acme))


# ---- the digest -----------------------------------------------------------------------------------------------------


def test_a_digest_groups_by_level_and_counts(cast: Cast) -> None:
    threads = [
        tell(cast.acme, f"{level}-{number}", level=level, title=f"{level} {number}")
        for number in range(2)
        for level in ("info", "error", "success", "warning")
    ]
    mail = arrives(cast.vera, *threads)
    assert mail["Subject"] == "8 threads, 2 errors, 2 warnings"
    titles = re.findall(r"^\* (.+)$", part(mail, "plain"), re.MULTILINE)
    assert titles == [f"{level} {number}" for level in ("error", "warning", "success", "info") for number in (1, 0)]
    html = part(mail, "html")
    assert "Error 2 · Warning 2 · Success 2 · Info 2" in html
    assert len(re.findall(r"<h3", html)) == 8
    assert "more thread" not in html


@pytest.mark.parametrize(("number", "limit", "shown"), [(2, 50, 2), (60, 50, 50), (60, 60, 60), (3, 2, 2)])
def test_past_the_limit_the_gravest_are_shown_and_all_are_counted(
    cast: Cast, settings: Any, number: int, limit: int, shown: int
) -> None:
    change_settings(settings, DIGEST_LINES=limit)
    threads = [tell(cast.acme, f"t-{index}", level="info" if index else "error") for index in range(number)]
    mail = arrives(cast.vera, *threads)
    assert mail["Subject"] == f"{number} threads, 1 error"
    for kind, line in (("plain", r"^\* (t-\d+)$"), ("html", r"<h3[^>]*>.*?<bdi>(t-\d+)</bdi>")):
        text = part(mail, kind)
        titles = re.findall(line, text, re.MULTILINE)
        assert titles[0] == "t-0"
        assert titles[1:] == [f"t-{index}" for index in range(number - 1, number - shown, -1)]
        assert f"{number} threads" in text
        assert f"Info {number - 1}" in text
        more = number - shown
        assert (f"{more} more thread{'s' * (more > 1)} in your inbox" in text) == bool(more)


def test_what_a_digest_does_not_show_is_not_said_to_be_in_an_inbox_that_shows_nothing(
    cast: Cast, settings: Any
) -> None:
    change_settings(settings, DIGEST_LINES=1)
    threads = [tell(cast.acme, f"t-{index}") for index in range(3)]
    UserNotification.objects.filter(user=cast.vera).update(in_app=False)
    mail = arrives(cast.vera, *threads)
    for kind in ("plain", "html"):
        assert "2 more threads" in part(mail, kind)
        assert "in your inbox" not in part(mail, kind)


def test_no_line_shows_what_is_anothers(cast: Cast) -> None:
    mine, theirs = tell(cast.acme, "mine"), tell(cast.globex, "theirs", title="Secret of Globex")
    for mail in (arrives(cast.bob, mine), arrives(cast.bob, mine, tell(cast.acme, "second"))):
        raw = mail.as_string()
        assert "Globex" not in raw
        assert "Secret" not in raw
    assert "Acme" not in arrives(cast.bob, theirs).as_string()


@pytest.mark.parametrize("number", [1, 2], ids=["instant", "digest"])
def test_personal_mail_names_no_team(cast: Cast, number: int) -> None:
    about = [notify_user(cast.vera, f"Export {index} is ready", level="error") for index in range(number)]
    message = build(mailing_to(cast.vera, None), [row for row in about if row], WANTED)
    for text in (str(message.body), str(message.alternatives[0][0])):
        assert "You get this because it is addressed to you. Warnings and errors reach you by email" in text
        assert "Stop personal mail" in text
        assert "https://app.example.com/notifications/preferences/personal/" in text
        assert "Acme" not in text
    assert message.from_email == '"The Site" <robot@example.com>'
    assert "List-Id" not in message.extra_headers  # RFC 2919: it is no list
    stop = message.extra_headers["List-Unsubscribe"].strip("<>").rstrip("/").rpartition("/")[2]
    assert (read(stop).user, read(stop).team) == (cast.vera, None)


@pytest.mark.parametrize("number", [1, 2, 20])
def test_building_asks_the_database_nothing(cast: Cast, number: int) -> None:
    threads = [tell(cast.acme, f"t-{index}") for index in range(number)]
    loaded = list(
        UserNotification.objects.filter(notification__in=threads, user=cast.vera).select_related("notification__team")
    )
    mailing = mailing_to(cast.vera, cast.acme)
    with CaptureQueriesContext(connection) as captured:
        build(mailing, loaded, WANTED)
    assert len(captured) == 0
