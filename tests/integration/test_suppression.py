from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from team_notifications.delivery.channels.email.suppression import lift, suppress, suppressed
from team_notifications.models import Suppression

BOUNCED, COMPLAINED = Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED
FIRST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def state() -> tuple[str, str, datetime]:
    found = Suppression.objects.get()
    return found.address, found.reason, found.at


@pytest.mark.django_db
class TestSuppress:
    def test_the_case_of_an_address_does_not_matter(self) -> None:
        suppress("Alice@Example.COM", BOUNCED, FIRST)
        suppress("alice@example.com", BOUNCED, FIRST)
        assert state() == ("alice@example.com", BOUNCED, FIRST)

    def test_a_second_bounce_changes_nothing(self) -> None:
        suppress("alice@example.com", BOUNCED, FIRST)
        suppress("alice@example.com", BOUNCED, SECOND)
        assert state() == ("alice@example.com", BOUNCED, FIRST)

    def test_a_bounce_after_it_was_lifted_counts_anew(self) -> None:
        suppress("alice@example.com", BOUNCED, FIRST)
        lift("alice@example.com")
        suppress("alice@example.com", BOUNCED, SECOND)
        assert state() == ("alice@example.com", BOUNCED, SECOND)

    def test_a_complaint_takes_the_place_of_a_bounce(self) -> None:
        suppress("alice@example.com", BOUNCED, FIRST)
        suppress("alice@example.com", COMPLAINED, SECOND)
        assert state() == ("alice@example.com", COMPLAINED, SECOND)

    def test_a_bounce_does_not_take_the_place_of_a_complaint(self) -> None:
        suppress("alice@example.com", COMPLAINED, FIRST)
        suppress("alice@example.com", BOUNCED, SECOND)
        suppress("alice@example.com", COMPLAINED, SECOND)
        assert state() == ("alice@example.com", COMPLAINED, FIRST)

    def test_without_a_time_it_is_now(self) -> None:
        before = datetime.now(UTC)
        suppress("alice@example.com", BOUNCED)
        assert before <= state()[2] <= datetime.now(UTC)


@pytest.mark.django_db
class TestLift:
    def test_mail_may_go_again(self) -> None:
        suppress("alice@example.com", BOUNCED)
        suppress("ed@example.com", BOUNCED)
        assert lift("ALICE@example.com") is True
        assert list(Suppression.objects.values_list("address", flat=True)) == ["ed@example.com"]

    def test_twice_does_nothing(self) -> None:
        suppress("alice@example.com", BOUNCED)
        assert [lift("alice@example.com"), lift("alice@example.com")] == [True, False]


@pytest.mark.django_db
class TestSuppressed:
    def test_it_finds_those_among_many_by_their_address_in_lower_case(self) -> None:
        suppress("alice@example.com", BOUNCED)
        suppress("oscar@example.com", COMPLAINED)
        found = suppressed(["Alice@example.com", "ed@example.com"])
        assert {address: row.reason for address, row in found.items()} == {"alice@example.com": BOUNCED}

    def test_one_query_for_however_many(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            suppressed(f"somebody{number}@example.com" for number in range(500))

    def test_nobody_is_none(self) -> None:
        assert suppressed([]) == {}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_same_bounce_reported_to_eight_processes_at_once_is_one() -> None:
    start = Barrier(8)

    def work(_: int) -> None:
        try:
            start.wait()
            suppress("alice@example.com", BOUNCED, FIRST)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(work, range(8)))
    assert state() == ("alice@example.com", BOUNCED, FIRST)
