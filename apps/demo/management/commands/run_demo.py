import signal
import sys
from argparse import ArgumentParser
from typing import Any

from celery import current_app
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.urls import reverse

from demo.people import people_table
from demo.preflight import LOOPBACK, Place, alone, check_database, check_place, find_broker
from demo.processes import run
from demo.seed import seed


class Command(BaseCommand):
    help = "Migrates, seeds and starts the whole demo in this terminal: web, worker, beat and Redis. Ctrl-C stops it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=LOOPBACK)
        parser.add_argument("--port", default="8000")

    def handle(self, *, host: str, port: str, **options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))  # until the processes run, there is nothing to stop
        with alone():
            place = check_place(host, port)
            check_database()
            broker = find_broker(self.stdout.write)
            self.prepare(place.url)
            if not run(place, broker, announce=lambda: self.announce(place)):
                raise CommandError("A process ended by itself, so the others were stopped; what it said is above.")

    def prepare(self, address: str) -> None:
        self.stdout.write("Preparing the database …")
        current_app.conf.update(broker_url="")  # nobody works yet: the sweeper finds what is told here
        try:
            call_command("migrate", verbosity=0)
            seed(address)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be brought up to date: {error}") from None
        connections.close_all()  # the processes that start now would share them

    def announce(self, place: Place) -> None:
        mails = f"Its mails are at {place.url}{reverse('demo-mails')}"
        self.stdout.write(f"\nThe demo is at {place.url}/ (Ctrl-C stops it)\n{mails}\n\n{people_table()}\n\n")
        if place.is_public:
            self.stdout.write("Whoever reaches this machine can open it, and sign in with these passwords.\n\n")
