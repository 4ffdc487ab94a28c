"""A broker that is down, hangs, or forgets: no request fails or waits long, and nothing is lost."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from kombu.exceptions import OperationalError

from tests.faults import work
from tests.faults.conftest import Note
from tests.faults.stage import ACME, Stage
from tests.processes import Pool, pool
from tests.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
HELD = 5  # seconds: longer than this nobody who reports an event may be held
A_MINUTE = 60  # seconds after which all is sent when the broker is back
TIMES = 20


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Its address is in the environment of every process that is started from now on."""
    with RedisServer(tmp_path) as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        yield server


@pytest.fixture
def reporter(stage: Stage, broker: RedisServer) -> Iterator[Pool]:
    """A process that reports events, as a web process does."""
    with pool(1, stage.database.name) as process:
        process.once(work.report)  # whatever is opened once is open
        stage.next_round()
        _drop_messages(broker)
        yield process


def report(reporter: Pool, number: int = 0, *without: str) -> float:
    """Reports an event, and returns the seconds that it took. It is given up when it takes too long."""
    future: Future[float] = reporter.executor.submit(work.report_to_the_broker, number, without)
    try:
        return future.result(HELD + 3)
    except TimeoutError:
        return HELD + 3


def _drop_messages(broker: RedisServer) -> int:
    """Returns how many keys the broker has lost."""
    with broker.client() as client:
        keys = client.dbsize()
        client.flushall()
        return int(keys)


# ---- the faults -----------------------------------------------------------------------------------------------------


@contextmanager
def down(broker: RedisServer) -> Iterator[None]:
    broker.stop()
    yield
    broker.start()


@contextmanager
def hanging(broker: RedisServer) -> Iterator[None]:
    broker.hold_still()
    yield
    broker.go_on()


@contextmanager
def flushed(broker: RedisServer) -> Iterator[None]:
    """All that was published is lost before a worker sees it."""
    yield
    assert _drop_messages(broker) > 0


BROKER_FAULTS = {"down": down, "hanging": hanging, "flushed at publish": flushed}


@pytest.mark.parametrize("fault", BROKER_FAULTS)
def test_no_request_fails_or_waits_long_and_the_next_sweep_sends_all(
    stage: Stage, broker: RedisServer, reporter: Pool, note: Note, rounds: Callable[..., range], fault: str
) -> None:
    for number in rounds(TIMES, 2):
        stage.next_round()
        with BROKER_FAULTS[fault](broker):
            held = report(reporter, number)
        stage.finish()
        outcome = stage.outcome()
        note.round(f"broker {fault}", lost=outcome.lost, doubled=outcome.doubled)
        assert held < HELD, "held too long"
        outcome.hold()


# ---- with a real worker and a real beat -----------------------------------------------------------------------------


@contextmanager
def worker_and_beat(stage: Stage, folder: Path) -> Iterator[None]:
    mail_server = f"smtp://127.0.0.1:{stage.server.port}"
    own = {"DATABASE_URL": stage.database.url, "EMAIL_URL": mail_server, "VAR_DIR": str(folder)}
    with _celery(own, "worker", "--pool=solo"), _celery(own, "beat"):
        yield


@contextmanager
def _celery(own: dict[str, str], *arguments: str) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "config", *arguments, "--loglevel=ERROR"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own}) as process:
        try:
            yield
        finally:
            process.kill()


def report_many(reporter: Pool) -> None:
    for number in range(TIMES):
        assert report(reporter, number) < HELD, "held too long"


def wait_until_sent(stage: Stage, events: int, patience: float) -> float:
    """Returns the seconds until every mail about so many events was sent."""
    began = monotonic()
    while stage.crew.once(work.states) != {"sent": events * len(ACME)}:
        assert monotonic() - began < patience, f"not all was sent: {stage.crew.once(work.states)}"
    return monotonic() - began


def hold_a_minute(stage: Stage, note: Note, fault: str) -> None:
    took = wait_until_sent(stage, TIMES, patience=A_MINUTE)
    outcome = stage.outcome()
    note.round(f"broker {fault}, 20 events: sent {took:.0f} s after its return", lost=outcome.lost)
    assert outcome.lost == 0


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["down", "hanging"])
def test_all_is_sent_within_a_minute_of_the_brokers_return(
    stage: Stage, broker: RedisServer, reporter: Pool, note: Note, tmp_path: Path, fault: str
) -> None:
    with worker_and_beat(stage, tmp_path):
        report(reporter)
        wait_until_sent(stage, 1, patience=A_MINUTE)  # they are there, and stay
        stage.next_round()
        with BROKER_FAULTS[fault](broker):
            report_many(reporter)
            assert stage.crew.once(work.states) == {"pending": TIMES * len(ACME)}  # or there was no fault
        hold_a_minute(stage, note, fault)


@pytest.mark.faults
def test_all_is_sent_within_a_minute_although_the_broker_forgot_it(
    stage: Stage, broker: RedisServer, reporter: Pool, note: Note, tmp_path: Path
) -> None:
    with flushed(broker):
        report_many(reporter)
    with worker_and_beat(stage, tmp_path):
        hold_a_minute(stage, note, "flushed at publish")


# ---- negative controls ----------------------------------------------------------------------------------------------


def test_without_time_outs_a_broker_that_hangs_would_hold_whoever_reports(
    stage: Stage, broker: RedisServer, note: Note
) -> None:
    note.control("without: broker time-outs")
    with pool(1, stage.database.name) as process:
        process.once(work.states)  # it is ready
        with hanging(broker):
            held = report(process, 0, "broker time-outs")
    assert held > HELD


def test_without_the_catch_around_the_broker_whoever_reports_would_fail(
    stage: Stage, broker: RedisServer, reporter: Pool, note: Note
) -> None:
    note.control("broker down, without: catch around the broker")
    with down(broker), pytest.raises(OperationalError):
        report(reporter, 0, "catch around the broker")
    stage.finish()
    stage.outcome().hold()  # what was reported is committed all the same


def test_without_a_sweep_what_the_broker_forgot_would_never_be_sent(
    stage: Stage, broker: RedisServer, reporter: Pool, note: Note
) -> None:
    note.control("without: sweep")
    with flushed(broker):
        report(reporter)
    with pytest.raises(AssertionError, match="lost"):
        stage.outcome().hold()
