"""The faults that the outbox withstands.

``make test`` tries each a few times. ``make faults`` sets ``FAULTS=1``: then it is as often as was promised, the long
rounds run too, and a table says what was counted.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings

from tests.faults.stage import Database, Stage, own_database
from tests.processes import pool
from tests.smtp_server import MailServer

FAULTS = "FAULTS" in os.environ
ROUND, CONTROL = "round of a fault", "negative control"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not FAULTS:
        for item in items:
            if item.get_closest_marker("faults"):
                item.add_marker(pytest.mark.skip(reason="takes long: `make faults` runs it"))


# ---- where it happens -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Database]:
    with own_database(tmp_path_factory.mktemp(f"{os.getpid()}_{worker_id}")) as database:
        yield database


@pytest.fixture(scope="module")
def prepared(database: Database) -> Iterator[Stage]:
    with MailServer() as server, pool(1, database.name) as crew:
        yield Stage(database=database, server=server, crew=crew)


@pytest.fixture
def stage(prepared: Stage) -> Stage:
    """The fixed people and teams, a mail server that has no mail yet, and a worker."""
    prepared.start_over()
    return prepared


@pytest.fixture(scope="session")
def rounds() -> Callable[..., range]:
    """How often a fault is tried: as often as was promised, or a few times."""
    return lambda promised, short=1: range(promised if FAULTS else short)


# ---- what is counted ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Note:
    """Writes down what a round came to, for the table, and that a control was tried."""

    record: Callable[[str, object], None]

    def round(self, fault: str, *, lost: int = 0, doubled: int = 0, times: int = 1) -> None:
        self.record(ROUND, (fault, lost, doubled, times))

    def control(self, fault: str) -> None:
        self.record(CONTROL, (fault, 0, 0, 1))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    return Note(record=record_property)


@dataclass
class Line:
    times: int = 0
    lost: int = 0
    doubled: int = 0
    verdicts: set[str] = field(default_factory=set)

    def add(self, lost: int, doubled: int, times: int, verdict: str) -> None:
        self.times += times
        self.lost += lost
        self.doubled += doubled
        self.verdicts.add(verdict)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    lines, controls = _lines(reports, ROUND), _lines(reports, CONTROL)
    if not FAULTS or not lines:
        return
    scheme = settings.DATABASE_URL.partition(":")[0]
    terminalreporter.section(f"what it withstood, on {'SQLite' if scheme == 'sqlite' else 'PostgreSQL'}")
    form = "{:<66} {:>5} {:>5} {:>8}  {}"
    terminalreporter.line(form.format("fault", "times", "lost", "doubled", "verdict"))
    for fault, line in lines.items():
        verdict = "held" if line.verdicts == {"passed"} else "NOT HELD"
        terminalreporter.line(form.format(fault, line.times, line.lost, line.doubled, verdict))
    failing = sum(line.verdicts == {"passed"} for line in controls.values())
    terminalreporter.line(f"With a guard taken out, the same check failed, as it must: {failing} of {len(controls)}.")


def _lines(reports: list[pytest.TestReport], kind: str) -> dict[str, Line]:
    lines: dict[str, Line] = defaultdict(Line)
    for report in reports:
        for name, value in report.user_properties if report.when == "call" else []:
            if name == kind:
                fault, lost, doubled, times = value
                lines[fault].add(lost, doubled, times, report.outcome)
    return dict(sorted(lines.items()))
