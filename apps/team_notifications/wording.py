"""What is said: the caller's own words, else the operator's template, else the kind's texts, filled with the params.

Whatever is wrong with a text, the member is told: a template that cannot be filled gives way to the kind's own text,
and that to the kind's label. Both are logged, and templates that fail are counted.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from team_notifications import failures, kinds
from team_notifications.identifiers import check_event_data
from team_notifications.kinds import Kind
from team_notifications.models import Notification, NotificationTemplate
from team_notifications.placeholders import UNSTORABLE, fill
from team_notifications.sql import writing
from team_notifications.texts import clean_message, clean_title

logger = logging.getLogger(__name__)

Text = str | Promise


class WrongParams(TypeError, ValueError):
    """The names are not those of the kind: a TypeError as for arguments, a ValueError as for what they are about."""

    def __init__(self, kind: Kind, given: list[str] | None, missing: list[str], unexpected: list[str]) -> None:
        wrong = {"missing": missing, "unexpected": unexpected}
        told = "; ".join(f"{what} {', '.join(map(repr, names))}" for what, names in wrong.items() if names)
        takes = ", ".join(kind.params) or "none"
        super().__init__(f"The params of {kind.slug!r} do not fit: {told}. It takes {takes}; given was {given}.")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A template that could not be filled, and why."""

    template_id: int
    error: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """Title and message, the params that they were filled with, and the template that failed on the way.

    `own_title` and `own_message`: in the caller's own words.
    """

    title: Text
    message: Text
    params: dict[str, Any]
    own_title: bool = False
    own_message: bool = False
    failure: Failure | None = None

    def count_failure(self) -> None:
        if self.failure is not None:
            failures.count(self.failure.template_id, self.failure.error)


# ---- in the inbox ---------------------------------------------------------------------------------------------------


def choose(
    slug: str, kind: Kind | None, *, title: Text | None, message: Text | None, params: Mapping[str, object] | None
) -> Words:
    """What the thread says. Texts that are given are used as they are; the others are those of the kind.

    One query for the kind's template, and none where nothing is left to say. Raises TypeError without a kind for a
    missing title and for params, and what `check_params` raises.
    """
    if kind is None:
        return _own_words(slug, title, message, params)
    if title is not None and params is None and kind.params:
        # Somebody who tells it in words of their own: the message of the kind would be about values they do not have.
        return Words(
            title=title, message="" if message is None else message, params={}, own_title=True, own_message=True
        )
    checked = check_params(kind, params)
    if title is not None and message is not None:
        return Words(title=title, message=message, params=checked, own_title=True, own_message=True)
    said = _of_kind(kind, checked)
    return Words(
        title=said.title if title is None else title,
        message=said.message if message is None else message,
        params=checked,
        own_title=title is not None,
        own_message=message is not None,
        failure=said.failure,
    )


def check_params(kind: Kind, params: Mapping[str, object] | None) -> dict[str, Any]:
    """Returns a plain copy of `params` as JSON has it. Texts lose the characters that no database holds.

    Raises WrongParams for names that are missing or that the kind does not have, and what `check_event_data` raises
    for a value that JSON cannot hold.
    """
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"Params are a dict of JSON values, not {params!r}.")
    checked = check_event_data({name: _storable(value) for name, value in (params or {}).items()}, what="Param")
    missing = [name for name in kind.params if name not in checked]
    unexpected = [name for name in checked if name not in kind.params]
    if missing or unexpected:
        raise WrongParams(kind, None if params is None else list(params), missing, unexpected)
    return checked


def filled(title: Text, message: Text, params: Mapping[str, object]) -> Words:
    """Both texts filled and cleaned. Raises ValueError for a text, and TypeError for a value, that cannot be told."""
    title, message = clean_title(fill(title, params)), clean_message(fill(message, params))
    return Words(title=title, message=message, params=dict(params))


def _storable(value: object) -> object:
    """An error that somebody else wrote may hold anything, and is told all the same. What is lazily translated, is."""
    if isinstance(value, str | Promise):
        return UNSTORABLE.sub("", str(value))
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _own_words(slug: str, title: Text | None, message: Text | None, params: Mapping[str, object] | None) -> Words:
    if title is None:
        raise TypeError(f"The title is None, and no kind is registered for {slug!r} that could give one.")
    if params:
        raise TypeError(f"No kind is registered for {slug!r}, so there is no text for the params {list(params)!r}.")
    return Words(title=title, message="" if message is None else message, params={}, own_title=True, own_message=True)


def _of_kind(kind: Kind, params: dict[str, Any]) -> Words:
    """By the template, else by the kind, else its label."""
    failure = None
    template = writing(NotificationTemplate).filter(slug=kind.slug, channel=NotificationTemplate.Channel.IN_APP).first()
    if template is not None:
        try:
            return filled(template.title, template.body, params)
        except (TypeError, ValueError) as error:
            failure = _failed(template, error)
    try:
        said = filled(kind.title, kind.message, params)
    except (TypeError, ValueError) as error:
        logger.error("The kind %r: its own text cannot be filled, and its label is told instead: %s", kind.slug, error)
        return Words(title=_label(kind), message="", params=params, failure=failure)
    return Words(title=said.title, message=said.message, params=params, failure=failure)


def _label(kind: Kind) -> str:
    """Or the slug, where nothing that can be told is left of the label."""
    try:
        return clean_title(kind.label)
    except (TypeError, ValueError):
        return kind.slug


def _failed(template: NotificationTemplate, error: Exception) -> Failure:
    logger.error("The template “%s” cannot be filled, and the default text is told instead: %s", template, error)
    return Failure(template_id=template.pk, error=str(error))


# ---- in mails -------------------------------------------------------------------------------------------------------


def word_mails(threads: Collection[Notification]) -> None:
    """Sets `in_mail` on those that an email template words otherwise than the inbox. One query, whatever their number.

    What a caller told in words of their own stays as it is.
    """
    slugs = {thread.slug for thread in threads if _fits(thread)}
    if not slugs:
        return
    found = writing(NotificationTemplate).filter(slug__in=slugs, channel=NotificationTemplate.Channel.EMAIL)
    templates = {template.slug: template for template in found}
    worded: dict[int, Words] = {}
    for thread in threads:  # the same one for each of its readers
        if thread.slug in templates and _fits(thread):
            if thread.pk not in worded:
                worded[thread.pk] = _of_thread(thread, templates[thread.slug])
            thread.in_mail = str(worded[thread.pk].title), str(worded[thread.pk].message)
    _count([words.failure for words in worded.values() if words.failure])


def as_mailed(thread: Notification) -> Notification:
    """The thread with the title and the message that mails say. Asks the database nothing, and is not to be saved."""
    if thread.in_mail is None:
        return thread
    mailed = copy(thread)
    mailed.title, mailed.message = thread.in_mail
    return mailed


def _fits(thread: Notification) -> bool:
    if thread.own_title and thread.own_message:
        return False
    kind = kinds.find(thread.slug)
    return kind is not None and all(name in thread.params for name in kind.params)


def _of_thread(thread: Notification, template: NotificationTemplate) -> Words:
    """The template's words where the thread has not the caller's own."""
    failure = None
    try:
        said = filled(template.title, template.body, thread.params)
    except (TypeError, ValueError) as error:
        failure = _failed(template, error)
        said = Words(title=thread.title, message=thread.message, params=thread.params)
    return Words(
        title=thread.title if thread.own_title else said.title,
        message=thread.message if thread.own_message else said.message,
        params=thread.params,
        failure=failure,
    )


def _count(failed: Collection[Failure]) -> None:
    errors = {failure.template_id: failure.error for failure in failed}
    for template_id, times in Counter(failure.template_id for failure in failed).items():
        failures.count(template_id, errors[template_id], times)
