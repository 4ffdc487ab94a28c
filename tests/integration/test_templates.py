"""Operators change what is said, without a release; and whatever they write, the member is told."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings

from team_notifications.delivery import mailings
from team_notifications.levels import Level
from team_notifications.models import Notification, NotificationTemplate, UserNotification
from team_notifications.notify import create_notification
from team_notifications.template_admin import preview_of
from team_notifications.wording import filled, word_mails
from teams.models import Team
from tests.cast import Cast, assemble
from tests.crowd import crowd
from tests.kinds import kind, registered
from tests.placeholders import TEXTS, Guarded
from tests.web import BELL, HTMX, INBOX

PARAMS = {"clusters": 3, "keywords": 40}
IN_APP, EMAIL = NotificationTemplate.Channel.IN_APP, NotificationTemplate.Channel.EMAIL


@pytest.fixture(autouse=True)
def clustered() -> Iterator[None]:
    with registered(kind(level=Level.WARNING)):
        yield


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Any:
    """What runs after a commit, which the transaction around a test would keep from happening."""
    return django_capture_on_commit_callbacks


def happened(team: Team, **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": "ai-cluster-complete", "params": PARAMS, **changes})


def template(title: str, body: str = "", channel: str = IN_APP, **changes: Any) -> NotificationTemplate:
    return NotificationTemplate.objects.create(
        **{"slug": "ai-cluster-complete", "channel": channel, "title": title, "body": body, **changes}
    )


def says(thread: Notification) -> tuple[str, str]:
    thread.refresh_from_db()
    return thread.title, thread.message


def mails() -> list[tuple[str, str]]:
    """Subject and plain text of each mail that is sent now."""
    mail.outbox.clear()
    mailings.deliver()
    return [(str(message.subject), str(message.body)) for message in mail.outbox]


# ---- in the inbox ---------------------------------------------------------------------------------------------------


def test_a_template_words_the_next_notification(cast: Cast) -> None:
    happened(cast.acme)
    template("{clusters} groups", "Made of {keywords} words, {{so}}")
    assert says(happened(cast.acme)) == ("3 groups", "Made of 40 words, {so}")
    assert says(happened(cast.globex)) == ("3 groups", "Made of 40 words, {so}")


def test_a_changed_template_words_the_next_one(cast: Cast) -> None:
    wording = template("{clusters} groups")
    happened(cast.acme)
    wording.title = "{clusters} heaps"
    wording.save()
    assert says(happened(cast.acme)) == ("3 heaps", "")


def test_what_a_call_says_itself_stays(cast: Cast) -> None:
    template("{clusters} groups", "Of {keywords}")
    assert says(happened(cast.acme, title="Own")) == ("Own", "Of 40")
    assert says(happened(cast.acme, message="Own")) == ("3 groups", "Own")
    assert says(happened(cast.acme, title="Own", params=None)) == ("Own", "")


def test_a_template_of_the_other_channel_or_of_another_kind_changes_nothing(cast: Cast) -> None:
    template("In mails", channel=EMAIL)
    template("Another", slug="ai-cluster-failed")
    assert says(happened(cast.acme)) == ("3 clusters", "Created 3 clusters from 40 keywords")


def test_a_filled_title_is_one_line_of_at_most_200_characters(cast: Cast) -> None:
    template("{keywords}")
    thread = happened(cast.acme, params={"clusters": 1, "keywords": "a\nb\u202e" + "c" * 300})
    assert says(thread)[0] == "a b" + "c" * 197


def queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def test_a_kind_costs_one_query_more_for_10_members_as_for_1000(db: None) -> None:
    template("{clusters} groups")
    costs = []
    for size in (10, 1_000):
        team = crowd(size, name=f"crowd-{size}")
        plain = queries(
            lambda team=team: create_notification(team=team, slug="a-b", title="x", level="warning")  # type: ignore[misc]
        )
        with_kind = queries(lambda team=team: happened(team))  # type: ignore[misc]
        all_said = queries(lambda team=team: happened(team, title="x", message="y"))  # type: ignore[misc]
        costs.append((with_kind - plain, all_said - plain))
    assert costs == [(1, 0), (1, 0)]


# ---- a template that fails ------------------------------------------------------------------------------------------

BROKEN = {
    "an attribute": ("{clusters.__class__}", "'{clusters.__class__}' is no placeholder"),
    "a name that is gone": ("{words} words", "'{words}': it has no value"),
    "nothing to read": ("{keywords}", "holds no readable character"),
}


@pytest.mark.parametrize(("title", "reason"), BROKEN.values(), ids=list(BROKEN))
def test_where_a_template_fails_the_kinds_own_text_is_told_and_the_error_is_logged_and_counted(
    cast: Cast, title: str, reason: str, committed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken = template(title)
    with committed(execute=True):
        happened(cast.acme, params={**PARAMS, "keywords": ""})
        thread = happened(cast.acme, params={**PARAMS, "keywords": ""})
    assert says(thread) == ("3 clusters", "Created 3 clusters from  keywords")
    assert UserNotification.objects.filter(notification=thread).count() == 4
    assert "The template “ai-cluster-complete, Inbox” cannot be filled" in caplog.text
    broken.refresh_from_db()
    assert broken.failures == 2
    assert reason in broken.last_error
    assert reason in caplog.text
    assert broken.last_failed_at is not None


def test_where_the_kinds_own_text_fails_too_its_label_is_told(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    with registered(
        kind(slug="a-b", label="Keywords sorted", message="{nowhere}"), kind(slug="c-d", label="", title="")
    ):
        assert says(happened(cast.acme, slug="a-b")) == ("Keywords sorted", "")
        assert says(happened(cast.acme, slug="c-d")) == ("c-d", "")
        template("{nowhere}", slug="a-b")
        assert says(happened(cast.globex, slug="a-b")) == ("Keywords sorted", "")
    assert "The kind 'a-b': its own text cannot be filled" in caplog.text


def test_a_failure_is_counted_after_the_commit_and_not_when_the_event_was_rolled_back(
    cast: Cast, committed: Any
) -> None:
    broken = template("{words}")
    with committed(execute=True), transaction.atomic():
        happened(cast.acme)
        broken.refresh_from_db()
        assert broken.failures == 0  # nor is the row locked, for others who fail, until this commits
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    broken.refresh_from_db()
    assert broken.failures == 0


def test_an_event_does_not_depend_on_its_failure_being_counted(
    cast: Cast, committed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and NotificationTemplate._meta.db_table in sql:
            raise OperationalError("The disk is full.")
        return execute(sql, *rest)

    template("{words}")
    with connection.execute_wrapper(refuse), committed(execute=True):
        thread = happened(cast.acme)
    assert says(thread)[0] == "3 clusters"
    assert "was not counted" in caplog.text


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_event_waits_for_nobody_who_counts_or_edits() -> None:
    cast = assemble()
    broken = template("{words}")
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        NotificationTemplate.objects.select_for_update().get()
        told = pool.submit(in_a_thread, lambda: happened(cast.acme).title)
        assert told.result(timeout=20) == "3 clusters"
    broken.refresh_from_db()
    assert broken.failures == 0


def in_a_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


# ---- in mails -------------------------------------------------------------------------------------------------------


def test_a_template_for_mails_words_mails_and_not_the_inbox(cast: Cast) -> None:
    template("{clusters} groups by mail", "Hello,\n\n{keywords} words.", channel=EMAIL)
    thread = happened(cast.acme)
    subject, body = mails()[0]
    assert subject == "Warning: 3 groups by mail"
    assert "Hello,\n\n40 words." in body
    assert "clusters" not in body
    assert says(thread) == ("3 clusters", "Created 3 clusters from 40 keywords")


def test_without_one_a_mail_says_what_the_inbox_says(cast: Cast) -> None:
    template("{clusters} groups")
    happened(cast.acme)
    assert mails()[0][0] == "Warning: 3 groups"


def test_a_digest_is_worded_too(cast: Cast) -> None:
    template("{clusters} groups by mail", "{keywords} words", channel=EMAIL)
    for number in range(2):
        happened(cast.acme, event_data={"number": number}, params={"clusters": number, "keywords": 7})
    create_notification(team=cast.acme, slug="server-down", title="Server down", level="error")
    subject, body = mails()[0]
    assert subject == "3 threads, 1 error, 2 warnings"
    assert re.findall(r"^\* (.+)$", body, re.MULTILINE) == ["Server down", "1 groups by mail", "0 groups by mail"]


def test_a_thread_in_a_callers_own_words_stays_as_it_is_in_mails(cast: Cast) -> None:
    broken = template("{clusters} by mail", channel=EMAIL)
    happened(cast.acme, title="Own", params=None)
    happened(cast.globex)
    assert {subject for subject, _body in mails()} == {"Warning: Own", "Warning: 3 by mail"}
    broken.refresh_from_db()
    assert broken.failures == 0


def test_what_a_caller_said_in_their_own_words_stays_so_in_mails_and_the_rest_is_the_templates(cast: Cast) -> None:
    template("{clusters} by mail", "{keywords} words by mail.", channel=EMAIL)
    happened(cast.acme, title="Own title")
    happened(cast.globex, message="Own message")
    said = dict(mails())
    assert set(said) == {"Warning: Own title", "Warning: 3 by mail"}
    assert "40 words by mail." in said["Warning: Own title"]
    assert "Own message" in said["Warning: 3 by mail"]


def test_a_caller_who_says_everything_is_not_corrected_by_a_template_of_a_kind_without_params(cast: Cast) -> None:
    with registered(kind(slug="credits-gone", params={}, title="Out of credits", message="Buy more.")):
        template("By mail", "From the template.", channel=EMAIL, slug="credits-gone")
        create_notification(team=cast.acme, slug="credits-gone", title="Own", message="Mine.", level="error")
        create_notification(team=cast.globex, slug="credits-gone", level="error")
        said = dict(mails())
    assert set(said) == {"Error: Own", "Error: By mail"}
    assert "From the template." not in said["Error: Own"]


def test_the_last_words_about_a_thread_decide_whose_they_are(cast: Cast) -> None:
    template("{clusters} by mail", channel=EMAIL)
    happened(cast.acme, title="Own")
    happened(cast.acme)
    assert {subject for subject, _body in mails()} == {"Warning: 3 by mail"}


def test_what_a_template_for_mails_says_is_cleaned_as_any_text(cast: Cast) -> None:
    template("{clusters}", channel=EMAIL)
    happened(cast.acme, params={"clusters": "a\nb\u202ec" + "d" * 300, "keywords": 1})
    thread = Notification.objects.get()
    word_mails([thread])
    assert thread.in_mail == ("a bc" + "d" * 196, "")


def test_where_a_template_for_mails_fails_the_mail_goes_and_the_failure_is_counted_once_for_each_thread(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    broken = template("{words}", channel=EMAIL)
    happened(cast.acme)
    assert {subject for subject, _body in mails()} == {"Warning: 3 clusters"}
    assert len(mail.outbox) == 4
    broken.refresh_from_db()
    assert (broken.failures, "'{words}': it has no value" in broken.last_error) == (1, True)
    assert caplog.text.count("The template “ai-cluster-complete, Email” cannot be filled") == 1


def test_the_templates_of_a_batch_are_one_query(db: None, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DELIVERY_BATCH": 100}
    template("{clusters} groups by mail", channel=EMAIL)
    asked = []
    for size in (3, 30):
        team = crowd(size, name=f"crowd-{size}")
        for number in range(2):
            happened(team, event_data={"number": number})
        with CaptureQueriesContext(connection) as captured:
            assert len(mails()) == size
        asked.append(sum(NotificationTemplate._meta.db_table in query["sql"] for query in captured))
    assert asked == [1, 1]


def test_no_template_is_asked_for_where_no_kind_is_registered(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="server-down", title="Server down", level="error")
    with CaptureQueriesContext(connection) as captured:
        assert mails()
    assert not any(NotificationTemplate._meta.db_table in query["sql"] for query in captured)


# ---- markup ---------------------------------------------------------------------------------------------------------

MARKUP = "<script>alert(1)</script> & {{ x }} {% now %} {clusters}"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{ x }} {% now %} {clusters}"


def test_markup_in_a_param_and_in_a_template_is_shown_and_not_run(client: Client, cast: Cast) -> None:
    template("<b>{keywords}", "<i>{keywords}")
    template("<b>{keywords}", "<i>{keywords}", channel=EMAIL)
    happened(cast.acme, params={"clusters": 1, "keywords": MARKUP})
    client.force_login(cast.vera)
    mails()
    [html] = {str(message.alternatives[0].content) for message in mail.outbox if message.to == ["vera@example.com"]}
    inbox, bell = client.get(INBOX).content.decode(), client.get(BELL, headers=HTMX).content.decode()
    for page in (inbox, bell, html):
        assert f"&lt;b&gt;{ESCAPED}" in page
        assert "<script>alert" not in page
        assert "<i>" not in page


# ---- saving ---------------------------------------------------------------------------------------------------------


def test_a_kind_has_one_template_for_each_channel(cast: Cast) -> None:
    template("One")
    template("Two", channel=EMAIL)
    with pytest.raises(IntegrityError), transaction.atomic():
        template("Three")


def test_the_permitted_params_are_those_of_the_kind(cast: Cast) -> None:
    assert template("One").permitted_params == ["clusters", "keywords"]


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"title": "{user.__class__}"}, "title", "'{user.__class__}' is no placeholder"),
        ({"body": "{clusters!r}"}, "body", "'{clusters!r}' is no placeholder"),
        ({"body": "{words}"}, "body", "'{words}': there is no such name here; there is {clusters}, {keywords}."),
        ({"title": "\u200b"}, "title", "holds no readable character"),
        ({"title": ""}, "title", "cannot be blank"),
        ({"body": "a\x00b"}, "body", "cannot be stored"),
        ({"body": "{clusters}" * 101}, "body", "more than 100 placeholders"),
        ({"slug": "nowhere"}, "slug", "There is no kind “nowhere”."),
        ({"channel": "pigeon"}, "channel", "'pigeon' is not a valid choice"),
    ],
)
def test_what_cannot_be_told_is_refused_with_an_error_that_names_it(
    cast: Cast, changes: dict[str, str], field: str, told: str
) -> None:
    given = {"slug": "ai-cluster-complete", "channel": IN_APP, "title": "T", "body": "B", **changes}
    with pytest.raises(ValidationError) as error:
        NotificationTemplate(**given).full_clean()
    assert list(error.value.message_dict) == [field]
    assert told in error.value.message_dict[field][0]


@settings(max_examples=10_000, deadline=None)
@given(text=TEXTS)
def test_no_text_reads_an_attribute_or_takes_a_page_down(text: str) -> None:
    """It is refused at saving, or it is filled. Where it was never checked, it fails as a text that cannot be told."""
    with registered(kind(slug="a-b", params={"name": MARKUP, "user": "Vera"})):
        preview = preview_of(NotificationTemplate(slug="a-b", channel=IN_APP, title=text, body=text))
    page = render_to_string("team_notifications/admin/_template_preview.html", preview)
    assert "<script>" not in page.encode().decode()
    values = {"name": Guarded("<b>"), "user": Guarded("Vera")}
    if "words" in preview:
        filled(text, text, values)
    else:
        with suppress(TypeError, ValueError):
            filled(text, text, values)
