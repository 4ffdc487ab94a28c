"""Fills the database with the demo's people, teams and actions. What is there already is kept."""

from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from custom_actions.editing import start_over
from custom_actions.models import CustomAction
from demo.people import PASSWORD, PEOPLE, TEAMS, WATCHES, Person, Watch
from team_notifications.models import Preference
from teams.models import Membership, Team
from users.models import User

START_UP = timedelta(seconds=5)


@transaction.atomic
def seed(base_url: str) -> None:
    """Adds what is missing, and moves the actions to `base_url` (``http://127.0.0.1:8000``) when they are elsewhere."""
    base_url = base_url.rstrip("/")
    teams = {slug: Team.objects.get_or_create(slug=slug, defaults={"name": name})[0] for slug, name in TEAMS.items()}
    for person in PEOPLE:
        _add_person(person, teams)
    for team in teams.values():
        for watch in WATCHES:
            _add_action(team, watch, base_url)
    # The server that they watch is started after this.
    CustomAction.objects.filter(url__startswith=base_url).update(next_check_at=timezone.now() + START_UP)


def _add_person(person: Person, teams: dict[str, Team]) -> None:
    if User.objects.filter(email__iexact=person.email).exists():
        return
    user = User.objects.create_user(
        email=person.email,
        password=PASSWORD,
        first_name=person.name,
        is_staff=person.is_superuser,
        is_superuser=person.is_superuser,
    )
    for slug, role in person.roles.items():
        membership = Membership.objects.create(user=user, team=teams[slug])
        membership.roles.add(Group.objects.get(name=role))
    for slug, threshold in person.inbox_thresholds.items():
        Preference.objects.create(user=user, team=teams.get(slug), in_app_level=threshold)


def _add_action(team: Team, watch: Watch, base_url: str) -> None:
    path = reverse(watch.url_name)
    url = base_url + path
    action, created = CustomAction.objects.get_or_create(
        team=team, name=watch.name, defaults={"url": url, "interval": watch.interval, "timeout": watch.timeout}
    )
    # An action that somebody pointed elsewhere meanwhile stays theirs.
    if not created and action.url != url and action.url.endswith(path):
        action.url = url
        action.save(update_fields=["url"])
        start_over(action)
