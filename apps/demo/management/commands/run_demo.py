import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from demo.people import people_table
from demo.preflight import LOOPBACK, check_database, check_port, find_broker
from demo.processes import run
from demo.seed import seed

ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104  (what somebody may ask for)


class Command(BaseCommand):
    help = "Migrates, seeds and starts the whole demo in this terminal: web, worker, beat and Redis. Ctrl-C stops it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=LOOPBACK)
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))  # until the processes run, there is nothing to stop
        address = f"http://{LOOPBACK if host in ANY_ADDRESS else host}:{port}"
        check_port(host, port)
        check_database()
        broker = find_broker(self.stdout.write)
        self.prepare(address)
        if not run(host, port, broker, announce=lambda: self.announce(address)):
            raise CommandError("A process ended by itself, so the others were stopped; what it said is above.")

    def prepare(self, address: str) -> None:
        self.stdout.write("Preparing the database …")
        try:
            call_command("migrate", verbosity=0)
            seed(address)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be brought up to date: {error}") from None
        connections.close_all()  # the processes that start now would share them

    def announce(self, address: str) -> None:
        self.stdout.write(f"\nThe demo is at {address}/ (Ctrl-C stops it)\n\n{people_table()}\n\n")
