"""How long to wait after a failure. Pure, so that the schedule can be tested as a table."""

import random
from datetime import timedelta

FIRST_WAIT = timedelta(seconds=30)
FACTOR = 4
LONGEST_WAIT = timedelta(hours=12)
ENOUGH = 10  # fourfold waits to be past the longest; of twice as many no timedelta is large enough
JITTER = 0.2  # of the wait, either way: what failed together shall not come back together


def wait_after(attempts: int) -> timedelta:
    """The wait after the failure of try number `attempts` (1 for the first), however many there were."""
    times: int = FACTOR ** min(attempts - 1, ENOUGH)
    return min(FIRST_WAIT * times, LONGEST_WAIT) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  (no secret)
