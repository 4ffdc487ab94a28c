"""Processes that are killed at a named step: nothing is lost, and a mail is doubled only after it was accepted."""

from collections.abc import Callable

import pytest
from django.db import connection

from tests.crowd import crowd
from tests.faults import steps, work
from tests.faults.conftest import Note
from tests.faults.stage import ACME, Outcome, Stage

BATCH = 20  # mails that a worker has at once


def promised() -> int:
    return 25 if connection.vendor == "postgresql" else 10


def kill(stage: Stage, step: str, number: int = 1, *without: str) -> Outcome:
    """A worker is killed at the mail `number`, and another one finishes."""
    stage.next_round()
    stage.crew.once(work.report)
    stage.kill(work.work_and_die, stage.server.port, step, number, without)
    stage.finish(without=without)
    return stage.outcome()


def kill_in_a_batch(stage: Stage, number: int, *without: str) -> Outcome:
    """A worker that has a whole batch is killed when the server has accepted the mail `number` of it."""
    stage.start_over()
    stage.crew.once(crowd, BATCH)
    stage.crew.once(work.report, 0, "crowd")
    stage.kill(work.work_and_die, stage.server.port, steps.AFTER_ACCEPTANCE, number, without, BATCH)
    assert len(stage.server.received) == number  # or it was no batch
    stage.finish(without=without)
    return stage.outcome({f"crowd{each}@example.com" for each in range(BATCH)})


@pytest.mark.parametrize("step", steps.WHERE)
def test_a_worker_that_is_killed_loses_nothing(
    stage: Stage, note: Note, rounds: Callable[..., range], step: str
) -> None:
    for number in rounds(promised()):
        outcome = kill(stage, step, 1 + number % len(ACME))
        note.round(f"worker killed {step}", lost=outcome.lost, doubled=outcome.doubled)
        outcome.hold(doubled=step in steps.ACCEPTED)


def test_a_worker_that_is_killed_in_the_middle_of_a_batch_doubles_one_mail_at_most(
    stage: Stage, note: Note, rounds: Callable[..., range]
) -> None:
    for number in rounds(promised()):
        outcome = kill_in_a_batch(stage, BATCH - number % BATCH)
        note.round(f"worker killed in a batch of {BATCH}", lost=outcome.lost, doubled=outcome.doubled)
        outcome.hold(doubled=1)


def test_a_process_that_is_killed_after_its_commit_loses_nothing(
    stage: Stage, note: Note, rounds: Callable[..., range]
) -> None:
    for _ in rounds(promised()):
        stage.next_round()
        stage.kill(work.report_and_die)
        stage.finish()
        note.round("reporter killed right after its commit", lost=stage.outcome().lost)
        stage.outcome().hold()


def test_what_is_rolled_back_is_not_mailed(stage: Stage, note: Note) -> None:
    stage.crew.once(work.report_and_roll_back, stage.server.port)
    stage.finish()
    note.round("transaction rolled back")
    assert stage.server.received == []


# ---- negative controls ----------------------------------------------------------------------------------------------


def test_recorded_before_it_is_sent_it_would_be_lost(stage: Stage, note: Note) -> None:
    note.control("recorded before it is sent")
    outcome = kill(stage, steps.AFTER_THE_CLAIM, 2, "record after sending")
    with pytest.raises(AssertionError, match="lost"):
        outcome.hold()


def test_recorded_at_the_end_of_the_batch_all_of_it_would_be_doubled(stage: Stage, note: Note) -> None:
    note.control("without: record before the next mail")
    outcome = kill_in_a_batch(stage, BATCH, "record before the next mail")
    with pytest.raises(AssertionError, match="doubled"):
        outcome.hold(doubled=1)
    assert outcome.doubled == BATCH


@pytest.mark.parametrize("guard", ["mailing before", "stable Message-ID"])
def test_without_a_mailing_that_lasts_a_second_mail_would_be_another_one(stage: Stage, note: Note, guard: str) -> None:
    note.control(f"without: {guard}")
    outcome = kill(stage, steps.AFTER_ACCEPTANCE, 2, guard)
    with pytest.raises(AssertionError, match="another Message-ID"):
        outcome.hold(doubled=1)


def test_planned_after_the_commit_it_would_be_lost(stage: Stage, note: Note) -> None:
    note.control("planned after the commit")
    stage.kill(work.report_and_die, ("plan in the transaction",))
    stage.finish()
    with pytest.raises(AssertionError, match="lost"):
        stage.outcome().hold()


def test_sent_before_the_commit_it_would_be_mailed_although_it_never_was(stage: Stage, note: Note) -> None:
    note.control("mailed before the commit")
    stage.crew.once(work.report_and_roll_back, stage.server.port, ("mail after the commit",))
    stage.finish()
    assert stage.server.accepted() == ["alice"]
