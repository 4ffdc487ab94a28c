"""Which due deliveries make up the next batch of a worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

from team_notifications.delivery.groups import Row, next_batch

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASED, LAPSED = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


def row(pk: int, user: str = "alice", team: Any = "acme", **others: Any) -> Row:
    return Row(**{"pk": pk, "user_id": user, "team_id": team} | DEFAULTS | others)


DEFAULTS = {"mailing_id": None, "lease_until": None}


def batch(*due: Row, most: int = 100) -> list[list[int]]:
    return [[row.pk for row in group.rows] for group in next_batch(due, NOW, most)]


def test_what_is_due_for_a_member_in_a_team_goes_together() -> None:
    assert batch(row(1), row(2, "ed"), row(3), row(4, team="globex"), row(5, team=None)) == [[1, 3], [2], [4], [5]]


def test_who_has_the_first_of_a_group_has_all_of_it() -> None:
    assert batch(row(1, lease_until=LEASED), row(2), row(3, "ed")) == [[3]]


def test_what_another_worker_has_stays_with_it() -> None:
    assert batch(row(1), row(2, lease_until=LEASED)) == [[1]]


def test_a_lease_that_ended_holds_nothing() -> None:
    assert batch(row(1, lease_until=LAPSED)) == [[1]]


def test_a_mailing_that_was_tried_goes_again_as_it_was() -> None:
    assert batch(row(1, mailing_id="tried"), row(2), row(3, mailing_id="tried")) == [[1, 3]]


def test_a_group_whose_worker_ended_goes_alone_and_first() -> None:
    assert batch(row(1), row(2, "ed", lease_until=LAPSED), row(3, "ed"), row(4, "vera", lease_until=LAPSED)) == [[2, 3]]


def test_a_batch_has_its_most_but_always_one_group() -> None:
    assert batch(row(1), row(2), row(3, "ed"), row(4, "vera"), most=3) == [[1, 2], [3]]
    assert batch(row(1), row(2), row(3, "ed"), most=1) == [[1, 2]]
    assert batch() == []
