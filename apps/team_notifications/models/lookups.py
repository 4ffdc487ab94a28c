"""Questions to a JSON list of strings, on PostgreSQL and on SQLite. Django's own do not exist on SQLite."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Field, Func, JSONField, Lookup


@JSONField.register_lookup
class Includes(Lookup):
    """Each of these strings is in the list: ``permissions__includes=["teams.change_team"]``."""

    lookup_name = "includes"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        strings, params = self.process_lhs(compiler, connection)
        wanted = json.dumps(sorted(self.rhs))
        if connection.vendor == "postgresql":
            return f"{strings} @> %s::jsonb", [*params, wanted]
        there = f"SELECT value FROM json_each({strings})"
        return f"NOT EXISTS (SELECT 1 FROM json_each(%s) WHERE value NOT IN ({there}))", [wanted, *params]


class HeldInTeam(Func):
    """Every string of a JSON list is among those that are held in the row's team.

    One expression for any number of teams: an ``OR`` of a thousand branches is more than SQLite parses, and slow to
    plan anywhere. Teams where the same is held share one list. Filter by these teams as well: about others it says
    nothing.
    """

    output_field = BooleanField()

    def __init__(self, strings: str, team: str, held: Mapping[Any, Collection[str]]) -> None:
        """`strings` and `team` name the columns; `held` says by a team's key what is held there."""
        super().__init__(F(strings), F(team))
        self.held = held

    def as_sql(  # type: ignore[override]  # it has no template to fill in
        self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        strings, team = self.get_source_expressions()
        strings_sql, strings_params = compiler.compile(strings)
        team_sql, team_params = compiler.compile(team)
        lists, list_of_team = self._lists(team.output_field, connection)
        if connection.vendor == "postgresql":
            sql = f"{strings_sql} <@ (%s::jsonb -> (%s::jsonb ->> ({team_sql})::text))"
            return sql, [*strings_params, lists, list_of_team, *team_params]
        number = f"""json_extract(%s, '$."' || {team_sql} || '"')"""
        held = f"""SELECT value FROM json_each(%s, '$."' || {number} || '"')"""
        sql = f"NOT EXISTS (SELECT 1 FROM json_each({strings_sql}) WHERE value NOT IN ({held}))"
        return sql, [*strings_params, lists, list_of_team, *team_params]

    def _lists(self, team_field: "Field[Any, Any]", connection: BaseDatabaseWrapper) -> tuple[str, str]:
        """Two JSON objects: number → what is held, and the key of a team, as the database writes it → number."""
        number_of = {names: str(number) for number, names in enumerate({frozenset(n) for n in self.held.values()})}
        numbers = {
            str(team_field.get_db_prep_value(key, connection)): number_of[frozenset(names)]
            for key, names in self.held.items()
        }
        return json.dumps({number: sorted(names) for names, number in number_of.items()}), json.dumps(numbers)
