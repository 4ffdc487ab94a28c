"""What is told about an object ends with the object.

A feature connects its models once, in `AppConfig.ready`: ``remove_with_source(CustomAction)``. From then on whoever
deletes one of them takes the threads of which it was the `source` from everybody, in the same transaction.

An event about an object that is deleted at this moment would begin a thread about nothing. A feature whose events come
from elsewhere (a check, a job) locks the object's row before it reports, as `custom_actions.checking.record` does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from team_notifications import threads
from team_notifications.models import Notification
from team_notifications.report import check_source

AT_ONCE = 5_000  # keys in one statement

Keys = dict[tuple[str, str], set[str]]  # (app label, name of the model) → primary keys

_together: ContextVar[Keys | None] = ContextVar("team_notifications_removed_together", default=None)


def remove_with_source(*models: type[Model]) -> None:
    """Removes the notifications of each object of these models that is deleted, through a proxy too.

    It costs one statement for each object, however many members were told. Of a ``queryset.delete()`` Django then loads
    the objects and sends a signal for each; where they are many, delete them inside `removed_together`.

    Raises TypeError for what is no model with a table.
    """
    for model in models:
        behind = _concrete(model)
        for sender in [behind, *_proxies(behind)]:
            label = sender._meta.label_lower
            post_delete.connect(_removed, sender=sender, dispatch_uid=f"team_notifications.sources.{label}")


@contextmanager
def removed_together() -> Iterator[None]:
    """One transaction, at whose end the notifications of all objects that were deleted in it are removed.

    One statement for each model and 5,000 objects, instead of one for each object.
    """
    with transaction.atomic(using=router.db_for_write(Notification)):
        gathered: Keys = defaultdict(set)
        before = _together.set(gathered)
        try:
            yield
        finally:
            _together.reset(before)
        for (app, model), keys in gathered.items():
            _remove(app, model, keys)


def remove_notifications(model: type[Model], keys: Iterable[Any]) -> int:
    """Removes the notifications of the objects of `model` with these primary keys; returns how many threads.

    For objects that are deleted without Django's signals, by SQL or another program. One statement for each 5,000 keys.
    Raises ValueError, naming it, for what cannot be a key of the model.
    """
    meta = _concrete(model)._meta
    texts = {_as_text(meta.pk, key) for key in keys}
    with transaction.atomic(using=router.db_for_write(Notification)):
        return _remove(meta.app_label, str(meta.model_name), texts)


def _removed(instance: Model, **kwargs: Any) -> None:
    """After its row is deleted: who reports about it, and holds its row, has committed by then."""
    app, model, key = check_source(instance)
    gathered = _together.get()
    if gathered is not None:
        gathered[app, model].add(key)
        return
    with transaction.atomic(using=router.db_for_write(Notification)):
        threads.remove(app=app, model=model, keys=[key])


def _remove(app: str, model: str, keys: Collection[str]) -> int:
    in_order = sorted(keys)
    parts = [in_order[start : start + AT_ONCE] for start in range(0, len(in_order), AT_ONCE)]
    return sum(threads.remove(app=app, model=model, keys=part) for part in parts)


def _concrete(model: Any) -> type[Model]:
    if not (isinstance(model, type) and issubclass(model, Model)) or model._meta.abstract:
        raise TypeError(f"Sources are objects of a model with a table, not of {model!r}.")
    return model._meta.concrete_model or model


def _proxies(behind: type[Model]) -> list[type[Model]]:
    return [model for model in apps.get_models() if model._meta.proxy and model._meta.concrete_model is behind]


def _as_text(field: Any, key: Any) -> str:
    """The key as `create_notification` wrote it down."""
    try:
        value = field.to_python(key)
    except ValidationError as error:
        raise ValueError(f"{key!r} is no key: {' '.join(error.messages)}") from None
    if value is None:
        raise ValueError("None is no key.")
    return str(value)
