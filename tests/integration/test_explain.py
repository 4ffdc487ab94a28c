"""Why somebody got a thread and why they did not: every rule by its name, and never against what the inbox shows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from team_notifications import explain, inbox, preferences
from team_notifications.cleanup import clean_up
from team_notifications.explain import Answer, Ground, Reason, Rule, why_not
from team_notifications.kind_preferences import choose_channels
from team_notifications.levels import Level, Threshold
from team_notifications.models import Notification, Preference, UnfinishedFanout, UserNotification
from team_notifications.notify import create_notification, notify_user, resolve_notification
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Origin
from teams.models import Team
from teams.permissions import Directory
from tests.cast import Cast, assemble, join
from tests.crowd import crowd
from tests.kinds import kind, registered
from tests.web import row_of, tell

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANAGE = "teams.change_team"


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def rows(cast: Cast) -> Any:
    return UserNotification.objects.filter(user=cast.vera)


# ---- why not: the table ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What is done to Vera of Acme and a thread there of the slug and level that are told, and what is answered."""

    rule: Rule
    before: Callable[[Cast], object] = lambda cast: None
    told: tuple[tuple[str, Any], ...] = ()
    after: Callable[[Cast, Notification], object] = lambda cast, thread: None
    values: tuple[tuple[str, Any], ...] = ()


def leave(cast: Cast, thread: Notification) -> None:
    cast.acme.memberships.get(user=cast.vera).delete()


def switch_off_account(cast: Cast, thread: Notification) -> None:
    type(cast.vera).objects.filter(pk=cast.vera.pk).update(is_active=False)


def archive_and_mute_before_it_happens_again(cast: Cast, thread: Notification) -> None:
    inbox.archive(rows(cast))
    inbox.mute(rows(cast), NOON + DAY)
    with time_machine.travel(NOON + HOUR / 2, tick=False):
        tell(cast.acme)
        thread.refresh_from_db()


def become_old(cast: Cast, thread: Notification) -> None:
    Notification.objects.filter(pk=thread.pk).update(last_event_at=NOON - 91 * DAY)
    rows(cast).update(notified_at=NOON - 91 * DAY, read_at=NOON - 91 * DAY, is_read=True)
    thread.refresh_from_db()
    clean_up()


CASES = {
    "told": Case(Rule.UNREAD, values=(("at", NOON),)),
    "read": Case(Rule.READ, after=lambda cast, thread: inbox.mark_read(rows(cast)), values=(("at", NOON),)),
    "told and muted since": Case(
        Rule.UNREAD,
        after=lambda cast, thread: inbox.mute(rows(cast), NOON + DAY),
        values=(("muted_until", NOON + DAY),),
    ),
    "resolved": Case(Rule.READ, after=lambda cast, thread: resolve_notification(team=cast.acme, slug="server-down")),
    "under the threshold that was chosen since": Case(
        Rule.UNREAD, after=lambda cast, thread: preferences.choose(cast.vera, in_app_level=Threshold.ERROR)
    ),
    "switched off": Case(Rule.INACTIVE, after=switch_off_account),
    "left": Case(Rule.NOT_A_MEMBER, after=leave),
    "no permission": Case(
        Rule.LACKS_PERMISSION, told=(("permissions", ["teams.view_team", MANAGE]),), values=(("permission", MANAGE),)
    ),
    "permission that is gone": Case(
        Rule.LACKS_PERMISSION,
        after=lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(permissions=["gone.gone"]),
        values=(("permission", "gone.gone"),),
    ),
    "expired": Case(
        Rule.EXPIRED,
        told=(("expires_at", NOON + HOUR),),
        after=lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(expires_at=NOON),
        values=(("at", NOON),),
    ),
    "archived": Case(Rule.ARCHIVED, after=lambda cast, thread: inbox.archive(rows(cast)), values=(("at", NOON),)),
    "archived and muted, and it happened again": Case(
        Rule.MUTED,
        after=archive_and_mute_before_it_happens_again,
        values=(("at", NOON), ("until", NOON + DAY)),
    ),
    "archived and muted, and nothing happened": Case(
        Rule.ARCHIVED, after=lambda cast, thread: (inbox.archive(rows(cast)), inbox.mute(rows(cast), NOON + DAY))
    ),
    "snoozed": Case(
        Rule.SNOOZED,
        after=lambda cast, thread: inbox.snooze(rows(cast), NOON + DAY),
        values=(("until", NOON + DAY),),
    ),
    "inbox off": Case(
        Rule.IN_APP_OFF, lambda cast: preferences.choose(cast.vera, in_app_enabled=False, email_enabled=False)
    ),
    "inbox off, mail on": Case(
        Rule.IN_APP_OFF,
        lambda cast: preferences.choose(cast.vera, cast.acme, in_app_enabled=False),
        (("level", "error"),),
        values=(("by_email", True),),
    ),
    "under the threshold": Case(
        Rule.UNDER_THRESHOLD, lambda cast: preferences.choose(cast.vera, in_app_level=Threshold.ERROR)
    ),
    "kind silenced": Case(
        Rule.KIND_SILENCED,
        lambda cast: choose_channels(cast.vera, "ai-cluster-complete", cast.acme, channels=["email"]),
        (("slug", "ai-cluster-complete"),),
    ),
    "only mail, and the inbox was opened since": Case(
        Rule.ONLY_EMAIL,
        lambda cast: preferences.choose(cast.vera, in_app_enabled=False),
        (("level", "error"),),
        lambda cast, thread: preferences.choose(cast.vera, in_app_enabled=None),
        (("at", NOON), ("by_email", True)),
    ),
    "about to be told": Case(
        Rule.BEING_TOLD,
        after=lambda cast, thread: (
            rows(cast).delete(),
            UnfinishedFanout.objects.create(notification=thread, next_user=cast.alice),
        ),
    ),
    "resolved without a copy": Case(
        Rule.RESOLVED,
        after=lambda cast, thread: (
            inbox.delete(rows(cast)),
            resolve_notification(team=cast.acme, slug="server-down"),
        ),
        values=(("at", NOON),),
    ),
    "expired without a copy": Case(
        Rule.EXPIRED,
        told=(("expires_at", NOON + HOUR),),
        after=lambda cast, thread: (
            inbox.delete(rows(cast)),
            Notification.objects.filter(pk=thread.pk).update(expires_at=NOON),
        ),
    ),
    "cleaned up": Case(Rule.CLEANED_UP, after=become_old),
    "deleted": Case(Rule.NO_COPY, after=lambda cast, thread: inbox.delete(rows(cast))),
    "told to others": Case(Rule.NO_COPY, told=(("recipients", "ed"),)),
    "joined later": Case(
        Rule.NO_COPY,
        lambda cast: cast.acme.memberships.get(user=cast.vera).delete(),
        after=lambda cast, thread: join(cast.vera, cast.acme, "Viewer"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_answer_names_the_first_rule_that_kept_it_away(cast: Cast, case: Case) -> None:
    with registered(kind()):
        case.before(cast)
        told = dict(case.told)
        if "recipients" in told:
            told["recipients"] = [getattr(cast, told["recipients"])]
        if "slug" in told:
            told |= {"title": "x", "level": "info"}
        thread = tell(cast.acme, **told)
        case.after(cast, thread)
        thread = Notification.objects.select_related("team").get(pk=thread.pk)
        answer = why_not(thread, cast.vera)
    assert answer.rule is case.rule
    assert {name: getattr(answer, name) for name, _ in case.values} == dict(case.values)
    assert answer.rule.got_it == inbox.visible_to(cast.vera).filter(notification=thread).exists()


def test_every_rule_is_in_the_table_but_the_one_of_personal_threads() -> None:
    assert set(Rule) - {case.rule for case in CASES.values()} == {Rule.NOT_THEIRS}


def test_a_superuser_outside_the_team_is_no_member_of_it(cast: Cast) -> None:
    thread = tell(cast.acme)
    assert [why_not(thread, user).rule for user in (cast.sue, cast.oscar, cast.grace)] == [Rule.NOT_A_MEMBER] * 3


def test_a_personal_thread_is_its_owners(cast: Cast) -> None:
    row = notify_user(cast.vera, "Your export is ready")
    assert row is not None
    assert why_not(row.notification, cast.vera).rule is Rule.UNREAD
    assert why_not(row.notification, cast.ed).rule is Rule.NOT_THEIRS


def whose(cast: Cast, choose: Callable[[], object]) -> Origin | None:
    choose()
    choice = why_not(tell(cast.acme), cast.vera).choice
    return choice.origin if choice else None


def test_the_answer_says_whose_threshold_it_is(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DEFAULTS": {"in_app_level": Level.WARNING}}
    assert whose(cast, lambda: None) is Origin.SETTING
    team_default = {"user": None, "team": cast.acme, "in_app_level": Threshold.ERROR}
    assert whose(cast, lambda: Preference.objects.create(**team_default)) is Origin.TEAM
    assert whose(cast, lambda: preferences.choose(cast.vera, in_app_level=Threshold.ERROR)) is Origin.EVERYWHERE
    assert whose(cast, lambda: preferences.choose(cast.vera, cast.acme, in_app_level=Threshold.ERROR)) is Origin.HERE


ORDER: list[tuple[Rule, Callable[[Cast, Notification], object]]] = [
    (Rule.INACTIVE, switch_off_account),
    (Rule.NOT_A_MEMBER, leave),
    (Rule.LACKS_PERMISSION, lambda cast, thread: cast.acme.memberships.get(user=cast.vera).roles.clear()),
    (Rule.EXPIRED, lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(expires_at=NOON)),
    (Rule.ARCHIVED, lambda cast, thread: rows(cast).update(archived_at=NOON)),
    (Rule.SNOOZED, lambda cast, thread: rows(cast).update(snoozed_until=NOON + DAY)),
]
ORDER_WITHOUT_A_COPY: list[tuple[Rule, Callable[[Cast, Notification], object]]] = [
    (Rule.IN_APP_OFF, lambda cast, thread: preferences.choose(cast.vera, in_app_enabled=False)),
    (Rule.UNDER_THRESHOLD, lambda cast, thread: preferences.choose(cast.vera, in_app_level=Threshold.ERROR)),
    (Rule.KIND_SILENCED, lambda cast, thread: choose_channels(cast.vera, thread.slug, channels=["email"])),
    (Rule.EXPIRED, lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(expires_at=NOON)),
    (
        Rule.BEING_TOLD,
        lambda cast, thread: UnfinishedFanout.objects.create(notification=thread, next_user=cast.alice),
    ),
    (Rule.RESOLVED, lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(resolved_at=NOON)),
    (
        Rule.CLEANED_UP,
        lambda cast, thread: Notification.objects.filter(pk=thread.pk).update(last_event_at=NOON - 91 * DAY),
    ),
]


@pytest.mark.parametrize("has_copy", [True, False])
def test_of_several_rules_the_first_is_named(cast: Cast, has_copy: bool) -> None:
    """From the last to the first, each is added to those below it."""
    with registered(kind()):
        thread = tell(cast.acme, "ai-cluster-complete", title="x", permissions=["teams.view_team"])
        if not has_copy:
            rows(cast).delete()
        for rule, happens in reversed(ORDER if has_copy else ORDER[:3] + ORDER_WITHOUT_A_COPY):
            happens(cast, thread)
            thread = Notification.objects.select_related("team").get(pk=thread.pk)
            assert why_not(thread, cast.vera).rule is rule


# ---- why not: against the truth -------------------------------------------------------------------------------------

STEPS: dict[str, Callable[[Cast], object]] = {
    "it happens": lambda cast: tell(cast.acme, level="warning", permissions=["custom_actions.view_customaction"]),
    "it happens gravely": lambda cast: tell(cast.acme, level="error", permissions=["custom_actions.view_customaction"]),
    "it happens to others": lambda cast: tell(cast.acme, level="warning", recipients=[cast.ed]),
    "it ends": lambda cast: resolve_notification(team=cast.acme, slug="server-down"),
    "it expires": lambda cast: Notification.objects.update(expires_at=NOON),
    "read": lambda cast: inbox.mark_read(rows(cast)),
    "archive": lambda cast: inbox.archive(rows(cast)),
    "snooze": lambda cast: inbox.snooze(rows(cast), NOON + HOUR),
    "mute": lambda cast: inbox.mute(rows(cast), NOON + HOUR),
    "delete": lambda cast: inbox.delete(rows(cast)),
    "leave": lambda cast: cast.acme.memberships.filter(user=cast.vera).delete(),
    "join": lambda cast: cast.acme.memberships.filter(user=cast.vera).exists() or join(cast.vera, cast.acme, "Viewer"),
    "lose the role": lambda cast: [one.roles.clear() for one in cast.acme.memberships.filter(user=cast.vera)],
    "errors only": lambda cast: preferences.choose(cast.vera, in_app_level=Threshold.ERROR),
    "inbox off": lambda cast: preferences.choose(cast.vera, cast.acme, in_app_enabled=False),
    "inbox on": lambda cast: preferences.choose(cast.vera, cast.acme, in_app_enabled=True),
}


class AgainstTheInbox(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
    def test_it_says_they_got_it_where_the_inbox_shows_it_and_there_alone(self, steps: list[str]) -> None:
        with time_machine.travel(NOON, tick=False):
            cast = assemble()
            thread = tell(cast.acme, level="warning")
            for step in steps:
                STEPS[step](cast)
            thread = Notification.objects.select_related("team").get(pk=thread.pk)
            for user in (cast.vera, cast.ed, cast.oscar, cast.sue):
                shown = inbox.visible_to(user).filter(notification=thread).first()
                answer = why_not(thread, user)
                assert answer.rule.got_it == (shown is not None)
                assert answer.rule is not Rule.READ or (shown is not None and shown.is_read)
                assert holds(answer, thread, user)


def holds(answer: Answer, thread: Notification, user: Any) -> bool:
    """Whether what is answered is the case, by another way of asking than the answer came about."""
    is_member = thread.team.memberships.filter(user=user, user__is_active=True).exists() if thread.team else False
    row = UserNotification.objects.filter(notification=thread, user=user).first()
    wanted = next((scope for scope in preferences.scopes(user) if scope.team == thread.team), None)
    facts = {
        Rule.NOT_A_MEMBER: not is_member,
        Rule.LACKS_PERMISSION: not Directory().holders(thread.team, thread.permissions).filter(pk=user.pk).exists(),
        Rule.EXPIRED: thread.expires_at is not None,
        Rule.ARCHIVED: row is not None and row.archived_at is not None,
        Rule.MUTED: row is not None and row.archived_at is not None and row.muted_until is not None,
        Rule.SNOOZED: row is not None and row.snoozed_until is not None,
        Rule.IN_APP_OFF: wanted is not None and not wanted.choices["in_app_enabled"].effective,
        Rule.UNDER_THRESHOLD: wanted is not None and wanted.choices["in_app_level"].effective > thread.level,
        Rule.ONLY_EMAIL: row is not None and not row.in_app,
        Rule.RESOLVED: row is None and thread.is_resolved,
        Rule.NO_COPY: row is None,
    }
    return answer.rule.got_it or facts[answer.rule]


# ---- why ------------------------------------------------------------------------------------------------------------


def why(cast: Cast, thread: Notification) -> list[Reason]:
    return explain.why(row_of(cast.vera, thread), cast.vera)


def grounds(reasons: list[Reason]) -> list[tuple[Ground, str, bool]]:
    return [(reason.ground, reason.channel or reason.permission, reason.lets_through) for reason in reasons]


def test_the_reasons_come_in_the_order_in_which_the_rules_are_applied(cast: Cast) -> None:
    preferences.choose(cast.vera, quiet_hours=True, quiet_from=time(11), quiet_until=time(15))
    preferences.do_not_disturb(cast.vera, cast.acme, until=NOON + HOUR)
    preferences.do_not_disturb(cast.vera, until=NOON + 2 * HOUR)
    with registered(kind(slug="server-down")):
        choose_channels(cast.vera, "server-down", channels=["in_app"])
        thread = tell(cast.acme, permissions=["teams.view_team"])
        inbox.mute(rows(cast), NOON + DAY)
        reasons = why(cast, thread)
    assert grounds(reasons) == [
        (Ground.MEMBER, "", True),
        (Ground.PERMISSION, "teams.view_team", True),
        (Ground.CHANNEL, "in_app", True),
        (Ground.KIND, "in_app", True),
        (Ground.CHANNEL, "email", False),
        (Ground.KIND, "email", False),
        (Ground.DO_NOT_DISTURB, "", False),
        (Ground.QUIET_HOURS, "", False),
        (Ground.MUTED, "", False),
    ]
    assert [reason.until for reason in reasons[-3:]] == [NOON + 2 * HOUR, NOON + 3 * HOUR, NOON + DAY]
    assert [reason.how for reason in reasons[:2]] == [("as Viewer",), ("through the role Viewer",)]


def test_do_not_disturb_alone_is_no_quiet_hour(cast: Cast) -> None:
    preferences.do_not_disturb(cast.vera, until=NOON + HOUR)
    reasons = why(cast, tell(cast.acme))
    assert [reason.ground for reason in reasons if not reason.channel] == [Ground.MEMBER, Ground.DO_NOT_DISTURB]


def test_a_thread_without_a_kind_has_no_reason_for_it_unless_one_was_chosen(cast: Cast) -> None:
    thread = tell(cast.acme)
    assert [ground for ground, _, _ in grounds(why(cast, thread))] == [Ground.MEMBER, Ground.CHANNEL, Ground.CHANNEL]


def test_a_reason_says_where_its_threshold_comes_from(cast: Cast) -> None:
    thread = tell(cast.acme, level="error")
    preferences.choose(cast.vera, in_app_level=Threshold.WARNING)
    preferences.choose(cast.vera, cast.acme, email_level=Threshold.ERROR)
    _, in_app, email = why(cast, thread)
    assert in_app.threshold
    assert email.threshold
    assert (in_app.threshold.origin, in_app.threshold.effective) == (Origin.EVERYWHERE, Threshold.WARNING)
    assert (email.threshold.origin, email.threshold.effective) == (Origin.HERE, Threshold.ERROR)


def test_a_personal_thread_is_addressed_to_them_and_asks_the_personal_switches(cast: Cast) -> None:
    preferences.choose(cast.vera, PERSONAL, email_enabled=False)
    row = notify_user(cast.vera, "Your export is ready", level="error")
    assert row is not None
    reasons = explain.why(row, cast.vera)
    assert reasons[0].ground is Ground.PERSONAL
    by_email = next(reason for reason in reasons if reason.channel == "email")
    assert (by_email.lets_through, by_email.switch.origin if by_email.switch else None) == (False, Origin.HERE)


def test_what_holds_back_is_no_reason_when_it_is_over(cast: Cast) -> None:
    preferences.choose(cast.vera, quiet_hours=True, quiet_from=time(6), quiet_until=time(11))
    preferences.do_not_disturb(cast.vera, until=NOON + HOUR)
    thread = tell(cast.acme)
    inbox.mute(rows(cast), NOON + HOUR)
    with time_machine.travel(NOON + HOUR, tick=False):
        assert {reason.ground for reason in why(cast, thread)} == {Ground.MEMBER, Ground.CHANNEL}


class WithoutGrounds:
    """A directory of a host that cannot say why."""

    def __init__(self) -> None:
        for name in ("members", "holders", "teams", "permissions", "source_grants"):
            setattr(self, name, getattr(Directory(), name))


def test_a_host_that_cannot_say_why_says_nothing(cast: Cast, settings: Any) -> None:
    path = f"{__name__}.WithoutGrounds"
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DIRECTORY": path}
    reasons = why(cast, tell(cast.acme, permissions=["teams.view_team"]))
    assert [reason.how for reason in reasons[:2]] == [(), ()]


def test_the_reasons_agree_with_who_is_told(cast: Cast) -> None:
    for level in ("info", "warning", "error"):
        for threshold in Threshold:
            preferences.choose(cast.vera, in_app_level=threshold, email_enabled=False)
            slug = f"{level}-{threshold.name.lower()}"
            thread = create_notification(team=cast.acme, slug=slug, title="x", level=level)
            told = UserNotification.objects.filter(notification=thread, user=cast.vera).exists()
            _, in_app, _ = explain.why(UserNotification(notification=thread, user=cast.vera), cast.vera)
            assert in_app.lets_through == told


# ---- the grounds of this project's directory ------------------------------------------------------------------------


def test_each_way_of_holding_a_permission_is_said(cast: Cast) -> None:
    group = Group.objects.create(name="Ops")
    cast.vera.groups.add(group)
    viewer = Group.objects.get(name="Viewer")
    assign_perm("teams.view_team", cast.vera, cast.acme)
    assign_perm("teams.view_team", group, cast.acme)
    assign_perm("teams.view_team", viewer, cast.acme)
    assert Directory().grounds(cast.vera, cast.acme, "teams.view_team") == [
        "through the role Viewer",
        "granted to you on Acme",
        "granted to the group Ops on Acme",
        "granted to the role Viewer on Acme",
    ]


def test_a_grant_on_the_source_is_said_by_its_name(cast: Cast) -> None:
    group = Group.objects.create(name="Ops")
    cast.vera.groups.add(group)
    assign_perm("teams.change_team", group, cast.globex)
    assert Directory().grounds(cast.vera, cast.acme, MANAGE, cast.globex) == ["granted to the group Ops on Globex"]
    assert Directory().grounds(cast.vera, cast.acme, MANAGE) == []


def test_a_superuser_has_everything_as_one_and_an_outsider_nothing(cast: Cast) -> None:
    assert Directory().grounds(cast.sue, cast.acme, MANAGE) == []
    join(cast.sue, cast.acme)
    assert Directory().grounds(cast.sue, cast.acme, MANAGE) == ["as a superuser"]
    assert Directory().grounds(cast.oscar, cast.acme, None) == []


@pytest.mark.parametrize("name", ["alice", "ed", "vera", "bob", "grace", "oscar", "sue"])
@pytest.mark.parametrize("permission", ["teams.view_team", MANAGE, "team_notifications.view_readers"])
def test_there_is_a_ground_exactly_where_the_permission_is_held(cast: Cast, name: str, permission: str) -> None:
    user = getattr(cast, name)
    held = Directory().holders(cast.acme, [permission]).filter(pk=user.pk).exists()
    assert bool(Directory().grounds(user, cast.acme, permission)) == held


# ---- what it costs --------------------------------------------------------------------------------------------------


def test_a_team_of_10_costs_as_many_queries_as_one_of_1000(db: None) -> None:
    costs = []
    for size in (10, 1_000):
        team: Team = crowd(size, name=f"Crowd{size}")
        thread = tell(team, permissions=["teams.view_team"])
        row = UserNotification.objects.select_related("notification__team").filter(notification=thread)[0]
        user = Directory().members(team).get(pk=row.user_id)
        with CaptureQueriesContext(connection) as captured:
            explain.why(row, user)
            why_not(thread, user)
            UserNotification.objects.filter(pk=row.pk).delete()
            why_not(thread, user)
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 60
