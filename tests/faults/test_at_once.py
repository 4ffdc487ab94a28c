"""Several workers, several beats, a task that is delivered ten times: every mail once."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from team_notifications import conf, tasks
from team_notifications.delivery import mailings, outbox
from team_notifications.delivery.retry import ChannelError
from team_notifications.models import Delivery
from team_notifications.notify import create_notification
from tests.cast import Cast
from tests.crowd import crowd
from tests.faults import guards, work
from tests.faults.conftest import FAULTS, Note
from tests.faults.stage import Outcome, Stage
from tests.processes import Pool, pool

PROCESSES, MEMBERS = 8, 200 if FAULTS else 80
CROWD = {f"crowd{number}@example.com" for number in range(MEMBERS)}


@pytest.fixture(scope="module")
def eight(prepared: Stage) -> Iterator[Pool]:
    with pool(PROCESSES, prepared.database.name) as processes:
        yield processes


def sweep_at_once(stage: Stage, eight: Pool, *without: str) -> Outcome:
    """All eight sweep at the same moment."""
    stage.start_over()
    stage.crew.once(crowd, MEMBERS)
    stage.crew.once(work.report, 0, "crowd")
    eight.at_once(work.sweep, stage.server.port, without)
    return stage.outcome(CROWD)


def test_eight_workers_that_sweep_at_the_same_moment_send_each_mail_once(
    stage: Stage, eight: Pool, note: Note, rounds: Callable[..., range]
) -> None:
    for _ in rounds(10):
        outcome = sweep_at_once(stage, eight)
        note.round(f"8 beats at once, {MEMBERS} mails", lost=outcome.lost, doubled=outcome.doubled)
        outcome.hold()


def test_without_the_lease_eight_workers_would_send_twice(stage: Stage, eight: Pool, note: Note) -> None:
    note.control("without: lease")
    outcome = sweep_at_once(stage, eight, "lease", "last look", "token")
    with pytest.raises(AssertionError, match="doubled"):
        outcome.hold()


def test_a_task_that_is_delivered_ten_times_sends_each_mail_once(
    cast: Cast, note: Note, mailoutbox: list[object]
) -> None:
    create_notification(team=cast.acme, slug="server-down", title="Server down", level="error")
    for _ in range(10):
        tasks.deliver()
        tasks.sweep()
        note.round("the same task ten times", doubled=max(0, len(mailoutbox) - 4))
    assert len(mailoutbox) == 4


# ---- a worker that was thought dead ---------------------------------------------------------------------------------


def come_back_late(cast: Cast) -> None:
    """A worker fails after its lease has ended, while the next one is sending. Who has the delivery then?"""
    create_notification(team=cast.globex, slug="server-down", title="Server down", level="error")
    first = outbox.claim("email")
    ready = mailings._mailings([delivery] for delivery in first)
    with time_machine.travel(timezone.now() + conf.settings().delivery_lease + timedelta(seconds=1)):
        second = [delivery for _ in first for delivery in outbox.claim("email")]  # one member at a time
        for mailing, deliveries in ready.items():
            mailings._failed(mailing, deliveries, ChannelError("too late", permanent=True))
    now = {delivery.pk: (delivery.state, delivery.lease_token) for delivery in Delivery.objects.all()}
    assert now == {delivery.pk: ("pending", delivery.lease_token) for delivery in second}, "overwritten"


def test_a_worker_that_comes_back_late_overwrites_nothing(cast: Cast, note: Note) -> None:
    come_back_late(cast)
    note.round("worker back after its lease")


def test_without_the_token_a_worker_that_comes_back_late_would_overwrite(cast: Cast, note: Note) -> None:
    note.control("without: token")
    with guards.taken_out(["token"]), pytest.raises(AssertionError, match="overwritten"):
        come_back_late(cast)
