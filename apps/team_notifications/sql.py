"""Django's querysets inside statements of our own: an `INSERT … SELECT` is what the ORM has no word for."""

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet

ModelT = TypeVar("ModelT", bound=Model)


def writing(model: type[ModelT]) -> QuerySet[ModelT]:
    """The rows of `model` as the database for writing has them. A replica may be behind what was just committed."""
    return model._default_manager.using(router.db_for_write(model))


def embed(queryset: QuerySet[Any, Any], connection: BaseDatabaseWrapper, prefix: str) -> tuple[str, dict[str, Any]]:
    """The queryset's SQL with named placeholders that begin with `prefix`, and their values.

    Named, so that it can stand in a larger statement which uses its own values more than once.
    """
    # A queryset that Django knows to be empty still has to be a part of the statement.
    sql, values = queryset.query.get_compiler(connection=connection, elide_empty=False).as_sql()
    names = [f"{prefix}{index}" for index in range(len(values))]
    placeholders = tuple(f"%({name})s" for name in names)
    return sql.replace("%%", "%%%%") % placeholders, dict(zip(names, values, strict=True))


def take_turns(name: str, connection: BaseDatabaseWrapper) -> None:
    """Waits for whoever else took a turn of this name, and keeps it until the commit. For what no row stands for yet.

    SQLite has one writer at a time, which is turn enough.
    """
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def delete_idle(rows: QuerySet[Any, Any]) -> int:
    """Deletes those of `rows` that no other transaction is working on, and returns how many. One statement.

    No signals, no cascades, and nothing is read first. It waits for nobody, and is judged by the rows as they are when
    they are locked, as long as the conditions are subqueries and no joins. Call it in a transaction.
    """
    connection = connections[router.db_for_write(rows.model)]
    idle = rows.order_by().values("pk").select_for_update(of=("self",), skip_locked=True)
    sql, values = embed(idle, connection, prefix="idle_")
    meta = rows.model._meta
    statement = DELETE[connection.vendor].format(table=meta.db_table, key=meta.pk.column, rows=sql)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


# As an array, which PostgreSQL makes once. An IN it may join, and lock and look through the range for each of its rows.
DELETE = {
    "postgresql": "DELETE FROM {table} WHERE {key} = ANY(ARRAY({rows}))",
    "sqlite": "DELETE FROM {table} WHERE {key} IN ({rows})",
}


def column_names(model: type[Model], fields: Iterable[str]) -> list[str]:
    """The columns of these fields."""
    return [str(model._meta.get_field(name).column) for name in fields]  # type: ignore[union-attr]


def prepared(model: type[Model], connection: BaseDatabaseWrapper, **values: Any) -> dict[str, Any]:
    """The values as the database takes them, each by the field of `model` that has its name."""
    return {
        name: model._meta.get_field(name).get_db_prep_save(value, connection)  # type: ignore[union-attr]
        for name, value in values.items()
    }
