"""People, teams and threads that look like a working week, for tests/pictures.py."""

from datetime import timedelta
from typing import Any

import time_machine
from django.contrib.auth.models import Group
from django.utils import timezone

from content import writing
from content.models import Article, Cluster, CreditAccount, Idea, Keyword, Site, State
from custom_actions.models import Check, CustomAction
from products.models import Product
from team_notifications import floors, inbox, preferences
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.kind_preferences import choose_channels
from team_notifications.levels import Threshold
from team_notifications.models import Floor, Suppression
from team_notifications.models.preference import Frequency
from team_notifications.notify import create_notification, notify_user, resolve_notification
from teams.models import Membership, Team
from users.models import User

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ACTION = {"Open action": "/teams/harbour-logistics/actions/", "History": "/teams/harbour-logistics/actions/"}


def seed(password: str) -> None:
    """Ines is in two teams, Noor in one where nothing happens, Tomás where texts have every extreme."""
    harbour, northwind, quiet, extremes = (
        Team.objects.create(name=name, slug=slug)
        for name, slug in (
            ("Harbour Logistics", "harbour-logistics"),
            ("Northwind Studio", "northwind-studio"),
            ("Lighthouse", "lighthouse"),
            ("מגדל האור", "extremes"),
        )
    )
    ines = person("Ines Carvalho", "ines@example.com", password, {harbour: "Admin", northwind: "Editor"})
    person("Marek Nowak", "marek@example.com", password, {harbour: "Editor"})
    person("Yuki Tanaka", "yuki@example.com", password, {harbour: "Viewer", northwind: "Admin"})
    person("Amara Okafor", "amara@example.com", password, {harbour: "Viewer"})
    person("Noor Haddad", "noor@example.com", password, {quiet: "Viewer"})
    person("Tomás Ferreira", "tomas@example.com", password, {extremes: "Admin"})
    preferences.choose(ines, in_app_level=Threshold.INFO)
    preferences.choose_for_team(harbour, email_frequency=Frequency.HOURLY)
    floors.choose(harbour, {("email", "teams.change_team"): Threshold.ERROR, ("in_app", floors.EVERYONE): 30})
    Floor.objects.create(team=harbour, channel="email", level=Threshold.ERROR, permission="fleet.drive_truck")
    preferences.choose(ines, northwind, in_app_enabled=True, email_frequency=Frequency.DAILY, quiet_hours=True)
    preferences.do_not_disturb(ines, northwind, until=timezone.now() + 2 * DAY)
    choose_channels(ines, "custom-action-slow", northwind, channels=["in_app"])
    suppress("marek@example.com", Suppression.Reason.BOUNCED)
    for name in ("Customs clearance", "Same-day delivery"):
        url = f"https://harbour.example/{name.lower().replace(' ', '-')}"
        Product.objects.create(team=harbour, name=name, url=url, created_by=ines)
    working_week(harbour, northwind)
    site_with_articles(harbour)
    with time_machine.travel(timezone.now() - 5 * MINUTE, tick=False):
        notify_user(ines, "Your export is ready", "The shipments of October, 12,480 rows.", "success", url="/")
    extreme_texts(extremes)


def person(name: str, email: str, password: str, roles: dict[Team, str]) -> User:
    first_name, last_name = name.split()
    user = User.objects.create_user(
        email, password, first_name=first_name, last_name=last_name, time_zone="Europe/Lisbon"
    )
    for team, role in roles.items():
        Membership.objects.create(user=user, team=team).roles.add(Group.objects.get(name=role))
    return user


def tell(ago: timedelta, team: Team, slug: str, level: str, title: str, message: str = "", **kwargs: Any) -> None:
    """A thread: it happened so many `times`, the last one `ago`, and was `resolved` or `read` since."""
    times, resolved, read = (kwargs.pop(key, 0) for key in ("times", "resolved", "read"))
    last = timezone.now() - ago
    for earlier in reversed(range(times or 1)):
        with time_machine.travel(last - earlier * 7 * MINUTE, tick=False):
            thread = create_notification(team=team, slug=slug, level=level, title=title, message=message, **kwargs)
    if resolved:
        with time_machine.travel(last + 9 * MINUTE, tick=False):
            resolve_notification(team=team, slug=slug)
    if read:
        inbox.mark_read(thread.user_notifications.all())


def working_week(harbour: Team, northwind: Team) -> None:
    for name, is_down in (("Checkout API", True), ("Customer portal", False), ("Nightly import", False)):
        url = f"https://{name.lower().replace(' ', '-')}.harbour.example/health"
        action = CustomAction.objects.create(
            team=harbour, name=name, url=url, is_down=is_down, last_checked_at=timezone.now()
        )
        for minutes in reversed(range(60)):
            watched(action, minutes * MINUTE, is_up=not is_down or minutes > 14)

    links = {"Download": "/"}
    tell(
        5 * DAY, northwind, "export", "success", "The July invoices are ready", "214 invoices.", links=links, read=True
    )

    tell(3 * DAY, harbour, "member-joined", "info", "Amara Okafor joined the team", read=True)

    title = "The certificate of track.harbour.example ends in 14 days"
    links = {"Renew it": "https://track.harbour.example/"}
    tell(26 * HOUR, harbour, "certificate-expires", "warning", title, links=links, times=2, read=True)

    berth_without_power(harbour)

    message = "GET https://portal.harbour.example/health did not answer within 10 s."
    tell(
        7 * HOUR, harbour, "portal-down", "error", "Customer portal is down", message, links=ACTION, times=6, resolved=1
    )

    title = "Yuki Tanaka left 3 comments on “Spring catalogue”"
    message = "“The second spread reads much better now. One question about the cover: is the blue the printed one?”"
    tell(3 * HOUR, northwind, "comment", "info", title, message, links={"Read them": "/"}, read=True)

    message = "12,480 shipments imported, none refused."
    tell(41 * MINUTE, harbour, "import-finished", "success", "Nightly import finished", message)

    message = "At this pace they last until Thursday. 4,100 remain."
    links = {"See usage": "/"}
    title = "80 % of this month's credits are used"
    tell(18 * MINUTE, northwind, "credits-low", "warning", title, message, links=links, times=3)

    message = "GET https://api.harbour.example/checkout/health answered 503 Service Unavailable after 2.4 s."
    tell(2 * MINUTE, harbour, "checkout-down", "error", "Checkout API is down", message, links=ACTION, times=14)


def berth_without_power(team: Team) -> None:
    """It happens for weeks, now graver and now milder, and asks for a permission."""
    texts = {
        "warning": ("Berth 4 is on its reserve", "The generator has fuel for six hours."),
        "error": ("Berth 4 has no power", "Both feeders of crane 4B are dead. Move the Adriana to berth 6."),
    }
    for days in (33, 32, 32, 31, 26, 21, 20, 20, 20, 19, 13, 12, 12, 9, 6, 5, 5, 5, 5, 4, 2):
        level = "warning" if days in {32, 20, 12} else "error"
        title, message = texts[level]
        with time_machine.travel(timezone.now() - days * DAY, tick=False):
            create_notification(
                team=team,
                slug="berth-power",
                level=level,
                title=title,
                message=message,
                permissions=["custom_actions.view_customaction"],
                links={"Plan of the berths": "/"},
            )
    rows = team.team_notifications.get(slug="berth-power").user_notifications
    for days, name in ((1, "marek"), (0, "yuki")):
        with time_machine.travel(timezone.now() - days * DAY, tick=False):
            inbox.mark_read(rows.filter(user__email=f"{name}@example.com"))
    inbox.archive(rows.filter(user__email="amara@example.com"))


def site_with_articles(team: Team) -> None:
    """Quiet: its threads are of no interest to the pictures of the inbox."""
    CreditAccount.objects.create(team=team, total=500, used=412)
    site = Site.objects.create(team=team, name="Harbour magazine", url="https://magazine.harbour.example/articles/")
    states = {"container": (State.PUBLISHED, State.FAILED), "customs": (State.REVIEW, State.DRAFT), "freight": ()}
    for name, written in states.items():
        cluster = Cluster.objects.create(site=site, name=name)
        Keyword.objects.bulk_create(
            Keyword(site=site, cluster=cluster, text=f"{name} {about}") for about in ("costs", "tracking", "insurance")
        )
        for state, title in zip(written, writing.ideas(name), strict=False):
            idea = Idea.objects.create(cluster=cluster, title=title)
            error = "Answered 503 Service Unavailable." if state is State.FAILED else ""
            Article.objects.create(site=site, idea=idea, title=title, words=312, state=state, error=error)
    Site.objects.update(synced_at=timezone.now() - 2 * HOUR)
    Site.objects.create(team=team, name="Careers", url="https://careers.harbour.example/api/posts/")


def watched(action: CustomAction, ago: timedelta, *, is_up: bool) -> None:
    """A check of the action, so long `ago`."""
    status_code, reason = (200, "") if is_up else (503, "Answered 503 Service Unavailable.")
    Check.objects.create(
        action=action, at=timezone.now() - ago, is_up=is_up, status_code=status_code, duration_ms=231, reason=reason
    )


def extreme_texts(team: Team) -> None:
    title, message = "שרת התשלומים חזר לפעול", "הכול תקין שוב, תודה על הסבלנות."
    tell(2 * DAY, team, "right-to-left", "info", title, message, links={"פרטים": "/"})

    tell(5 * HOUR, team, "markup", "warning", "<b>Not bold</b> & <script>alert('no')</script> 🎉", "<img src=x>")

    message = "\n".join(f"{shard}. Shard {shard} waited {shard * 3} s for its lock." for shard in range(1, 11))
    links = {f"Shard {number}": "/" for number in range(1, 9)}
    tell(HOUR, team, "ten-lines", "error", "Deployment 4,217 failed in its migration step", message, links=links)

    tell(4 * MINUTE, team, "long-title", "success", "W" * 200, times=120)
