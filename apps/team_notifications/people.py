"""Users as people know them, whatever the host's model of a user is: by their names, and by what they sign in with."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet


def name_fields() -> list[str]:
    """The columns of a user's name that there are, and the one that they sign in with."""
    model = get_user_model()
    there = {field.name for field in model._meta.concrete_fields}
    return [name for name in ("first_name", "last_name", model.USERNAME_FIELD) if name in there]


def by_name(users: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """`users` in the order of a list of names."""
    return users.order_by(*name_fields(), "pk")


def find(users: QuerySet[Any, Any], text: str) -> QuerySet[Any, Any]:
    """Those of `users` of whose names or addresses each word of `text` is a part."""
    there = {field.name for field in get_user_model()._meta.concrete_fields}
    columns = {*name_fields(), *{"email"} & there}
    for word in text.split():
        users = users.filter(reduce(or_, (Q(**{f"{column}__icontains": word}) for column in sorted(columns))))
    return users
