from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from teams.permissions import Directory


def teams(request: HttpRequest) -> dict[str, Any]:
    """`my_teams`: the teams of the person who is signed in, looked up when a template first asks."""
    return {"my_teams": SimpleLazyObject(lambda: list(Directory().teams(request.user)))}
