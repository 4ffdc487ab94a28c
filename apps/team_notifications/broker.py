"""Messages to workers. Only calls: when one is lost, the next sweep finds the work."""

import logging
from time import monotonic
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

PAUSE = 30.0  # seconds: the sweeper comes by as often


class Broker:
    """A broker that was down a moment ago is not asked again at once: each caller would wait for the time-outs."""

    def __init__(self) -> None:
        self._down_until = 0.0

    def call(self, task: Task[..., Any], *arguments: Any, **options: Any) -> bool:
        """Sends the task with these arguments; the options are Celery's. Returns whether the broker has it."""
        if not task.app.conf.broker_url or monotonic() < self._down_until:  # a host without a broker sweeps
            return False
        try:
            # No retry: whoever reported the event waits for this.
            task.apply_async(arguments, retry=False, **options)
        except OperationalError as error:
            self._down_until = monotonic() + PAUSE
            logger.warning("The broker does not answer (%s). The sweeper does what is due.", error)
            return False
        return True


broker = Broker()
