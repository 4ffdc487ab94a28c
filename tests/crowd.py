"""Teams of any size, made by a few statements."""

from django.contrib.auth.models import Group

from teams.models import Membership, Team
from users.models import User


def crowd(size: int, name: str = "Crowd", role: str = "Admin") -> Team:
    """A team of `size` members who hold `role`."""
    team = Team.objects.create(name=name, slug=name.lower())
    users = User.objects.bulk_create(
        User(email=f"{name.lower()}{number}@example.com", password="!") for number in range(size)
    )
    memberships = Membership.objects.bulk_create(Membership(team=team, user=user) for user in users)
    group = Group.objects.get(name=role)
    through = Membership.roles.through
    through.objects.bulk_create(through(membership=membership, group=group) for membership in memberships)
    return team
