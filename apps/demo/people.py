"""Who and what the demo shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from team_notifications.levels import Threshold
from team_notifications.models.preference import Frequency
from teams.roles import ADMIN, EDITOR, VIEWER

PASSWORD = "demo"  # noqa: S105  (printed to the terminal; these accounts are nobody's)

TEAMS = {"acme": "Acme", "globex": "Globex"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who can sign in. Teams are named by their slug; `""` among the preferences means everywhere."""

    name: str
    roles: Mapping[str, str] = field(default_factory=dict)
    preferences: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_superuser: bool = False

    @property
    def email(self) -> str:
        return f"{self.name.lower()}@example.com"

    @property
    def place(self) -> str:
        """Teams and roles, as the terminal shows them."""
        roles = [f"{TEAMS[team]}: {role}" for team, role in self.roles.items()]
        return ", ".join(roles) or "no team; the Django admin at /admin/"


PEOPLE = (
    Person(name="Alice", roles={"acme": ADMIN}),
    Person(
        name="Ed",
        roles={"acme": EDITOR},
        preferences={"acme": {"in_app_level": Threshold.WARNING, "email_frequency": Frequency.HOURLY}},
    ),
    Person(name="Vera", roles={"acme": VIEWER}),
    Person(name="Bob", roles={"acme": VIEWER, "globex": ADMIN}, preferences={"": {"in_app_level": Threshold.ERROR}}),
    Person(name="Grace", roles={"globex": EDITOR}, preferences={"globex": {"in_app_level": Threshold.ERROR}}),
    Person(name="Sue", is_superuser=True),
)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """An action that both teams have: a name, one of the demo's own endpoints, and seconds."""

    name: str
    url_name: str
    interval: int
    timeout: int = 5


WATCHES = (
    Watch(name="Shop", url_name="demo-healthy", interval=15),
    Watch(name="Search", url_name="demo-slow", interval=20, timeout=3),  # too slow for it: more than half of that
    Watch(name="Checkout", url_name="demo-flaky", interval=5),
)


@dataclass(frozen=True, kw_only=True)
class DemoSite:
    """A site of one team, with its keywords and with the demo's own endpoint that it publishes to."""

    team: str
    name: str
    url_name: str
    keywords: tuple[str, ...]


CREDITS = 50  # of each team; enough for some minutes

SITES = (
    DemoSite(
        team="acme",
        name="Garden blog",
        url_name="demo-flaky-articles",
        keywords=(
            "garden chairs",
            "garden chairs for small balconies",
            "how to clean garden chairs",
            "wooden garden table",
            "garden lights with solar panels",
            "balcony plants",
            "balcony plants for shade",
            "balcony herbs in winter",
            "raised bed",
            "raised bed soil",
            "raised bed with vegetables",
        ),
    ),
    DemoSite(
        team="globex",
        name="Energy magazine",
        url_name="demo-articles",
        keywords=(
            "heat pump",
            "heat pump cost",
            "heat pump for old houses",
            "solar panels on a flat roof",
            "solar panels with battery",
            "how long do solar panels last",
            "electricity tariffs by the hour",
            "compare electricity tariffs",
        ),
    ),
)


def people_table() -> str:
    """Who can sign in, for the terminal."""
    rows = [("sign in as", "password", "team and role"), *((who.email, PASSWORD, who.place) for who in PEOPLE)]
    return "\n".join(f"  {email:<20}{password:<10}{place}" for email, password, place in rows)
