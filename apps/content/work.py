"""The steps of all sites: what beat and `work_content` do."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from content.credits import renew
from content.models import Site

INTERVAL = timedelta(seconds=10)  # from one step of a site to the next


def begin() -> Iterator[tuple[int, int]]:
    """Renews credits, and returns the site and the number of each step to be taken now.

    A site without keywords waits for somebody to import them, and one whose team has no credits until it has: that
    they are exhausted was told when the last was spent.
    """
    renew(timezone.now())
    has_credits = Site.objects.filter(team__credit_account__used__lt=F("team__credit_account__total"))
    sites = has_credits.exclude(keywords=None).order_by("pk").distinct()
    yield from sites.values_list("pk", "steps")
