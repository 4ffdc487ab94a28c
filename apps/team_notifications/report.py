"""What feature code reports, checked and cleaned before anything is written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.functional import Promise

from team_notifications import conf
from team_notifications.directory import concrete
from team_notifications.identifiers import check_event_data, check_slug, identifier_for
from team_notifications.levels import Level
from team_notifications.links import check_links
from team_notifications.texts import clean_message, clean_title

SOURCE_ID_MAX_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Report:
    """One occurrence: the columns of the thread that it begins or brings up to date."""

    team: Any  # None: it is personal, and belongs to `user`
    user: Any = None
    identifier: str
    slug: str
    event_data: dict[str, Any]
    params: dict[str, Any]
    title: str
    message: str
    own_title: bool = True
    own_message: bool = True
    level: Level
    permissions: list[str]
    links: dict[str, str]
    source_app: str
    source_model: str
    source_id: str
    expires_at: datetime | None

    @classmethod
    def check(
        cls,
        *,
        team: Any,
        slug: str,
        event_data: Mapping[str, Any] | None,
        params: dict[str, Any],
        title: str | Promise,
        message: str | Promise,
        own_title: bool,
        own_message: bool,
        level: Level | int | str,
        permissions: Collection[str] | None,
        links: Mapping[str, str] | None,
        source: Model | None,
        expires_at: datetime | None,
    ) -> "Report":
        """Raises TypeError or ValueError, naming the value, for anything that cannot be told. `params` are checked."""
        app, model, key = check_source(source)
        return cls(
            team=check_team(team),
            identifier=identifier_for(slug, event_data),
            slug=check_slug(slug),
            event_data=check_event_data(event_data),
            params=params,
            title=clean_title(title),
            message=clean_message(message),
            own_title=own_title,
            own_message=own_message,
            level=Level.parse(level),
            permissions=check_permissions(permissions),
            links=check_links(links),
            source_app=app,
            source_model=model,
            source_id=key,
            expires_at=check_time(expires_at),
        )


def check_team(team: Any) -> Any:
    """Returns `team`, a saved instance of the host's team model."""
    if not isinstance(team, conf.team_model()):
        raise TypeError(f"The team is a {conf.team_model()._meta.label}, not {team!r}.")
    if team.pk is None:
        raise ValueError(f"The team {team!r} is not saved yet.")
    return team


def check_permissions(permissions: Collection[str] | None) -> list[str]:
    """Returns the names sorted, each once. Whether they mean anything is for the directory to say."""
    if permissions is None:
        return []
    if isinstance(permissions, str) or not isinstance(permissions, Collection):
        raise TypeError(f"Permissions are a list of names like 'app_label.codename', not {permissions!r}.")
    for name in permissions:
        if not isinstance(name, str):
            raise TypeError(f"A permission is named by text like 'app_label.codename', not {name!r}.")
    return sorted(set(permissions))


def check_source(source: Model | None) -> tuple[str, str, str]:
    """App label, model and primary key of the object that it is about; empty when there is none."""
    if source is None:
        return "", "", ""
    if not isinstance(source, Model):
        raise TypeError(f"The source is a model instance, not {source!r}.")
    if source.pk is None:
        raise ValueError(f"The source {source!r} is not saved yet.")
    meta, key = concrete(source)._meta, str(source.pk)
    if len(key) > SOURCE_ID_MAX_LENGTH:
        raise ValueError(f"The source's key has more than {SOURCE_ID_MAX_LENGTH} characters: {key!r}.")
    return meta.app_label, str(meta.model_name), key


def check_time(expires_at: datetime | None) -> datetime | None:
    """Returns a time with a time zone, or None."""
    if expires_at is None:
        return None
    if not isinstance(expires_at, datetime):
        raise TypeError(f"expires_at is a datetime, not {expires_at!r}.")
    if timezone.is_naive(expires_at):
        raise ValueError(f"expires_at has no time zone: {expires_at!r}.")
    try:
        return expires_at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"expires_at is too far away: {expires_at!r}.") from None


def check_recipients(recipients: Iterable[Any] | None) -> QuerySet[Any, Any] | list[Any] | None:
    """The users' keys, as a list or still as a queryset."""
    if recipients is None:
        return None
    user_model = get_user_model()
    if isinstance(recipients, QuerySet):
        if not issubclass(recipients.model, user_model):
            raise TypeError(f"Recipients are users, not a queryset of {recipients.model._meta.label}.")
        return recipients.values("pk")
    if isinstance(recipients, str) or not isinstance(recipients, Iterable):
        raise TypeError(f"Recipients are a list or a queryset of users, not {recipients!r}.")
    return [_check_user(user) for user in recipients]


def _check_user(user: Any) -> Any:
    if not isinstance(user, get_user_model()):
        raise TypeError(f"A recipient is a {get_user_model()._meta.label}, not {user!r}.")
    if user.pk is None:
        raise ValueError(f"The recipient {user!r} is not saved yet.")
    return user.pk
