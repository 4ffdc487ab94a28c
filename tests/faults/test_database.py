"""A database that is restarted under load: mail exists exactly for what was committed."""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.faults import work
from tests.faults.conftest import Note
from tests.faults.postgresql import FAST, IMMEDIATE, PostgreSQL
from tests.faults.stage import ACME, Database, Stage, migrate
from tests.processes import pool
from tests.smtp_server import MailServer, Received

pytestmark = pytest.mark.postgresql

REPORTERS, WORKERS = 3, 2
PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """Every process that is started from now on finds it in its environment."""
    with pytest.MonkeyPatch.context() as environment, ExitStack() as stack:
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("locks")))  # the wheel wants it to be ours
        server = stack.enter_context(PostgreSQL())
        environment.setenv("DATABASE_URL", server.url)
        migrate("postgres")
        yield server


@pytest.fixture
def server(postgresql: PostgreSQL) -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@contextmanager
def stage_of(postgresql: PostgreSQL, server: MailServer) -> Iterator[Stage]:
    """With a process that has not met the database before a restart."""
    with pool(1, "postgres") as crew:
        yield Stage(database=Database(name="postgres", url=postgresql.url), server=server, crew=crew)


def wait_until(condition: Callable[[], bool], failure: str) -> None:
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline, failure


@contextmanager
def workers(server: MailServer) -> Iterator[None]:
    """Each is `manage.py run_notifications`, and has to live through the restart."""
    with ExitStack() as stack:
        crews = [stack.enter_context(pool(1, "postgres")) for _ in range(WORKERS)]
        pids = [crew.once(os.getpid) for crew in crews]
        running = [crew.executor.submit(work.run_notifications, server.port) for crew in crews]
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
        for work_of_a_worker in running:
            work_of_a_worker.result(PATIENCE)


def numbers(mails: list[Received]) -> Counter[tuple[str, int]]:
    """How many mails, by their Message-ID, tell each member of each event."""
    told = {
        (mail.to, int(number), mail.message["Message-ID"])
        for mail in mails
        for part in mail.message.walk()
        if part.get_content_type() == "text/plain"
        for number in re.findall(r"Server (\d+) down", part.get_payload(decode=True).decode())
    }
    return Counter((member, number) for member, number, _ in told)


@dataclass(frozen=True, kw_only=True)
class Told:
    lost: set[tuple[str, int]]  # (member, event): committed, and not mailed
    invented: set[tuple[str, int]]  # mailed, and never committed
    told_twice: set[tuple[str, int]]  # in two mails of which a mail program cannot know that they are the same
    doubled: int  # mails that came once more, with the same Message-ID

    def hold(self) -> None:
        """Every member is told of every event that was committed, and of no other."""
        assert self.invented == set(), "mailed and never committed"
        assert self.lost == set(), "lost"
        assert self.told_twice == set(), "told twice"


def compare(server: MailServer, committed: set[int]) -> Told:
    told = numbers(server.received)
    wanted = {(member, number) for member in ACME for number in committed}
    return Told(
        lost=wanted - set(told),
        invented=set(told) - wanted,
        told_twice={pair for pair, mails in told.items() if mails > 1},
        doubled=len(server.received) - len({mail.message["Message-ID"] for mail in server.received}),
    )


# ---- under load -----------------------------------------------------------------------------------------------------


def restart_under_load(postgresql: PostgreSQL, server: MailServer, mode: str) -> set[int]:
    """Returns the events of which a reporter knows that they are committed."""
    with pool(REPORTERS, "postgres") as reporters, workers(server):
        futures: list[Future[Any]] = [
            reporters.executor.submit(work.report_through_a_failure, number) for number in range(REPORTERS)
        ]
        wait_until(lambda: len(server.received) > 2 * len(ACME), "there was no load")
        postgresql.restart(mode)
        confirmed = set().union(*(future.result(PATIENCE) for future in futures))
        with stage_of(postgresql, server) as stage:
            wait_until(lambda: set(stage.crew.once(work.states)) == {"sent"}, "not all was sent")
    return confirmed


def test_a_database_that_is_restarted_loses_nothing_and_invents_nothing(
    postgresql: PostgreSQL, server: MailServer, note: Note, rounds: Callable[..., range]
) -> None:
    for number in rounds(5):
        with stage_of(postgresql, server) as stage:
            stage.start_over()
        confirmed = restart_under_load(postgresql, server, (IMMEDIATE, FAST)[number % 2])
        with stage_of(postgresql, server) as stage:
            committed = stage.crew.once(work.threads)
        assert confirmed <= committed
        told = compare(server, committed)
        note.round("database restarted under load", lost=len(told.lost), doubled=told.doubled)
        told.hold()
        assert told.doubled <= WORKERS


# ---- between the event and its commit -------------------------------------------------------------------------------


def restart_before_the_commit(postgresql: PostgreSQL, server: MailServer, marker: Path, *without: str) -> None:
    with stage_of(postgresql, server) as stage:
        stage.start_over()
    with pool(1, "postgres") as reporter:
        arguments = (server.port, str(marker), without)
        reported = reporter.executor.submit(work.report_and_lose_the_database, *arguments)
        wait_until(marker.exists, "nothing was reported")
        postgresql.restart(FAST)
        reported.result(PATIENCE)
    with stage_of(postgresql, server) as stage:
        stage.finish()
        compare(server, stage.crew.once(work.threads)).hold()


def test_an_event_that_never_was_committed_is_not_mailed(
    postgresql: PostgreSQL, server: MailServer, note: Note, tmp_path: Path
) -> None:
    restart_before_the_commit(postgresql, server, tmp_path / "reported")
    note.round("database restarted before a commit")


def test_sent_before_the_commit_an_event_that_never_was_committed_would_be_mailed(
    postgresql: PostgreSQL, server: MailServer, note: Note, tmp_path: Path
) -> None:
    note.control("mailed before the commit, and the database restarted")
    with pytest.raises(AssertionError, match="mailed and never committed"):
        restart_before_the_commit(postgresql, server, tmp_path / "reported", "mail after the commit")
