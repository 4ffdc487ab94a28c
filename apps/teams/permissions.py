"""Who may do what in a team: roles, and object grants of django-guardian. Nothing else imports guardian's code.

A permission ``app_label.codename`` is held in a team through a role (``Membership.roles``), or through an object grant
to the user, to a group they are in or to a role they hold in that team. The grant is on the team itself or on the
object that a notification is about, and counts where the permission belongs to that object's model. Superusers hold
everything in the teams that they are members of.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import CharField, F, Model, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.http import Http404
from django.utils.translation import gettext
from guardian.models import GroupObjectPermission, UserObjectPermission

from team_notifications.directory import SourceGrant, UnknownPermission, concrete
from teams.models import Membership, Team
from users.models import User

NAME = ("content_type__app_label", "codename")
GRANT = ("permission__content_type__app_label", "permission__codename")
OBJECT_GRANT = ("permission__content_type__app_label", "permission__content_type__model", "permission__codename")
ON_A_TEAM = {"content_type__app_label": "teams", "content_type__model": "team"}
ANY_TEAM = NO_GROUP = 0
# guardian's bulk forms also store a permission of one model on an object of another. Such a grant means nothing.
OF_ITS_MODEL = Q(permission__content_type=F("content_type"))


class Directory:
    """Implements `team_notifications.directory.TeamDirectory` for this project."""

    def members(self, team: Team) -> QuerySet[User]:
        return User.objects.filter(is_active=True, pk__in=Membership.objects.filter(team=team).values("user"))

    def holders(self, team: Team, permissions: Collection[str], source: Model | None = None) -> QuerySet[User]:
        members = self.members(team)
        if not permissions:
            return members
        holds_all = Q()
        for permission in resolve(permissions):
            holds_all &= permission.held_in(team, source)
        return members.filter(Q(is_superuser=True) | holds_all)

    def teams(self, user: User | AnonymousUser) -> QuerySet[Team]:
        return Team.objects.filter(memberships__user=user.pk, memberships__user__is_active=True)

    def permissions(self, user: User) -> Mapping[int, frozenset[str]]:
        held: dict[int, set[str]] = {}
        teams_of_role: dict[int | None, set[int]] = defaultdict(set)
        superuser_in = set()
        memberships = Membership.objects.filter(user=user.pk, user__is_active=True)
        for team_id, role_id, is_superuser in memberships.values_list("team", "roles", "user__is_superuser"):
            held[team_id] = set()
            teams_of_role[role_id].add(team_id)
            superuser_in.update([team_id] if is_superuser else [])
        if superuser_in:
            everything = frozenset(f"{app}.{name}" for app, name in Permission.objects.values_list(*NAME))
            return dict.fromkeys(superuser_in, everything)
        carried = Permission.objects.filter(group__in=teams_of_role)
        for role_id, app, name in carried.values_list("group", *NAME):
            for team_id in teams_of_role[role_id]:
                held[team_id].add(f"{app}.{name}")
        for team_key, app, name in _grants_on_teams(user):
            if int(team_key) in held:
                held[int(team_key)].add(f"{app}.{name}")
        return {team_id: frozenset(names) for team_id, names in held.items()}

    def source_grants(self, user: User) -> Iterable[SourceGrant]:
        teams_of_grant: dict[tuple[Any, ...], set[int]] = defaultdict(set)
        for *grant, team_id in _grants_on_objects(user):
            teams_of_grant[tuple(grant)].add(team_id)
        return [
            SourceGrant(
                permission=f"{app}.{name}",
                model=f"{app}.{model}",
                object_ids=_granted_object_ids(user, permission_id, group_id),
                team_ids=None if ANY_TEAM in team_ids else frozenset(team_ids),
            )
            for (app, model, name, permission_id, group_id), team_ids in teams_of_grant.items()
        ]

    def grounds(self, user: User, team: Team, permission: str | None, source: Model | None = None) -> list[str]:
        """Implements `team_notifications.directory.ExplainingDirectory`."""
        membership = Membership.objects.filter(team=team, user=user.pk, user__is_active=True)
        roles = dict(membership.order_by("roles__name").values_list("roles", "roles__name"))
        if not roles:
            return []
        if permission is None:
            return [gettext("as %(role)s") % {"role": name} for name in roles.values() if name]
        [resolved] = resolve([permission])
        everything = [gettext("as a superuser")] if user.is_superuser else []
        return [*everything, *_by_role(resolved, roles), *_by_grant(resolved, user, roles, team, source)]


@dataclass(kw_only=True)
class ResolvedPermission:
    """A name by its ids: small enough to look up first, so that the large statement compares numbers.

    A name may belong to several models of one app; holding it for one of them is enough.
    """

    id_by_model: dict[str, int] = field(default_factory=dict)  # "teams.team" → id of the permission of that model
    role_ids: set[int] = field(default_factory=set)  # the groups that carry it

    def held_in(self, team: Team, source: Model | None) -> Q:
        """Which users hold it in `team` or on `source`. `IN` by subquery: far faster than `EXISTS` in large teams."""
        memberships = Membership.objects.filter(team=team)
        held = Q(pk__in=memberships.filter(roles__in=self.role_ids).values("user"))
        for target in {team, team if source is None else source}:
            held |= self.granted_on(target, memberships)
        return held

    def granted_on(self, target: Model, memberships: QuerySet[Membership]) -> Q:
        """Which users hold it by a grant on `target`: to themselves, to a group, or to a role among `memberships`."""
        permission_id = self.id_by_model.get(concrete(target)._meta.label_lower)
        if permission_id is None:
            return Q(pk__in=[])
        granted = Q(OF_ITS_MODEL, permission=permission_id, object_pk=str(target.pk))
        groups = GroupObjectPermission.objects.filter(granted).values("group")
        return (
            Q(pk__in=UserObjectPermission.objects.filter(granted).values("user"))
            | Q(pk__in=User.groups.through.objects.filter(group__in=groups).values("user"))
            | Q(pk__in=memberships.filter(roles__in=groups).values("user"))
        )


def resolve(names: Collection[str]) -> list[ResolvedPermission]:
    """The ids behind permission names, in one query. Raises UnknownPermission for the first that does not exist."""
    wanted: dict[str, ResolvedPermission] = {name: ResolvedPermission() for name in names}
    codenames = [name.partition(".")[2] for name in wanted]
    rows = Permission.objects.filter(codename__in=codenames).values_list(*NAME, "content_type__model", "pk", "group")
    for app, codename, model, permission_id, role_id in rows:
        permission = wanted.get(f"{app}.{codename}")
        if permission is not None:
            permission.id_by_model[f"{app}.{model}"] = permission_id
            permission.role_ids.update([role_id] if role_id else [])
    for name, permission in wanted.items():
        if not permission.id_by_model:
            raise UnknownPermission(name)
    return list(wanted.values())


def holders_by_grant(team: Team, permission: str, target: Model) -> QuerySet[User]:
    """The members to whom the permission was granted on `target` itself: not those who hold it by their role alone."""
    [resolved] = resolve([permission])
    return Directory().members(team).filter(resolved.granted_on(target, Membership.objects.filter(team=team)))


def may(user: User | AnonymousUser, team: Team, *permissions: str, source: Model | None = None) -> bool:
    """Whether `user` holds all the permissions in `team` or on `source`: the rule that decides who is notified."""
    return user.is_authenticated and Directory().holders(team, permissions, source).filter(pk=user.pk).exists()


def member_team_or_404(user: User | AnonymousUser, slug: str) -> Team:
    """The team of that slug. Raises Http404 unless `user` is an active member: outsiders learn nothing of it."""
    try:
        return Directory().teams(user).get(slug=slug)
    except Team.DoesNotExist:
        raise Http404(f"No team {slug!r} of yours.") from None


# ---- why somebody holds a permission --------------------------------------------------------------------------------


def _by_role(permission: ResolvedPermission, roles: Mapping[Any, str | None]) -> list[str]:
    return [gettext("through the role %(role)s") % {"role": roles[pk]} for pk in roles if pk in permission.role_ids]


def _by_grant(
    permission: ResolvedPermission, user: User, roles: Mapping[Any, str | None], team: Team, source: Model | None
) -> list[str]:
    """The grants on the team and on `source` that `ResolvedPermission.granted_on` counts, each as a person says it."""
    found: list[str] = []
    for target in [team] if source is None or source == team else [team, source]:
        permission_id = permission.id_by_model.get(concrete(target)._meta.label_lower)
        if permission_id is None:
            continue
        granted = Q(OF_ITS_MODEL, permission=permission_id, object_pk=str(target.pk))
        if UserObjectPermission.objects.filter(granted, user=user.pk).exists():
            found.append(gettext("granted to you on %(object)s") % {"object": target})
        groups = GroupObjectPermission.objects.filter(granted).order_by("group__name")
        to_role = Q(group__in=[pk for pk in roles if pk])
        for pk, name in groups.filter(Q(group__user=user.pk) | to_role).values_list("group", "group__name").distinct():
            to_whom = gettext("granted to the role %(name)s on %(object)s")
            if pk not in roles:
                to_whom = gettext("granted to the group %(name)s on %(object)s")
            found.append(to_whom % {"name": name, "object": target})
    return found


# ---- guardian's tables, read for one user ---------------------------------------------------------------------------


def _grants_on_teams(user: User) -> Iterable[tuple[str, str, str]]:
    """(team id, app label, codename) of what the user holds on team objects. One query."""
    direct = UserObjectPermission.objects.filter(OF_ITS_MODEL, user=user.pk, **ON_A_TEAM)
    group = GroupObjectPermission.objects.filter(OF_ITS_MODEL, group__user=user.pk, **ON_A_TEAM)
    role = GroupObjectPermission.objects.filter(
        OF_ITS_MODEL,
        group__memberships__user=user.pk,
        object_pk=Cast("group__memberships__team", CharField()),  # a role counts in the team where it is held
        **ON_A_TEAM,
    )
    columns = ("object_pk", *GRANT)
    return direct.values_list(*columns).union(group.values_list(*columns), role.values_list(*columns))


def _grants_on_objects(user: User) -> Iterable[tuple[Any, ...]]:
    """(app label, model, codename, permission id, group id, team id), each once, however many objects. One query."""
    to_user = UserObjectPermission.objects.filter(OF_ITS_MODEL, user=user.pk)
    to_group = GroupObjectPermission.objects.filter(OF_ITS_MODEL, group__user=user.pk)
    to_role = GroupObjectPermission.objects.filter(OF_ITS_MODEL, group__memberships__user=user.pk)
    direct = to_user.annotate(by=Value(NO_GROUP), where=Value(ANY_TEAM))
    group = to_group.annotate(by=F("group_id"), where=Value(ANY_TEAM))
    role = to_role.annotate(by=F("group_id"), where=F("group__memberships__team_id"))
    columns = (*OBJECT_GRANT, "permission_id", "by", "where")
    rows: Iterable[tuple[Any, ...]] = direct.values_list(*columns).union(
        group.values_list(*columns), role.values_list(*columns)
    )
    return rows


def _granted_object_ids(user: User, permission_id: int, group_id: int) -> QuerySet[Any, Any]:
    if group_id == NO_GROUP:
        return UserObjectPermission.objects.filter(OF_ITS_MODEL, user=user.pk, permission=permission_id).values(
            "object_pk"
        )
    return GroupObjectPermission.objects.filter(OF_ITS_MODEL, group=group_id, permission=permission_id).values(
        "object_pk"
    )
