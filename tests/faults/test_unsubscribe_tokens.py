"""Ten thousand tokens that nobody here gave out: none stops anybody's mail."""

import json
import random
import secrets
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from django.core.signing import Signer, b64_decode, b64_encode
from django.test import Client

from team_notifications import preferences
from team_notifications.delivery.channels.email import unsubscribe
from team_notifications.delivery.channels.email.unsubscribe import token_for
from team_notifications.models import Preference
from tests.cast import Cast
from tests.faults.conftest import FAULTS, Note
from tests.web import UNSUBSCRIBE

TOKENS = 10_000 if FAULTS else 400
CONTROL = 100  # of the sort that the guard is against
ALPHABET = string.ascii_letters + string.digits + "-_=:."
ELSEWHERE = "django.core.signing.Signer"  # the salt of whoever in the project names none

Token = tuple[str, str]  # of which sort it is, and the token


@pytest.fixture
def preference(cast: Cast) -> Preference:
    """Something that could be changed, of the reader whom the others are after."""
    return Preference.objects.create(user=cast.vera, team=cast.acme, email_enabled=True)


@pytest.fixture
def seed() -> int:
    """Another one each time. It is printed, so that what was accepted once can be tried again."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return seed


@pytest.fixture
def dice(seed: int) -> random.Random:
    return random.Random(seed)


# ---- what people try ------------------------------------------------------------------------------------------------


def readers(cast: Cast) -> list[tuple[Any, Any]]:
    return [(user, team) for user in (cast.vera, cast.bob, cast.alice) for team in (cast.acme, cast.globex, None)]


def forged(cast: Cast, dice: random.Random) -> str:
    """Made up as a whole, or signed by somebody else or for something else."""
    user, team = dice.choice(readers(cast))
    value = [str(user.pk), str(team.pk) if team else "", "email", "unsubscribe"]
    genuine = token_for(user, team)
    return dice.choice(
        [
            lambda: letters(dice, len(genuine)),
            lambda: f"{genuine.partition(':')[0]}:{letters(dice, 43)}",
            lambda: Signer(key=letters(dice, 50), salt=unsubscribe.SALT).sign_object(value),
            lambda: Signer(salt=ELSEWHERE).sign_object(value),
            lambda: Signer(salt=unsubscribe.SALT).sign_object([*value[:2], "push", "unsubscribe"]),
            lambda: Signer(salt=unsubscribe.SALT).sign_object([*value[:3], "confirm"]),
            lambda: Signer(salt=unsubscribe.SALT).sign_object(value[:3]),
        ]
    )()


def altered(cast: Cast, dice: random.Random) -> str:
    """A token of ours with characters put in, taken out, exchanged, cut off or turned."""
    token = result = token_for(*dice.choice(readers(cast)))
    while result == token:
        at, other = dice.randrange(len(token)), dice.choice(ALPHABET)
        result = dice.choice(
            [
                token[:at] + other + token[at + 1 :],
                token[:at] + other + token[at:],
                token[:at] + token[at + 1 :],
                token[: at + 1],
                token.swapcase(),
                f"{token} ",
                f"{token}={other}",
            ]
        )
    return result


def cross_user(cast: Cast, dice: random.Random) -> str:
    """Who has a token for themselves makes it one for somebody else."""
    team = dice.choice([cast.acme, cast.globex, None])
    user, other = dice.sample([cast.vera, cast.bob, cast.alice], 2)
    return changed(token_for(user, team), 0, str(other.pk))


def cross_team(cast: Cast, dice: random.Random) -> str:
    """Who has a token for one team makes it one for another, or for the personal mail."""
    user = dice.choice([cast.vera, cast.bob, cast.alice])
    team, other = dice.sample([cast.acme, cast.globex, None], 2)
    return changed(token_for(user, team), 1, str(other.pk) if other else "")


def letters(dice: random.Random, number: int) -> str:
    return "".join(dice.choice(ALPHABET) for _ in range(number))


def changed(token: str, index: int, to: str) -> str:
    """The token with another value in that place, under the signature that it had."""
    payload, _, signature = token.partition(":")
    values = json.loads(b64_decode(payload.encode()))
    values[index] = to
    return f"{b64_encode(json.dumps(values, separators=(',', ':')).encode()).decode()}:{signature}"


SORTS: dict[str, Callable[[Cast, random.Random], str]] = {
    "forged": forged,
    "altered": altered,
    "cross-user": cross_user,
    "cross-team": cross_team,
}


def mixed(cast: Cast, dice: random.Random, number: int, sorts: Collection[str] = SORTS) -> Iterator[Token]:
    """As many of each sort, in any order."""
    each = [*sorts] * (number // len(sorts))
    dice.shuffle(each)
    for sort in each:
        yield sort, SORTS[sort](cast, dice)


# ---- what becomes of it ---------------------------------------------------------------------------------------------


def accepted(tokens: Iterator[Token]) -> Counter[str]:
    """How many of each sort the page took when they were posted, as a mail program would."""
    client = Client(enforce_csrf_checks=True)
    taken: Counter[str] = Counter()
    for sort, token in tokens:
        response = client.post(f"{UNSUBSCRIBE}{quote(token)}/", {"List-Unsubscribe": "One-Click"})
        assert response.status_code in {200, 404}
        taken[sort] += response.status_code == 200
    return taken


def hold(taken: Counter[str], before: list[dict[str, Any]]) -> None:
    assert +taken == Counter(), f"accepted: {+taken}"
    assert chosen() == before, "somebody's choice was changed"


def chosen() -> list[dict[str, Any]]:
    return list(Preference.objects.order_by("pk").values())


def test_no_token_that_we_did_not_give_out_is_accepted(
    cast: Cast, preference: Preference, dice: random.Random, seed: int, note: Note
) -> None:
    before = chosen()
    taken = accepted(mixed(cast, dice, TOKENS))
    for sort in SORTS:
        note.round(f"unsubscribe token {sort}, seed {seed}", times=TOKENS // len(SORTS), lost=taken[sort])
    hold(taken, before)
    # And those that we gave out are: or whatever was posted would have been refused.
    ours = [("ours", token_for(user, team)) for user, team in readers(cast)]
    assert accepted(iter(ours)) == Counter(ours=len(ours))
    [scope] = [scope for scope in preferences.scopes(cast.vera) if scope.team == cast.acme]
    assert scope.choices["email_enabled"].effective is False


# ---- negative controls ----------------------------------------------------------------------------------------------


def not_verified() -> AbstractContextManager[Any]:
    """Whatever has the form of a token is taken for one."""
    return mock.patch.object(Signer, "unsign", lambda signer, token: token.rpartition(":")[0])


def not_signed(index: int) -> AbstractContextManager[Any]:
    """The signature is about the other values, and good for whatever stands in this place."""
    original = Signer.signature

    def signature(signer: Signer, value: str, *arguments: Any) -> str:
        try:
            values = json.loads(b64_decode(value.encode()))
            values[index] = ""
        except (ValueError, TypeError, LookupError):
            return original(signer, value, *arguments)
        return original(signer, json.dumps(values), *arguments)

    return mock.patch.object(Signer, "signature", signature)


class Anything(str):
    """Equals what it is compared with."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


GUARDS: dict[str, tuple[Callable[[], AbstractContextManager[Any]], str]] = {
    "the signature of a token": (not_verified, "cross-user"),
    "the member in what is signed": (lambda: not_signed(0), "cross-user"),
    "the team in what is signed": (lambda: not_signed(1), "cross-team"),
    "a salt of its own": (lambda: mock.patch.object(unsubscribe, "SALT", ELSEWHERE), "forged"),
    "the channel in a token": (lambda: mock.patch.object(unsubscribe, "CHANNEL", Anything("email")), "forged"),
    "the purpose in a token": (lambda: mock.patch.object(unsubscribe, "PURPOSE", Anything("unsubscribe")), "forged"),
}


@pytest.mark.parametrize("guard", GUARDS)
def test_without_the_guard_some_would_be_accepted(
    cast: Cast, preference: Preference, dice: random.Random, note: Note, guard: str
) -> None:
    note.control(f"without: {guard}")
    take_out, sort = GUARDS[guard]
    before = chosen()
    with take_out():
        taken = accepted(mixed(cast, dice, CONTROL, [sort]))
    with pytest.raises(AssertionError, match="accepted"):
        hold(taken, before)
    assert chosen() != before
