"""Cleanups that are killed and run again: all that goes is gone, all that stays is there, no work is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool

import pytest

from tests.faults import aged
from tests.faults.aged import BETWEEN, WITHIN, Left
from tests.faults.conftest import Note
from tests.faults.stage import Database
from tests.processes import Pool, pool

MEMBERS, THREADS, CHUNK = 20, 30, 40  # 600 rows in 15 chunks
KILLED_AT = [1, 24, 14, 16, 18, 4, 31]  # chunks: of members' rows, of handler runs, of deliveries, of events


@pytest.fixture(scope="module")
def crew(database: Database) -> Iterator[Pool]:
    with pool(1, database.name) as crew:
        yield crew
        crew.once(aged.empty)


def kill(database: Database, where: str, chunk: int, chunks: int, *, in_one_transaction: bool = False) -> None:
    with pool(1, database.name) as doomed, pytest.raises(BrokenProcessPool):
        doomed.once(aged.clean_up_and_die, chunk, where, chunks, in_one_transaction)


def hold(before: Left, killed: Left, after: Left, promised: Left) -> None:
    assert killed.rows["UserNotification"] < before.rows["UserNotification"], "what was done before the kill is lost"
    assert after == promised


@pytest.mark.parametrize("where", [BETWEEN, WITHIN])
def test_a_cleanup_that_is_killed_goes_on_with_the_next(
    database: Database, crew: Pool, note: Note, rounds: Callable[..., range], where: str
) -> None:
    for number in rounds(len(KILLED_AT), short=2):
        promised = crew.once(aged.fill, MEMBERS, THREADS)
        before = crew.once(aged.left)
        kill(database, where, CHUNK, KILLED_AT[number])
        killed = crew.once(aged.left)
        crew.once(aged.clean_up, CHUNK)
        after = crew.once(aged.left)
        missing = sum(max(promised.rows[name] - count, 0) for name, count in after.rows.items())
        note.round(f"cleanup killed {where}: rows", lost=missing)
        hold(before, killed, after, promised)
        assert crew.once(aged.clean_up, CHUNK) == {}


@pytest.mark.faults
def test_a_cleanup_of_a_million_rows_that_is_killed_and_run_again(database: Database, crew: Pool, note: Note) -> None:
    promised = crew.once(aged.fill, 1_000, 1_000)
    before = killed = crew.once(aged.left)
    assert before.rows["UserNotification"] == 1_000_000
    for chunks in (3, 30, 90):
        kill(database, BETWEEN if chunks == 30 else WITHIN, 5_000, chunks)
        again = crew.once(aged.left)
        assert again.rows["UserNotification"] < killed.rows["UserNotification"]  # each got further than the one before
        killed = again
    crew.once(aged.clean_up, 5_000)
    after = crew.once(aged.left)
    note.round(
        "cleanup of a million rows killed three times",
        lost=promised.rows["UserNotification"] - after.rows["UserNotification"],
    )
    hold(before, killed, after, promised)


def test_three_cleanups_at_once_remove_each_row_once(database: Database, crew: Pool, note: Note) -> None:
    promised = crew.once(aged.fill, MEMBERS, THREADS)
    before = crew.once(aged.left)
    with pool(3, database.name) as three:
        removed = three.at_once(aged.clean_up_together, CHUNK)
    crew.once(aged.clean_up, CHUNK)  # each leaves alone what another one is at
    after = crew.once(aged.left)
    note.round("three cleanups at once: rows", doubled=max(_surplus(before, after, removed), 0))
    assert after == promised
    assert _surplus(before, after, removed) <= 0


def _surplus(before: Left, after: Left, removed: list[dict[str, int]]) -> int:
    gone = {name: count - after.rows[name] for name, count in before.rows.items()}
    return max(sum(one.get(name, 0) for one in removed) - count for name, count in gone.items())


# ---- negative control -----------------------------------------------------------------------------------------------


def test_in_one_transaction_all_the_work_would_be_lost(database: Database, crew: Pool, note: Note) -> None:
    note.control("cleanup in one transaction")
    promised = crew.once(aged.fill, MEMBERS, THREADS)
    before = crew.once(aged.left)
    kill(database, BETWEEN, CHUNK, KILLED_AT[2], in_one_transaction=True)
    killed = crew.once(aged.left)
    crew.once(aged.clean_up, CHUNK)
    with pytest.raises(AssertionError, match="is lost"):
        hold(before, killed, crew.once(aged.left), promised)
