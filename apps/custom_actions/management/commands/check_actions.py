import logging
import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from custom_actions.checking import check, claim_due

PAUSE = 1.0  # seconds between two looks at what is due

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Checks the custom actions that are due, one after another, without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--forever", action="store_true", help="Go on until SIGTERM or SIGINT.")

    def handle(self, *, forever: bool, **options: Any) -> None:
        stop = Event()
        if forever:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        check_due(stop)
        while forever and not stop.wait(PAUSE):
            close_old_connections()
            check_due(stop)


def check_due(stop: Event) -> None:
    # Claimed one at a time: what is claimed but not reached before a stop would wait for its next turn.
    while not stop.is_set() and (claimed := claim_due(timezone.now(), limit=1)):
        for action in claimed:
            try:
                check(action)
            except DatabaseError:
                logger.exception("%s was not checked; it is again in %s s.", action, action.interval)
