"""Why somebody got a thread, and why they did not, as sentences. What is decided is decided in `explain`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from team_notifications import kinds
from team_notifications.explain import Answer, Ground, Reason, Rule
from team_notifications.inbox import FOREVER
from team_notifications.levels import Threshold
from team_notifications.models import Notification
from team_notifications.preferences import Choice, Origin


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """`text` says it, whether or not it `lets_through`; `note` says where that comes from."""

    text: str
    note: str = ""
    lets_through: bool = True


# ---- why they got it, said to themselves ----------------------------------------------------------------------------

YOURS = {
    Origin.HERE: _("your choice"),
    Origin.EVERYWHERE: _("your choice for everywhere"),
    Origin.TEAM: _("the team's default"),
    Origin.SETTING: _("the default"),
}
OFF = {"in_app": _("Nothing comes to your inbox"), "email": _("Nothing comes by email")}
TAKEN = {
    ("in_app", Threshold.INFO): _("Everything comes to your inbox"),
    ("in_app", Threshold.WARNING): _("Warnings and errors come to your inbox"),
    ("in_app", Threshold.ERROR): _("Errors come to your inbox"),
    ("email", Threshold.INFO): _("Everything comes by email"),
    ("email", Threshold.WARNING): _("Warnings and errors come by email"),
    ("email", Threshold.ERROR): _("Errors come by email"),
}
WANTED = {
    ("in_app", True): _("This kind comes to your inbox"),
    ("in_app", False): _("This kind does not come to your inbox"),
    ("email", True): _("This kind comes by email"),
    ("email", False): _("This kind does not come by email"),
}


def of_reason(reason: Reason, thread: Notification) -> Sentence:
    text, note = REASONS[reason.ground](reason, thread)
    return Sentence(text=text, note=note, lets_through=reason.lets_through)


def _member(reason: Reason, thread: Notification) -> tuple[str, str]:
    return gettext("You are in %(team)s") % {"team": thread.team}, ", ".join(reason.how)


def _permission(reason: Reason, thread: Notification) -> tuple[str, str]:
    return gettext("You hold %(permission)s") % {"permission": reason.permission}, ", ".join(reason.how)


def _channel(reason: Reason, thread: Notification) -> tuple[str, str]:
    if reason.switch is None or reason.threshold is None:
        raise ValueError(f"{reason!r} says nothing of its channel.")
    if not reason.switch.effective:
        return str(OFF[reason.channel]), str(YOURS[reason.switch.origin])
    text = str(TAKEN[reason.channel, Threshold(reason.threshold.effective)])
    if not reason.lets_through:
        text = gettext("%(what)s, and this is: %(level)s") % {"what": text, "level": thread.severity.label}
    return text, str(YOURS[reason.threshold.origin])


def _kind(reason: Reason, thread: Notification) -> tuple[str, str]:
    return str(WANTED[reason.channel, reason.lets_through]), str(YOURS[reason.kind.origin]) if reason.kind else ""


def _floor(reason: Reason, thread: Notification) -> tuple[str, str]:
    if reason.floor is None:
        raise ValueError(f"{reason!r} says nothing of its floor.")
    text = gettext("%(what)s whatever you choose") % {"what": TAKEN[reason.channel, reason.floor]}
    return text, gettext("a rule of %(team)s") % {"team": thread.team}


def _held_back(text: str, reason: Reason) -> tuple[str, str]:
    if reason.until == FOREVER:
        return gettext("You muted it for good"), gettext("repeats do not make it unread")
    return text % {"until": moment(reason.until)}, ""


REASONS: dict[Ground, Callable[[Reason, Notification], tuple[str, str]]] = {
    Ground.PERSONAL: lambda reason, thread: (gettext("It is addressed to you alone"), ""),
    Ground.MEMBER: _member,
    Ground.PERMISSION: _permission,
    Ground.CHANNEL: _channel,
    Ground.KIND: _kind,
    Ground.FLOOR: _floor,
    Ground.DO_NOT_DISTURB: lambda reason, thread: _held_back(
        gettext("Do not disturb: mail waits until %(until)s"), reason
    ),
    Ground.QUIET_HOURS: lambda reason, thread: _held_back(gettext("Quiet hours: mail waits until %(until)s"), reason),
    Ground.MUTED: lambda reason, thread: _held_back(gettext("You muted it until %(until)s"), reason),
}


# ---- why they did not, said to another ------------------------------------------------------------------------------

THEIRS = {
    Origin.HERE: _("They chose that."),
    Origin.EVERYWHERE: _("They chose that for everywhere."),
    Origin.TEAM: _("That is the team's default."),
    Origin.SETTING: _("That is the default."),
}
ANSWERS = {
    Rule.UNREAD: _("They got it, and it is unread since %(at)s."),
    Rule.READ: _("They got it, and it is read since %(at)s."),
    Rule.INACTIVE: _("Their account is not active."),
    Rule.NOT_THEIRS: _("It is addressed to somebody else."),
    Rule.NOT_A_MEMBER: _("They are not in %(team)s."),
    Rule.LACKS_PERMISSION: _("They do not hold %(permission)s, which it asks for."),
    Rule.EXPIRED: _("It expired on %(at)s."),
    Rule.MUTED: _("They archived it on %(at)s and muted it until %(until)s, so that repeats do not bring it back."),
    Rule.ARCHIVED: _("They archived it on %(at)s."),
    Rule.SNOOZED: _("They snoozed it until %(until)s."),
    Rule.IN_APP_OFF: _("Their inbox is off."),
    Rule.UNDER_THRESHOLD: _("Its level is %(level)s, and their inbox takes this: %(threshold)s."),
    Rule.KIND_SILENCED: _("Their inbox does not take “%(kind)s”."),
    Rule.ONLY_EMAIL: _("When it happened, only email reached them."),
    Rule.BEING_TOLD: _("The team is large, and they are about to be told."),
    Rule.RESOLVED: _("It was resolved on %(at)s, and they have no copy of it."),
    Rule.CLEANED_UP: _("They have no copy any more: old ones are removed."),
    Rule.NO_COPY: _(
        "They have no copy of it, though everything would let it through: they joined after it happened, it was told "
        "to other recipients, or they deleted it."
    ),
}


def of_answer(answer: Answer, thread: Notification) -> Sentence:
    kind = kinds.find(thread.slug)
    text = str(ANSWERS[answer.rule]) % {
        "at": moment(answer.at),
        "until": moment(answer.until),
        "team": thread.team,
        "permission": answer.permission,
        "level": thread.severity.label,
        "threshold": _threshold(answer),
        "kind": kind.label if kind else thread.slug,
    }
    return Sentence(text=text, note=" ".join(_notes(answer)), lets_through=answer.rule.got_it)


def _notes(answer: Answer) -> list[str]:
    notes = [str(THEIRS[answer.choice.origin])] if answer.choice else []
    if answer.by_email:
        notes.append(gettext("Mail was to tell them."))
    if answer.muted_until == FOREVER:
        notes.append(gettext("It is muted for good: repeats do not make it unread."))
    elif answer.muted_until:
        text = gettext("It is muted until %(until)s: repeats do not make it unread.")
        notes.append(text % {"until": moment(answer.muted_until)})
    return notes


def _threshold(answer: Answer) -> str:
    choice: Choice | None = answer.choice
    return str(Threshold(choice.effective).label) if answer.rule is Rule.UNDER_THRESHOLD and choice else ""


def moment(at: datetime | None) -> str:
    """A time in the zone of who reads it; empty where there is none."""
    if at is None:
        return ""
    if at == FOREVER:
        return gettext("they take that back")
    local = timezone.localtime(at)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}"
