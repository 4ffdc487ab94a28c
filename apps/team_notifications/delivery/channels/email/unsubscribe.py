"""The link by which a member stops one team's mail, or the personal mail, without signing in (RFC 8058).

Its token says who, which team, which channel and what for, and is signed. It never expires: mail is read, and stopped,
years later, and all that a token can do is to stop mail that its owner can turn on again. It is the same each time, so
that a mail which is sent again is the same mail.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from team_notifications import conf, floors, preferences
from team_notifications.personal import PERSONAL

CHANNEL = "email"
PURPOSE = "unsubscribe"
SALT = "team_notifications.unsubscribe"


class InvalidToken(ValueError):
    """Nobody here signed it, or it is about somebody or something that is gone."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What `user` gets by email from `team`; team None: the personal mail."""

    user: Any
    team: Any

    @property
    def scope(self) -> Any:
        """What it is called in the preferences."""
        return PERSONAL if self.team is None else self.team

    def still_comes(self) -> str:
        """What the team sends all the same, as a sentence; empty when there is nothing."""
        if self.team is None:
            return ""
        level = floors.held_by(self.user).get(self.team.pk, {}).get(CHANNEL)
        return "" if level is None else floors.sentence(CHANNEL, level, self.team)

    def stop(self) -> None:
        """The same as switching email off for it on the preferences page: what a floor demands goes on."""
        preferences.choose(self.user, self.scope, email_enabled=False)


def path_for(user: Any, team: Any) -> str:
    return reverse("team_notifications:unsubscribe", args=[token_for(user, team)])


def token_for(user: Any, team: Any) -> str:
    return Signer(salt=SALT).sign_object([_key(user), _key(team), CHANNEL, PURPOSE])


def read(token: str) -> Subscription:
    """The subscription that `token` is about. Raises InvalidToken."""
    try:
        user_key, team_key, channel, purpose = Signer(salt=SALT).unsign_object(token)
    except (BadSignature, ValueError) as error:
        raise InvalidToken(f"{token[:200]!r} is no token of ours.") from error
    if (channel, purpose) != (CHANNEL, PURPOSE):
        raise InvalidToken(f"This token is for {purpose!r} by {channel!r}, not for {PURPOSE!r} by {CHANNEL!r}.")
    user = get_user_model()._base_manager.filter(pk=user_key).first()
    team = conf.team_model()._base_manager.filter(pk=team_key).first() if team_key else None
    if user is None or (team is None and team_key):
        raise InvalidToken("The account or the team that this token is about is gone.")
    return Subscription(user=user, team=team)


def _key(instance: Any) -> str:
    return str(instance.pk) if instance is not None else ""
