"""Where a fault happens: a database of its own, a mail server, and processes that work on both."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from tests.faults import work
from tests.processes import Pool, pool
from tests.smtp_server import MailServer

ACME = {f"{name}@example.com" for name in ("alice", "bob", "ed", "vera")}  # whom every event is mailed to


@dataclass(frozen=True, kw_only=True)
class Database:
    name: str
    url: str


@contextmanager
def own_database(folder: Path) -> Iterator[Database]:
    """A migrated database that no other test uses: a file, or one more on the server that the run has."""
    if connection.vendor == "sqlite":
        path = folder / "db.sqlite3"
        database = Database(name=str(path), url=f"sqlite:///{path}")
        migrate(database.name)
        yield database
        return
    name = f"faults_{folder.name}".replace("-", "_")
    _on_the_server("CREATE DATABASE {}", name)
    try:
        database = Database(name=name, url=urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl())
        migrate(database.name)
        yield database
    finally:
        _on_the_server("DROP DATABASE {} WITH (FORCE)", name)


def migrate(name: str) -> None:
    with pool(1, name) as crew:
        crew.once(call_command, "migrate", "--verbosity=0")


def _on_the_server(statement: str, name: str) -> None:
    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    server = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname") if key in parameters}
    with psycopg.connect(**server, autocommit=True) as own:
        own.execute(sql.SQL(statement).format(sql.Identifier(name)))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the mails that were owed."""

    lost: int  # who should have a mail and has none
    doubled: int  # mails that somebody has once more
    strange: int  # of these, how many a mail program cannot know to be the same
    states: Counter[str]

    def hold(self, *, doubled: int = 0) -> None:
        """The promise: nothing is lost, and at most so many are doubled, with the same Message-ID."""
        assert self.lost == 0, f"lost: {self}"
        assert self.doubled <= doubled, f"doubled: {self}"
        assert self.strange == 0, f"another Message-ID: {self}"
        assert set(self.states) == {"sent"}, f"not sent: {self}"


@dataclass(frozen=True, kw_only=True)
class Stage:
    database: Database
    server: MailServer
    crew: Pool  # one process

    def start_over(self) -> None:
        self.crew.once(work.start_over)
        self.server.received.clear()

    def next_round(self) -> None:
        """The people stay; what happened and what was mailed is forgotten."""
        self.crew.once(work.forget_events)
        self.server.received.clear()

    def kill(self, doing: Callable[..., Any], *arguments: Any) -> None:
        """A process of its own does it, and is killed by it."""
        with pool(1, self.database.name) as doomed, pytest.raises(BrokenProcessPool):
            doomed.once(doing, *arguments)

    def finish(self, *, without: tuple[str, ...] = ()) -> None:
        """A worker that nothing happens to does all that is due."""
        self.crew.once(work.finish, self.server.port, without)

    def outcome(self, owed: set[str] = ACME) -> Outcome:
        mails: dict[str, list[Message]] = defaultdict(list)
        for mail in self.server.received:
            mails[mail.to].append(mail.message)
        names = sum(len({message["Message-ID"] for message in messages}) for messages in mails.values())
        return Outcome(
            lost=len(owed - set(mails)),
            doubled=sum(len(messages) for messages in mails.values()) - len(mails),
            strange=names - len(mails),
            states=self.crew.once(work.states),
        )
