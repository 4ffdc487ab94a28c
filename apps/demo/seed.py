"""Fills the database with the demo's people, teams, actions and sites, once. From then on it is theirs who use it."""

from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from content.keywords import import_keywords
from content.models import CreditAccount, Site
from custom_actions.editing import save_changes
from custom_actions.models import CustomAction
from demo.notifications import welcome
from demo.people import CREDITS, PASSWORD, PEOPLE, SITES, TEAMS, WATCHES, DemoSite, Person
from team_notifications.models import Preference
from teams.models import Membership, Team
from users.models import User

START_UP = timedelta(seconds=5)


@transaction.atomic
def seed(base_url: str) -> None:
    """Adds everything to a database that has nothing of it, and otherwise only moves the demo's own endpoints.

    `base_url` is where they answer: ``http://127.0.0.1:8000``.
    """
    base_url = base_url.rstrip("/")
    if not _is_seeded():
        _add_everything(base_url)
    _move_endpoints(base_url)
    # The server that they watch is started after this.
    CustomAction.objects.filter(url__startswith=base_url).update(next_check_at=timezone.now() + START_UP)


def _is_seeded() -> bool:
    """Any team or person of the demo is enough: somebody may have deleted the others, and what is deleted stays so."""
    emails = [person.email for person in PEOPLE]
    return Team.objects.filter(slug__in=TEAMS).exists() or User.objects.filter(email__in=emails).exists()


def _add_everything(base_url: str) -> None:
    teams = {slug: Team.objects.create(slug=slug, name=name) for slug, name in TEAMS.items()}
    for person in PEOPLE:
        _add_person(person, teams)
    CustomAction.objects.bulk_create(
        CustomAction(
            team=team,
            name=watch.name,
            url=base_url + reverse(watch.url_name),
            interval=watch.interval,
            timeout=watch.timeout,
        )
        for team in teams.values()
        for watch in WATCHES
    )
    CreditAccount.objects.bulk_create(CreditAccount(team=team, total=CREDITS) for team in teams.values())
    for site in SITES:
        _add_site(site, teams[site.team], base_url)


def _add_site(site: DemoSite, team: Team, base_url: str) -> None:
    """The team hears of its keywords; from then on the jobs go through them."""
    added = Site.objects.create(team=team, name=site.name, url=base_url + reverse(site.url_name))
    import_keywords(added, site.keywords)


def _move_endpoints(base_url: str) -> None:
    """The demo runs on another port now. What somebody pointed elsewhere meanwhile stays where it is."""
    for path in {reverse(watch.url_name) for watch in WATCHES}:
        for action in CustomAction.objects.filter(url__endswith=path).exclude(url=base_url + path):
            action.url = base_url + path
            save_changes(action, ["url"])
    for path in {reverse(site.url_name) for site in SITES}:
        Site.objects.filter(url__endswith=path).exclude(url=base_url + path).update(url=base_url + path)


def _add_person(person: Person, teams: dict[str, Team]) -> None:
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
    for slug, chosen in person.preferences.items():
        Preference.objects.create(user=user, team=teams.get(slug), **chosen)
    welcome(user)
