"""The seam to the host project: who is in a team, what they may do, which teams a user has.

The host implements `TeamDirectory` and names the class in ``TEAM_NOTIFICATIONS["DIRECTORY"]``. What it returns are
querysets; they become part of larger statements, so asking costs no query of its own.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Model, QuerySet


class UnknownPermission(ValueError):
    """A permission that the host does not know. It never means "everyone"."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no permission {name!r}; one is named like 'app_label.codename'.")
        self.name = name


@dataclass(frozen=True, kw_only=True)
class SourceGrant:
    """A permission that a user holds on single objects, rather than in a whole team.

    `model` is the label of the objects' model (``custom_actions.customaction``), `object_ids` a queryset of one
    column with their primary keys as text, `team_ids` the teams in which the grant counts (None: in all of them).
    """

    permission: str
    model: str
    object_ids: QuerySet[Any, Any]
    team_ids: frozenset[Any] | None = None


def concrete(instance: Model) -> type[Model]:
    """The model of `instance`; of a proxy, the model behind it, to which permissions and sources belong."""
    return instance._meta.concrete_model or type(instance)


class TeamDirectory(Protocol):
    """Twenty lines in the host project. Inactive users are in no answer.

    The querysets can still be filtered: neither sliced nor a union.
    """

    def members(self, team: Any) -> QuerySet[Any, Any]:
        """The active members of `team`, as a queryset of users."""
        ...

    def holders(self, team: Any, permissions: Collection[str], source: Model | None = None) -> QuerySet[Any, Any]:
        """The members who hold ALL the permissions, in the team or on `source`, the object that it is about.

        Raises UnknownPermission for a name that means nothing here.
        """
        ...

    def teams(self, user: Any) -> QuerySet[Any, Any]:
        """The teams that `user` is an active member of."""
        ...

    def permissions(self, user: Any) -> Mapping[Any, frozenset[str]]:
        """For each of the user's teams (by primary key) the permissions held there. A constant number of queries."""
        ...

    def source_grants(self, user: Any) -> Iterable[SourceGrant]:
        """The permissions held on single objects: `holders`, asked the other way round. A constant number of queries.

        A host without object permissions returns an empty tuple.
        """
        ...


class ExplainingDirectory(TeamDirectory, Protocol):
    """A host may also say why somebody holds what they hold. Where it does not, pages say only that they do."""

    def grounds(self, user: Any, team: Any, permission: str | None, source: Model | None = None) -> list[str]:
        """Sentences' ends in the language of the moment, each one way in which the member `user` holds `permission`.

        In `team` or on `source`: "through the role Admin", "granted to you on Acme". None asks why they are a member:
        "as Admin". Nothing when they do not hold it. A constant number of queries.
        """
        ...
