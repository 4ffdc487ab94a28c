"""Workers that are killed while they are at an event: each effect is there once, or its handler has failed."""

from collections import Counter
from collections.abc import Callable

import pytest

from team_notifications.events.runs import LOST
from tests.faults import event_work as work
from tests.faults.conftest import Note
from tests.faults.stage import Stage

DONE = Counter({(handler, "done"): 1 for handler in work.HANDLERS})


def tally(stage: Stage) -> tuple[int, int]:
    """How many effects are missing, and how many are there once more."""
    effects = stage.crew.once(work.effects)
    lost = sum(effects[handler] == 0 for handler in work.HANDLERS)
    return lost, effects.total() - len(effects)


def hold(stage: Stage, note: Note | None = None, fault: str = "") -> None:
    """The promise."""
    lost, doubled = tally(stage)
    if note:
        note.round(fault, lost=lost, doubled=doubled)
    assert lost == 0, f"lost: {stage.crew.once(work.states)}"
    assert doubled == 0, f"doubled: {stage.crew.once(work.effects)}"
    assert stage.crew.once(work.states) == DONE


def test_a_process_that_is_killed_after_it_published_loses_nothing(
    stage: Stage, note: Note, rounds: Callable[..., range]
) -> None:
    for _ in rounds(25):
        stage.kill(work.publish_and_die)
        stage.crew.once(work.finish)
        hold(stage, note, "publisher killed right after its commit")


@pytest.mark.parametrize("step", work.STEPS)
def test_a_worker_that_is_killed_loses_nothing_and_does_nothing_twice(
    stage: Stage, note: Note, rounds: Callable[..., range], step: str
) -> None:
    several = step not in {work.WHILE_IT_IS_DISPATCHED, work.AFTER_DISPATCHING}  # one for each handler
    for number in rounds(25, short=2 if several else 1):
        stage.crew.once(work.publish_one)
        stage.kill(work.work_and_die, step, 1 + number % 2 if several else 1)
        stage.crew.once(work.finish)
        hold(stage, note, f"worker of events killed {step}")


def test_a_handler_that_kills_its_worker_each_time_has_failed_in_the_end_and_the_other_is_done(
    stage: Stage, note: Note
) -> None:
    stage.crew.once(work.publish_one)
    for day in range(3):
        stage.kill(work.work_with_the_deadly_cup, day)
    stage.crew.once(work.work_with_the_deadly_cup, 4)
    note.round("handler that kills its worker each time")
    assert stage.crew.once(work.states) == {("cup", "failed"): 1, ("pot", "done"): 1}
    assert stage.crew.once(work.effects) == {"pot": 1}
    assert stage.crew.once(work.last_error_of, "cup") == LOST


# ---- negative controls ----------------------------------------------------------------------------------------------


def test_recorded_apart_it_would_be_done_twice(stage: Stage, note: Note) -> None:
    guard = "record in the handler's transaction"
    note.control(f"without: {guard}")
    stage.crew.once(work.publish_one)
    stage.kill(work.work_and_die, work.BEFORE_THE_RECORD, 1, (guard,))
    stage.crew.once(work.finish, (guard,))
    with pytest.raises(AssertionError, match="doubled"):
        hold(stage)


def test_dispatched_apart_it_would_be_lost(stage: Stage, note: Note) -> None:
    guard = "one transaction for dispatching"
    note.control(f"without: {guard}")
    stage.crew.once(work.publish_one)
    stage.kill(work.work_and_die, work.WHILE_IT_IS_DISPATCHED, 1, (guard,))
    stage.crew.once(work.finish)
    with pytest.raises(AssertionError, match="lost"):
        hold(stage)
