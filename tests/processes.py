"""Work done at the same moment by several processes, on a database that all of them share."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

import django
from django.db import connection

PATIENCE = 120  # seconds until a process that waits for the others gives up


class Pool:
    """`count` processes with Django set up on the database `name`."""

    def __init__(self, executor: ProcessPoolExecutor, count: int) -> None:
        self.executor = executor
        self.count = count

    def once(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Runs `work` in one of the processes."""
        return self.executor.submit(_run, work, arguments).result(PATIENCE)

    def at_once(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Runs `work(number, *arguments)` in all processes; none begins before all are there."""
        futures = [self.executor.submit(_run_together, work, number, arguments) for number in range(self.count)]
        return [future.result(PATIENCE) for future in futures]


@contextmanager
def pool(count: int, name: str) -> Iterator[Pool]:
    context = get_context("spawn")
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_set_up, initargs=(name, context.Barrier(count))
    ) as executor:
        yield Pool(executor, count)


_together: Barrier


def _set_up(name: str, together: Barrier) -> None:
    global _together  # a barrier reaches a process only when it is started
    _together = together
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    connection.settings_dict["NAME"] = name


def _run(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return work(*arguments)


def _run_together(work: Callable[..., Any], number: int, arguments: tuple[Any, ...]) -> Any:
    _together.wait(PATIENCE)
    return work(number, *arguments)
