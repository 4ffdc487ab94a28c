"""What is due for one member in one team goes together. Pure: which rows of the outbox make up the next batch.

The first due row of a member and team is the group's head, leased or not. Who leases the head has the whole group, so
two workers never send two halves of a digest.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """What choosing asks of a due delivery. A lease that ended by itself tells of a worker that ended too."""

    pk: int
    user_id: Any
    team_id: Any
    mailing_id: Any
    lease_until: datetime | None

    def is_leased(self, now: datetime) -> bool:
        return self.lease_until is not None and self.lease_until > now


@dataclass(frozen=True, kw_only=True)
class Group:
    head: Row
    rows: list[Row]


def next_batch(due: Iterable[Row], now: datetime, most: int) -> list[Group]:
    """The groups that one worker takes, up to `most` rows or one group. `due` is in the order in which it became due.

    A group whose worker ended goes alone: should it be what ends workers, it takes nobody else's mail along.
    """
    free = [group for group in _groups(due, now) if not group.head.is_leased(now)]
    suspect = next((group for group in free if group.head.lease_until is not None), None)
    if suspect is not None:
        return [suspect]
    sizes = accumulate(len(group.rows) for group in free)
    return [group for group, size in zip(free, sizes, strict=True) if size <= most] or free[:1]


def _groups(due: Iterable[Row], now: datetime) -> list[Group]:
    """A mailing that was tried before goes again as it was, and what came since goes with the next."""
    by_member: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
    for row in due:
        by_member[row.user_id, row.team_id].append(row)
    return [Group(head=rows[0], rows=_as_it_was(rows, now)) for rows in by_member.values()]


def _as_it_was(rows: list[Row], now: datetime) -> list[Row]:
    return [row for row in rows if row.mailing_id == rows[0].mailing_id and not row.is_leased(now)]
