from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from demo.people import people_table
from demo.seed import seed


class Command(BaseCommand):
    help = "Adds the demo's teams, people and actions, once, and prints who can sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="Where the demo itself answers.")

    def handle(self, *, base_url: str, **options: Any) -> None:
        seed(base_url)
        self.stdout.write(people_table())
