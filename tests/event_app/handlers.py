"""A feature whose handlers do what the event says, however bad that is."""

import os
import signal
import sys
import uuid
from time import sleep

from team_notifications.events.handlers import subscribe
from team_notifications.events.types import register_event
from team_notifications.models import EventLog
from teams.models import Team

TRIAL = "trial.began"


def register() -> None:
    register_event(TRIAL, "Something bad happens to a handler.", required=["what"])
    subscribe(TRIAL)(wilful)
    subscribe(TRIAL)(steady)


def wilful(event: EventLog) -> None:
    match event.payload["what"]:
        case "raise":
            raise RuntimeError("as it was told")
        case "leave":
            sys.exit(3)
        case "hang":
            sleep(3_600)
        case "hang for good":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            sleep(3_600)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)


def steady(event: EventLog) -> None:
    Team.objects.create(name="steady", slug=uuid.uuid4().hex)
