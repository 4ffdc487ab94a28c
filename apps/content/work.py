"""The steps of all sites: what beat and `work_content` do."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from content.credits import renew_depleted
from content.models import Site

INTERVAL = timedelta(seconds=10)  # from one step of a site to the next


def begin() -> Iterator[tuple[int, int]]:
    """Renews credits, and returns the site and the number of each step to be taken now.

    A site without keywords waits for somebody to import them.
    """
    renew_depleted(timezone.now())
    sites = Site.objects.exclude(keywords=None).order_by("pk").distinct()
    yield from sites.values_list("pk", "steps")
