import logging
import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from content.steps import take_step
from content.work import INTERVAL, begin

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Takes each site one step further, without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--forever", action="store_true", help="Go on until SIGTERM or SIGINT.")

    def handle(self, *, forever: bool, **options: Any) -> None:
        stop = Event()
        if forever:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        work(stop)
        while forever and not stop.wait(INTERVAL.total_seconds()):
            close_old_connections()
            work(stop)


def work(stop: Event) -> None:
    for site_id, number in list(begin()):
        if stop.is_set():
            return
        try:
            take_step(site_id, number)
        except DatabaseError:
            logger.exception("Step %s of site %s was not taken; it is tried again.", number, site_id)
