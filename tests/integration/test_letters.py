"""Mails that say the same are written once, and each reader still gets their own."""

from email.policy import compat32

import pytest

from team_notifications.delivery.channels.email import letters
from team_notifications.delivery.channels.email.message import build
from tests.cast import Cast
from tests.mails import mailing_to, rows
from tests.web import tell

WANTED = {"email_level": 30, "email_frequency": "daily", "email_instant_level": 40}


def test_members_who_get_the_same_words_get_their_own_links(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    original = letters.render_to_string
    monkeypatch.setattr(letters, "render_to_string", lambda name, *rest: rendered.append(name) or original(name, *rest))
    thread, batch = tell(cast.acme), letters.Letters()
    readers = [cast.vera, cast.ed, cast.alice]
    mails = [build(mailing_to(reader, cast.acme), rows(reader, thread), WANTED, batch) for reader in readers]
    assert len(rendered) == 3  # subject, text and HTML
    for reader, mail in zip(readers, mails, strict=True):
        alone = build(mailing_to(reader, cast.acme), rows(reader, thread), WANTED)
        assert (mail.subject, mail.body, mail.alternatives) == (alone.subject, alone.body, alone.alternatives)
        assert f"/notifications/thread/{rows(reader, thread)[0].pk}/" in str(mail.body)
        assert letters.MARK not in f"{mail.body}{mail.alternatives}{mail.extra_headers}"
    assert len({mail.body for mail in mails}) == 3


@pytest.mark.parametrize(("field", "value"), [("time_zone", "Asia/Tokyo"), ("language", "de")])
def test_members_who_read_differently_get_words_of_their_own(cast: Cast, field: str, value: str) -> None:
    thread, batch = tell(cast.acme), letters.Letters()
    setattr(cast.ed, field, value)
    ours, theirs = (
        build(mailing_to(reader, cast.acme), rows(reader, thread), WANTED, batch) for reader in (cast.vera, cast.ed)
    )
    assert str(ours.body).splitlines()[1] != str(theirs.body).splitlines()[1]


def test_a_thread_that_happened_once_more_is_written_anew(cast: Cast) -> None:
    thread, batch = tell(cast.acme), letters.Letters()
    before = build(mailing_to(cast.vera, cast.acme), rows(cast.vera, thread), WANTED, batch)
    thread = tell(cast.acme, message="And again.")
    after = build(mailing_to(cast.vera, cast.acme), rows(cast.vera, thread), WANTED, batch)
    assert "And again." not in str(before.body)
    assert "And again." in str(after.body)


def test_headers_are_folded_as_the_standard_library_folds_them(cast: Cast) -> None:
    cast.acme.name = "Äcme " * 20
    message = build(mailing_to(cast.vera, cast.acme), rows(cast.vera, tell(cast.acme, title="Überall " * 20))).message()
    quick = message.as_bytes()
    for part in message.walk():
        part.policy = compat32
    assert quick == message.as_bytes()
    assert max(len(line) for line in quick.partition(b"\n\n")[0].splitlines()) < 200
