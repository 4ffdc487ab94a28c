from datetime import timedelta

import pytest

from team_notifications.backoff import wait_after


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 30), (2, 120), (3, 480), (4, 1_920), (7, 43_200), (8, 43_200), (1_000, 43_200)]
)
def test_the_wait_grows_fourfold_up_to_half_a_day_and_does_not_come_back_together(attempts: int, seconds: int) -> None:
    waits = {wait_after(attempts) for _ in range(200)}
    assert len(waits) > 100
    assert min(waits) >= timedelta(seconds=seconds * 0.8)
    assert max(waits) <= timedelta(seconds=seconds * 1.2)
