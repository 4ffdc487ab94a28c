"""The people and teams that every test uses.

==========  =======  ===========================================
person      team     role
==========  =======  ===========================================
Alice       Acme     Admin
Ed          Acme     Editor
Vera        Acme     Viewer
Bob         both     Viewer of Acme, Admin of Globex
Grace       Globex   Admin
Oscar       –        an outsider
Sue         –        a superuser who is in no team
==========  =======  ===========================================
"""

from dataclasses import dataclass

from django.contrib.auth.models import Group

from teams.models import Membership, Team
from users.models import User


@dataclass(frozen=True, kw_only=True)
class Cast:
    acme: Team
    globex: Team
    alice: User
    ed: User
    vera: User
    bob: User
    grace: User
    oscar: User
    sue: User


def join(user: User, team: Team, *roles: str) -> Membership:
    """Makes `user` a member of `team` with these roles."""
    membership = Membership.objects.create(user=user, team=team)
    membership.roles.set([Group.objects.get(name=role) for role in roles])
    return membership


def assemble() -> Cast:
    def person(name: str, **fields: bool) -> User:
        return User.objects.create_user(email=f"{name.lower()}@example.com", first_name=name, **fields)

    cast = Cast(
        acme=Team.objects.create(name="Acme", slug="acme"),
        globex=Team.objects.create(name="Globex", slug="globex"),
        alice=person("Alice"),
        ed=person("Ed"),
        vera=person("Vera"),
        bob=person("Bob"),
        grace=person("Grace"),
        oscar=person("Oscar"),
        sue=person("Sue", is_superuser=True, is_staff=True),
    )
    join(cast.alice, cast.acme, "Admin")
    join(cast.ed, cast.acme, "Editor")
    join(cast.vera, cast.acme, "Viewer")
    join(cast.bob, cast.acme, "Viewer")
    join(cast.bob, cast.globex, "Admin")
    join(cast.grace, cast.globex, "Admin")
    return cast
