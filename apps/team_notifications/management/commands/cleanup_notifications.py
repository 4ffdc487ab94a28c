"""``manage.py cleanup_notifications``: removes what is past its age, as the daily task does."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model

from team_notifications import cleanup
from team_notifications.cleanup import Chunk

WIDTH = 30  # of the bar, in characters


class Command(BaseCommand):
    help = "Removes what was read or archived long ago, and what nobody has any more. Can be stopped and run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--max-age-days", metavar="N", help="In place of the setting MAX_AGE_DAYS.")
        parser.add_argument("--dry-run", action="store_true", help="Count what would go, and change nothing.")

    def handle(self, *, max_age_days: Any = None, dry_run: bool = False, **options: Any) -> None:
        try:
            chunks = cleanup.run(max_age_days=max_age_days, dry_run=dry_run)
        except ValueError as error:
            raise CommandError(f"--max-age-days: {error}") from None
        rows: Counter[type[Model]] = Counter()
        try:
            for chunk in chunks:
                rows[chunk.table] += chunk.rows
                self.show(chunk)
        finally:  # also when it was interrupted: so much is done
            self.show()
            self.stdout.write(f"{'Would remove' if dry_run else 'Removed'}: {cleanup.summary(rows)}.")

    def show(self, chunk: Chunk | None = None) -> None:
        """A bar on a terminal, and nothing elsewhere; wiped away without a chunk."""
        if not self.stderr.isatty():
            return
        line = ""
        if chunk is not None:
            bar = ("█" * round(WIDTH * chunk.share)).ljust(WIDTH, "░")
            line = f"{bar} {chunk.share:4.0%} {chunk.table._meta.verbose_name_plural}"
        self.stderr.write(f"\r\x1b[K{line}", style_func=str, ending="")
