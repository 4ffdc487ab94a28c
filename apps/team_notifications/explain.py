"""Why somebody got a thread, and why they did not: the rules of fan-out and inbox, one at a time and with a name.

What happened then is not kept, so the rules are asked as they stand now. What a row says of that time comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from django.db.models import Q
from django.utils import timezone

from team_notifications import conf, floors, inbox, kinds, preferences
from team_notifications.delivery.rules import rules_of
from team_notifications.delivery.schedule import send_at
from team_notifications.directory import UnknownPermission
from team_notifications.kind_preferences import kind_choice
from team_notifications.levels import Threshold
from team_notifications.models import Notification, UnfinishedFanout, UserNotification
from team_notifications.models.kind_preference import CHANNELS
from team_notifications.models.preference import Frequency
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Choice
from team_notifications.recipients import active_users, find_source

# ---- why they got it ------------------------------------------------------------------------------------------------


class Ground(Enum):
    """What is asked, in this order."""

    PERSONAL = auto()  # it is addressed to them alone
    MEMBER = auto()  # they are in the team
    PERMISSION = auto()  # they hold what it asks for
    CHANNEL = auto()  # the switch of a channel and its threshold
    KIND = auto()  # the channels that they want this kind through
    FLOOR = auto()  # what the team brings through a channel whatever they chose
    DO_NOT_DISTURB = auto()
    QUIET_HOURS = auto()
    MUTED = auto()


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One ground, and whether it `lets_through` now. Of the rest only what belongs to the ground is set.

    `how` is what the host says of it: "through the role Admin". `until` is when what holds back ends.
    """

    ground: Ground
    lets_through: bool = True
    permission: str = ""
    how: tuple[str, ...] = ()
    channel: str = ""
    switch: Choice | None = None
    threshold: Choice | None = None
    kind: Choice | None = None
    floor: Threshold | None = None
    until: datetime | None = None


def why(row: UserNotification, user: Any) -> list[Reason]:
    """Why `user` has `row`, in the order in which the rules are applied. A constant number of queries."""
    thread, now = row.notification, timezone.now()
    wishes = _Wishes.of(thread, user)
    return [
        *_may_know(thread, user),
        *(reason for channel in CHANNELS for reason in _wants(wishes, thread, channel)),
        *_waits(wishes, thread, now),
        *_muted(row, now),
    ]


def _may_know(thread: Notification, user: Any) -> list[Reason]:
    if thread.team is None:
        return [Reason(ground=Ground.PERSONAL)]
    source = find_source(thread) if thread.permissions else None
    return [
        Reason(ground=Ground.MEMBER, how=_grounds(user, thread.team, None)),
        *(
            Reason(ground=Ground.PERMISSION, permission=name, how=_grounds(user, thread.team, name, source))
            for name in thread.permissions
        ),
    ]


def _grounds(user: Any, team: Any, permission: str | None, source: Any = None) -> tuple[str, ...]:
    """What the host says of it; nothing where it says nothing. See `directory.ExplainingDirectory`."""
    ask = getattr(conf.directory(), "grounds", None)
    return tuple(ask(user, team, permission, source)) if ask else ()


def _wants(wishes: "_Wishes", thread: Notification, channel: str) -> list[Reason]:
    switch, threshold = wishes.of_channel(channel)
    reaches = switch.effective and thread.severity.weight >= threshold.effective
    reasons = [Reason(ground=Ground.CHANNEL, channel=channel, switch=switch, threshold=threshold, lets_through=reaches)]
    if kinds.find(thread.slug) or wishes.kind.own is not None:
        wanted = channel in wishes.kind.effective
        reasons.append(Reason(ground=Ground.KIND, channel=channel, kind=wishes.kind, lets_through=wanted))
    if wishes.is_under_floor(thread, channel):
        reasons.append(Reason(ground=Ground.FLOOR, channel=channel, floor=wishes.floors[channel]))
    return reasons


def _waits(wishes: "_Wishes", thread: Notification, now: datetime) -> list[Reason]:
    """What holds mail back now, whatever mail there is."""
    reasons = []
    if wishes.do_not_disturb_until is not None:
        until = wishes.do_not_disturb_until
        reasons.append(Reason(ground=Ground.DO_NOT_DISTURB, until=until, lets_through=False))
    rules = replace(rules_of(wishes.user, wishes.values, None), frequency=Frequency.INSTANT)
    quiet_until = send_at(rules, level=thread.severity, happened_at=now, now=now)
    if quiet_until > now:
        reasons.append(Reason(ground=Ground.QUIET_HOURS, until=quiet_until, lets_through=False))
    return reasons


def _muted(row: UserNotification, now: datetime) -> list[Reason]:
    if row.muted_until is None or row.muted_until <= now:
        return []
    return [Reason(ground=Ground.MUTED, until=row.muted_until, lets_through=False)]


@dataclass(frozen=True, kw_only=True)
class _Wishes:
    """What holds for a user where the thread is: for its team and its kind, or for personal ones."""

    user: Any
    choices: Mapping[str, Choice]
    kind: Choice
    floors: Mapping[str, Threshold]
    do_not_disturb_until: datetime | None

    @classmethod
    def of(cls, thread: Notification, user: Any) -> "_Wishes":
        here, everywhere = preferences.scopes_of(user, PERSONAL if thread.team is None else thread.team)
        ends = [scope.do_not_disturb_until for scope in (here, everywhere) if scope.do_not_disturb_until]
        return cls(
            user=user,
            choices=here.choices,
            kind=kind_choice(user, thread.slug, thread.team),
            floors={} if thread.team is None else floors.held_by(user).get(thread.team_id, {}),
            do_not_disturb_until=max(ends, default=None),
        )

    @property
    def values(self) -> dict[str, Any]:
        return {name: choice.effective for name, choice in self.choices.items()}

    def is_under_floor(self, thread: Notification, channel: str) -> bool:
        return channel in self.floors and self.floors[channel] <= thread.severity.weight

    def of_channel(self, channel: str) -> tuple[Choice, Choice]:
        """Its switch and its threshold."""
        return self.choices[f"{channel}_enabled"], self.choices[f"{channel}_level"]


# ---- why they did not -----------------------------------------------------------------------------------------------


class Rule(Enum):
    """What decides whether the inbox of a user shows a thread. Those above are asked before those below."""

    UNREAD = auto()  # it is shown
    READ = auto()
    INACTIVE = auto()
    NOT_THEIRS = auto()  # personal, of somebody else
    NOT_A_MEMBER = auto()
    LACKS_PERMISSION = auto()
    EXPIRED = auto()
    MUTED = auto()  # it was archived, and what happened since does not bring it back
    ARCHIVED = auto()
    SNOOZED = auto()
    IN_APP_OFF = auto()
    UNDER_THRESHOLD = auto()
    KIND_SILENCED = auto()
    ONLY_EMAIL = auto()  # when it happened; now the inbox would have it
    BEING_TOLD = auto()  # a large team is told chunk by chunk
    RESOLVED = auto()
    CLEANED_UP = auto()  # or what NO_COPY means
    NO_COPY = auto()  # they came later, the call named others, or they deleted it: that is not kept

    @property
    def got_it(self) -> bool:
        return self in {Rule.UNREAD, Rule.READ}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The first rule that kept a thread from a user, or that they got it. Of the rest only what belongs to the rule.

    `at` is when it began to hold, or when they read it; `until` when it ends; `choice` is what somebody chose.
    `by_email` says that mail was to tell them, `muted_until` that it is quiet for them although they have it.
    """

    rule: Rule
    permission: str = ""
    choice: Choice | None = None
    at: datetime | None = None
    until: datetime | None = None
    by_email: bool = False
    muted_until: datetime | None = None


def why_not(thread: Notification, user: Any) -> Answer:
    """Whether the inbox of `user` shows the thread, and if not, the first rule that keeps it away. Writes nothing."""
    now = timezone.now()
    if shown := inbox.visible_to(user).filter(notification=thread).first():
        muted_until = shown.muted_until if shown.muted_until and shown.muted_until > now else None
        rule = Rule.READ if shown.is_read else Rule.UNREAD
        return Answer(rule=rule, at=shown.read_at if shown.is_read else shown.notified_at, muted_until=muted_until)
    row = UserNotification.objects.filter(notification=thread, user=user.pk).first()
    return _may_not_know(thread, user) or (
        _put_away(thread, row, now) if row and row.in_app else _never_came(thread, row, user, now)
    )


def _may_not_know(thread: Notification, user: Any) -> Answer | None:
    if not active_users().filter(pk=user.pk).exists():
        return Answer(rule=Rule.INACTIVE)
    if thread.team is None:
        return None if thread.user_id == user.pk else Answer(rule=Rule.NOT_THEIRS)
    if not conf.directory().members(thread.team).filter(pk=user.pk).exists():
        return Answer(rule=Rule.NOT_A_MEMBER)
    source = find_source(thread) if thread.permissions else None
    for name in thread.permissions:
        if not _holds(user, thread.team, name, source):
            return Answer(rule=Rule.LACKS_PERMISSION, permission=name)
    return None


def _holds(user: Any, team: Any, permission: str, source: Any) -> bool:
    try:
        return conf.directory().holders(team, [permission], source).filter(pk=user.pk).exists()
    except UnknownPermission:  # it is gone, so nobody holds it
        return False


def _put_away(thread: Notification, row: UserNotification, now: datetime) -> Answer:
    """They have it, and it is not shown."""
    if thread.is_expired(now):
        return Answer(rule=Rule.EXPIRED, at=thread.expires_at)
    if row.archived_at is not None:
        if row.muted_until and row.muted_until > now and thread.last_event_at > row.archived_at:
            return Answer(rule=Rule.MUTED, at=row.archived_at, until=row.muted_until)
        return Answer(rule=Rule.ARCHIVED, at=row.archived_at)
    return Answer(rule=Rule.SNOOZED, until=row.snoozed_until)


def _never_came(thread: Notification, row: UserNotification | None, user: Any, now: datetime) -> Answer:
    """They have no copy in the inbox. With `row` mail alone was to tell them."""
    wishes = _Wishes.of(thread, user)
    switch, threshold = wishes.of_channel("in_app")
    by_email = row is not None
    if not wishes.is_under_floor(thread, "in_app"):
        if not switch.effective:
            return Answer(rule=Rule.IN_APP_OFF, choice=switch, by_email=by_email)
        if thread.severity.weight < threshold.effective:
            return Answer(rule=Rule.UNDER_THRESHOLD, choice=threshold, by_email=by_email)
        if "in_app" not in wishes.kind.effective:
            return Answer(rule=Rule.KIND_SILENCED, choice=wishes.kind, by_email=by_email)
    if row is not None:
        return Answer(rule=Rule.ONLY_EMAIL, at=row.notified_at, by_email=True)
    if thread.is_expired(now):
        return Answer(rule=Rule.EXPIRED, at=thread.expires_at)
    yet_to_tell = Q(next_user__lte=user.pk) | Q(again_from__lte=user.pk)
    if UnfinishedFanout.objects.filter(yet_to_tell, notification=thread).exists():
        return Answer(rule=Rule.BEING_TOLD)
    if thread.is_resolved:
        return Answer(rule=Rule.RESOLVED, at=thread.resolved_at)
    kept = timedelta(days=min(wishes.values["retention_days"], conf.settings().max_age_days))
    return Answer(rule=Rule.CLEANED_UP if thread.last_event_at + kept < now else Rule.NO_COPY)
