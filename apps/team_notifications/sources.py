"""What is told about an object ends with the object.

A feature connects its models once, in `AppConfig.ready`: ``remove_with_source(CustomAction)``. From then on whoever
deletes one of them takes the threads of which it was the `source` from everybody, in the same transaction.

An event about an object that is deleted at this moment would begin a thread about nothing. A feature whose events come
from elsewhere (a check, a job) locks the object's row before it reports, as `custom_actions.checking.record` does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
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
from team_notifications.report import SOURCE_ID_MAX_LENGTH

AT_ONCE = 5_000  # keys in one statement

Deleted = dict[tuple[type[Model], str], dict[str, Any]]  # (model, database) → primary keys, by their texts

_together: ContextVar[Deleted | None] = ContextVar("team_notifications_removed_together", default=None)


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

    Two statements for each model and 5,000 objects, instead of one for each object. The first asks which of them are
    there all the same: deleted inside a savepoint that was rolled back, or made anew, with the old one's notifications.
    """
    with transaction.atomic(using=router.db_for_write(Notification)):
        gathered: Deleted = defaultdict(dict)
        before = _together.set(gathered)
        try:
            yield
        finally:
            _together.reset(before)
        for (model, using), keys in gathered.items():
            _remove(model, keys.keys() - _still_there(model, using, keys))


def remove_notifications(model: type[Model], keys: Iterable[Any]) -> int:
    """Removes the notifications of the objects of `model` with these primary keys; returns how many threads.

    For objects that are deleted without Django's signals, by SQL or another program. One statement for each 5,000 keys.
    Raises ValueError, naming it, for what cannot be a key of the model.
    """
    behind = _concrete(model)
    texts = {_as_text(behind._meta.pk, key) for key in keys}
    with transaction.atomic(using=router.db_for_write(Notification)):
        return _remove(behind, texts)


def _removed(instance: Model, using: str, **kwargs: Any) -> None:
    """After its row is deleted: who reports about it, and holds its row, has committed by then."""
    model, key = _concrete(type(instance)), str(instance.pk)
    gathered = _together.get()
    if len(key) > SOURCE_ID_MAX_LENGTH:  # it cannot have been the source of anything
        return
    if gathered is not None:
        gathered[model, using][key] = instance.pk
        return
    with transaction.atomic(using=router.db_for_write(Notification)):
        _remove(model, [key])


def _remove(model: type[Model], keys: Collection[str]) -> int:
    app, name = model._meta.app_label, str(model._meta.model_name)
    return sum(threads.remove(app=app, model=name, keys=part) for part in _parts(sorted(keys)))


def _still_there(model: type[Model], using: str, keys: Mapping[str, Any]) -> set[str]:
    """The texts of those `keys` that are there, as the transaction sees it."""
    rows = model._base_manager.using(using)
    return {
        str(key)
        for part in _parts(list(keys.values()))
        for key in rows.filter(pk__in=part).values_list("pk", flat=True)
    }


def _parts(keys: list[Any]) -> Iterator[list[Any]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


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
