"""The roles of a team, seeded after every migrate with the permissions that each feature declares.

A feature says in its ``AppConfig`` what its permissions mean for a role::

    role_permissions = {"Admin": ["custom_actions.change_customaction"], "Viewer": [...]}
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.core.checks import CheckMessage, Error, register

HINT = "Permissions are named 'app_label.codename'; look at the Meta class of the model."
ADMIN, EDITOR, VIEWER = ROLES = ("Admin", "Editor", "Viewer")


def declared_by(app: AppConfig) -> dict[str, list[str]]:
    """Role → names of permissions, as the app declares them."""
    return getattr(app, "role_permissions", {})


def seed_roles(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Gives the roles the permissions of `sender`, whichever app declares them. Adds only: what an operator granted
    besides stays.

    When `sender` was migrated its permissions are there; those of an app that comes later are not.
    """
    for role, names in _declared().items():
        wanted = [codename for app, _, codename in (name.partition(".") for name in names) if app == sender.label]
        if wanted:
            group, _ = Group.objects.using(using).get_or_create(name=role)
            permissions = Permission.objects.using(using)
            group.permissions.add(*permissions.filter(content_type__app_label=sender.label, codename__in=wanted))


def _declared() -> dict[str, list[str]]:
    """Role → names of permissions, as all apps declare them."""
    declared: dict[str, list[str]] = {}
    for app in apps.get_app_configs():
        for role, names in declared_by(app).items():
            declared.setdefault(role, []).extend(names)
    return declared


@register
def check_role_permissions(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """teams.E001: an app declares a role that is none. teams.E002: it declares a permission that no model has."""
    known = set(_known_permissions())
    found: list[CheckMessage] = []
    for app in app_configs or apps.get_app_configs():
        for role, names in declared_by(app).items():
            if role not in ROLES:
                found.append(Error(f"{role!r} is no role.", hint=f"There are {ROLES}.", obj=app, id="teams.E001"))
            found.extend(
                Error(f"There is no permission {name!r}.", hint=HINT, obj=app, id="teams.E002")
                for name in sorted(set(names) - known)
            )
    return found


def _known_permissions() -> Iterator[str]:
    for model in apps.get_models():
        meta = model._meta
        for action in meta.default_permissions:
            yield f"{meta.app_label}.{action}_{meta.model_name}"
        for codename, _ in meta.permissions:
            yield f"{meta.app_label}.{codename}"
