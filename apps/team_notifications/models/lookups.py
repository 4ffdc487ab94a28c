"""Lookups on a JSON list of strings, on PostgreSQL and on SQLite.

Django's `contained_by` and `contains` do not exist on SQLite; these two do what reading needs, on both.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import JSONField, Lookup


class StringsLookup(Lookup):
    """A lookup whose right side is a collection of strings."""

    prepare_rhs = False
    rhs: Iterable[str]
    postgresql: str
    sqlite: str

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        left, params = self.process_lhs(compiler, connection)
        template = self.postgresql if connection.vendor == "postgresql" else self.sqlite
        return template.format(left=left), [*params, json.dumps(sorted(self.rhs))]


@JSONField.register_lookup
class SubsetOf(StringsLookup):
    """Every string of the list is among these: ``permissions__subset_of=held``. An empty list always is."""

    lookup_name = "subset_of"
    postgresql = "{left} <@ %s::jsonb"
    sqlite = (
        "NOT EXISTS (SELECT 1 FROM json_each({left}) AS item"
        " WHERE item.value NOT IN (SELECT known.value FROM json_each(%s) AS known))"
    )


@JSONField.register_lookup
class Includes(StringsLookup):
    """Each of these strings is in the list: ``permissions__includes=["teams.change_team"]``."""

    lookup_name = "includes"
    postgresql = "{left} @> %s::jsonb"
    sqlite = (
        "NOT EXISTS (SELECT 1 FROM json_each(%s) AS wanted"
        " WHERE wanted.value NOT IN (SELECT item.value FROM json_each({left}) AS item))"
    )

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        sql, params = super().as_sql(compiler, connection)
        # On SQLite the strings come before the column.
        return sql, params if connection.vendor == "postgresql" else [params[-1], *params[:-1]]
