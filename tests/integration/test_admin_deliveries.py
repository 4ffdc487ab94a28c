"""The outbox in the admin: found among millions, looked at, and tried again."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from team_notifications import conf
from team_notifications.admin_tables import LongTable, UpTo
from team_notifications.delivery import mailings, outbox
from team_notifications.models import Delivery, Mailing, Notification, Suppression, UserNotification
from tests.cast import Cast
from tests.web import text
from users.models import User

DELIVERIES = "/admin/team_notifications/delivery/"
MAILINGS = "/admin/team_notifications/mailing/"
SUPPRESSIONS = "/admin/team_notifications/suppression/"

PENDING, SENT, FAILED = Delivery.State.PENDING, Delivery.State.SENT, Delivery.State.FAILED
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def sue(client: Client, cast: Cast) -> User:
    client.force_login(cast.sue)
    return cast.sue


def owe(user: User, cast: Cast, state: str = PENDING, title: str = "Shop is down", **fields: Any) -> Delivery:
    thread = Notification.objects.create(team=cast.acme, identifier=uuid.uuid4().hex, slug="a-b", title=title)
    row = UserNotification.objects.create(notification=thread, user=user, team=cast.acme)
    known = {"team": cast.acme, "channel": "email", "revision": 1, "due_at": LONG_AGO}
    return Delivery.objects.create(user_notification=row, user=user, state=state, **{**known, **fields})


def mailing(user: User, cast: Cast, **fields: Any) -> Mailing:
    key = uuid.uuid4()
    known = {"team": cast.acme, "address": user.email, "kind": Mailing.Kind.INSTANT, "message_id": f"<{key}@x>"}
    return Mailing.objects.create(pk=key, user=user, **{**known, **fields})


def failed(user: User, cast: Cast, **fields: Any) -> Delivery:
    sending = mailing(user, cast, state=Mailing.State.FAILED)
    return owe(user, cast, FAILED, attempts=8, last_error="550 no such user", mailing=sending, **fields)


def ids(client: Client, address: str, **query: str) -> list[str]:
    """Of the rows of a list, in their order."""
    page = client.get(address, query).content.decode()
    return list(dict.fromkeys(re.findall(rf'href="{address}([^/"]+)/change/', page)))


# ---- trying again ---------------------------------------------------------------------------------------------------


def test_what_failed_is_owed_again_with_all_its_tries(cast: Cast) -> None:
    delivery = failed(cast.alice, cast)
    before = timezone.now()
    assert outbox.try_again(Delivery.objects.all()) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.lease_token) == (PENDING, 0, None)
    assert before <= delivery.due_at <= timezone.now()
    assert delivery.last_error == "550 no such user"  # until it is known how it went this time
    assert delivery.mailing is not None
    assert delivery.mailing.state == Mailing.State.PENDING


def test_what_no_worker_survived_is_taken_up_once_more(cast: Cast) -> None:
    delivery = failed(cast.alice, cast)
    UserNotification.objects.update(notified_level=40)
    Notification.objects.update(level=40)  # which is mailed by default
    Delivery.objects.update(takeovers=conf.settings().max_attempts)
    outbox.try_again(Delivery.objects.all())
    mailings.deliver()
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.SENT


def test_nothing_but_what_failed_is_tried_again(cast: Cast) -> None:
    sent = mailing(cast.alice, cast, state=Mailing.State.SENT)
    others = [owe(cast.alice, cast, state, mailing=sent) for state in Delivery.State if state != FAILED]
    before = list(Delivery.objects.order_by("pk").values())
    assert outbox.try_again(Delivery.objects.all()) == 0
    assert list(Delivery.objects.order_by("pk").values()) == before
    assert others[0].mailing.state == Mailing.State.SENT


def test_of_two_who_try_again_the_second_finds_nothing(cast: Cast) -> None:
    failed(cast.alice, cast)
    assert [outbox.try_again(Delivery.objects.all()) for _ in range(2)] == [1, 0]


def test_only_those_that_were_chosen_are_tried_again(cast: Cast) -> None:
    chosen, other = failed(cast.alice, cast), failed(cast.ed, cast)
    outbox.try_again(Delivery.objects.filter(pk=chosen.pk))
    other.refresh_from_db()
    assert other.state == FAILED
    assert Mailing.objects.get(pk=other.mailing_id).state == Mailing.State.FAILED


def test_it_is_an_action_of_the_list(client: Client, cast: Cast, sue: User) -> None:
    delivery, pending = failed(cast.alice, cast), owe(cast.ed, cast)
    chosen = {"action": "try_again", "_selected_action": [delivery.pk, pending.pk]}
    assert "1 failed delivery is tried again." in text(client.post(DELIVERIES, chosen, follow=True))
    assert "0 failed deliveries are tried again." in text(client.post(DELIVERIES, chosen, follow=True))
    assert set(Delivery.objects.values_list("state", flat=True)) == {PENDING}


def test_who_may_only_look_is_not_offered_it(client: Client, cast: Cast) -> None:
    cast.vera.is_staff = True
    cast.vera.save()
    cast.vera.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(cast.vera)
    delivery = failed(cast.alice, cast)
    assert "Try failed deliveries again" not in text(client.get(DELIVERIES))
    client.post(DELIVERIES, {"action": "try_again", "_selected_action": [delivery.pk]})
    delivery.refresh_from_db()
    assert delivery.state == FAILED


@pytest.mark.parametrize("address", [DELIVERIES, MAILINGS, SUPPRESSIONS])
def test_who_may_not_look_sees_nothing(client: Client, cast: Cast, address: str) -> None:
    cast.vera.is_staff = True
    cast.vera.save()
    client.force_login(cast.vera)
    assert client.get(address).status_code == 403


# ---- looking --------------------------------------------------------------------------------------------------------


def test_the_list_says_what_happened_to_each(client: Client, cast: Cast, sue: User) -> None:
    failed(cast.alice, cast, title="Shop <b>is</b> down")
    page = text(client.get(DELIVERIES))
    for said in ("Shop <b>is</b> down", "Alice", "Acme", "email", "Failed", "550 no such user"):
        assert said in page


def test_the_newest_come_first_and_the_longest_waiting_can(client: Client, cast: Cast, sue: User) -> None:
    for days in (2, 3, 1):
        owe(cast.alice, cast, due_at=LONG_AGO - timedelta(days=days))
    first, second, third = (str(pk) for pk in Delivery.objects.order_by("pk").values_list("pk", flat=True))
    assert ids(client, DELIVERIES) == [third, second, first]
    assert ids(client, DELIVERIES, state__exact=PENDING, o="6") == [second, first, third]


def test_it_is_filtered_by_state_and_channel(client: Client, cast: Cast, sue: User) -> None:
    one, other = failed(cast.alice, cast), owe(cast.alice, cast, channel="push")
    assert ids(client, DELIVERIES, state__exact=FAILED) == [str(one.pk)]
    assert ids(client, DELIVERIES, channel="email") == [str(one.pk)]
    assert ids(client, DELIVERIES) == [str(other.pk), str(one.pk)]


@pytest.mark.parametrize("address", [DELIVERIES, MAILINGS])
def test_it_is_searched_by_address(client: Client, cast: Cast, sue: User, address: str) -> None:
    rows = {person: owe(person, cast, mailing=mailing(person, cast)) for person in (cast.alice, cast.ed)}
    found = rows[cast.alice].pk if address == DELIVERIES else rows[cast.alice].mailing_id
    assert ids(client, address, q="ALICE@example.com") == [str(found)]
    assert ids(client, address, q="alice") == []


def test_a_mailing_shows_what_the_provider_said_and_leads_to_what_it_tells(
    client: Client, cast: Cast, sue: User
) -> None:
    event = {"Details": "<script>550</script> né"}
    sending = mailing(cast.alice, cast, provider_status=Mailing.ProviderStatus.BOUNCED, provider_event=event)
    mine, other = owe(cast.alice, cast, mailing=sending), owe(cast.alice, cast)
    page = client.get(f"{MAILINGS}{sending.pk}/change/")
    assert "Bounced" in text(page)
    assert "&quot;Details&quot;: &quot;&lt;script&gt;550&lt;/script&gt; né&quot;" in page.content.decode()
    assert f'href="{DELIVERIES}?mailing={sending.pk}"' in page.content.decode()
    assert ids(client, DELIVERIES, mailing=str(sending.pk)) == [str(mine.pk)]
    assert ids(client, MAILINGS, provider_status__exact="bounced") == [str(sending.pk)]
    assert ids(client, MAILINGS, provider_status__exact="complained") == []
    assert other.mailing is None


def test_a_mailing_of_which_nothing_was_reported_shows_that(client: Client, cast: Cast, sue: User) -> None:
    sending = mailing(cast.alice, cast)
    assert client.get(f"{MAILINGS}{sending.pk}/change/").status_code == 200


@pytest.mark.parametrize("address", [DELIVERIES, MAILINGS])
def test_nothing_can_be_written_by_hand(client: Client, cast: Cast, sue: User, address: str) -> None:
    delivery = owe(cast.alice, cast, mailing=mailing(cast.alice, cast))
    key = delivery.pk if address == DELIVERIES else delivery.mailing_id
    assert client.get(f"{address}add/").status_code == 403
    assert client.get(f"{address}{key}/change/").status_code == 200
    assert client.post(f"{address}{key}/change/", {"state": SENT}).status_code == 403
    assert "Delete selected" not in text(client.get(address))


def test_deleting_a_thread_takes_its_deliveries_along(client: Client, cast: Cast, sue: User) -> None:
    thread = owe(cast.alice, cast).user_notification.notification
    client.post(f"/admin/team_notifications/notification/{thread.pk}/delete/", {"post": "yes"})
    assert not Delivery.objects.exists()


# ---- suppressions ---------------------------------------------------------------------------------------------------


def test_an_address_is_suppressed_in_lower_case_and_once(client: Client, cast: Cast, sue: User) -> None:
    form = {"address": "Alice@Example.com", "reason": "bounced", "at_0": "2026-01-01", "at_1": "12:00"}
    client.post(f"{SUPPRESSIONS}add/", form)
    assert Suppression.objects.get().address == "alice@example.com"
    again = client.post(f"{SUPPRESSIONS}add/", {**form, "address": "ALICE@example.com"})
    assert "already exists" in text(again)
    assert ids(client, SUPPRESSIONS, q="Alice@example.com") == [str(Suppression.objects.get().pk)]


def test_a_suppression_is_lifted_and_not_changed(client: Client, cast: Cast, sue: User) -> None:
    row = Suppression.objects.create(address="alice@example.com", reason="bounced")
    assert client.post(f"{SUPPRESSIONS}{row.pk}/change/", {"address": "ed@example.com"}).status_code == 403
    client.post(f"{SUPPRESSIONS}{row.pk}/delete/", {"post": "yes"})
    assert not Suppression.objects.exists()


# ---- a million rows -------------------------------------------------------------------------------------------------


def fill(cast: Cast, size: int) -> None:
    for number in range(size):
        sending = mailing(cast.alice if number % 2 else cast.ed, cast)
        owe(sending.user, cast, mailing=sending)
        Suppression.objects.create(address=f"{uuid.uuid4()}@example.com", reason="bounced")


def statements(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("address", [DELIVERIES, MAILINGS, SUPPRESSIONS])
def test_a_list_of_2_costs_as_many_queries_as_one_of_60(client: Client, cast: Cast, sue: User, address: str) -> None:
    fill(cast, 2)
    few = statements(client, address)
    fill(cast, 58)
    assert len(statements(client, address)) == len(few)


@pytest.mark.parametrize("address", [DELIVERIES, MAILINGS])
def test_no_list_counts_or_looks_through_the_whole_table(
    client: Client, cast: Cast, sue: User, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LongTable, "list_per_page", 2)
    monkeypatch.setattr(LongTable, "list_max_show_all", 2)
    fill(cast, 3)
    table = f'FROM "team_notifications_{address.split("/")[-2]}"'
    asked = [sql for sql in statements(client, address) if table in sql]
    assert len(asked) == 2  # how many, and a page of them
    assert [sql for sql in asked if "LIMIT" not in sql or "DISTINCT" in sql] == []


def test_a_list_goes_no_further_than_it_counts(
    client: Client, cast: Cast, sue: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UpTo, "LIMIT", 2)
    fill(cast, 5)
    assert "2 deliveries" in text(client.get(DELIVERIES))
