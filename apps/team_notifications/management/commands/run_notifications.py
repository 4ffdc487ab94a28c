"""``manage.py run_notifications``: everything that workers and beat would do, without a broker."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from team_notifications.cleanup import Daily
from team_notifications.sweeper import sweep


class Command(BaseCommand):
    help = "Does what is due, again and again, in place of a worker and beat. Ctrl-C or SIGTERM stops it in between."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--interval", type=float, default=5.0, help="Seconds between two looks (default 5).")
        parser.add_argument("--once", action="store_true", help="Look once and stop, and leave the cleanup to others.")

    def handle(self, *, interval: float, once: bool, **options: Any) -> None:
        stop = threading.Event()
        if not once:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
        cleanup = Daily()
        while True:
            swept = sweep()
            if swept.notified or swept.mails:
                self.stdout.write(f"Notified {swept.notified} more members, sent {swept.mails} mails.")
            if swept.handled:
                self.stdout.write(f"Ran {swept.handled} handlers of events.")
            if once:
                return
            cleanup.go_on(interval, unless=stop.is_set)  # as long as it would pause: nobody waits longer for a mail
            if stop.wait(interval):
                return
            close_old_connections()  # as a request would; a database that was restarted meanwhile is asked anew
