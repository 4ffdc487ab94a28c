"""The roles of a team, seeded after every migrate with the permissions that each feature declares.

A feature says in its ``AppConfig`` what its permissions mean for a role::

    role_permissions = {"Admin": ["custom_actions.change_customaction"], "Viewer": [...]}
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.core.checks import CheckMessage, Error, register
from django.db.models import Q

HINT = "Permissions are named 'app_label.codename'; look at the Meta class of the model."
ADMIN, EDITOR, VIEWER = ROLES = ("Admin", "Editor", "Viewer")


def declared_by(app: AppConfig) -> dict[str, list[str]]:
    """Role → names of permissions, as the app declares them."""
    return getattr(app, "role_permissions", {})


def seed_roles(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Gives the roles the permissions that `sender` declares. Adds only: what an operator granted besides stays.

    A permission whose model is not migrated yet comes with the migrate that makes it.
    """
    for role, names in declared_by(sender).items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        wanted = Q()
        for name in names:
            app_label, _, codename = name.partition(".")
            wanted |= Q(content_type__app_label=app_label, codename=codename)
        group.permissions.add(*Permission.objects.using(using).filter(wanted))


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
