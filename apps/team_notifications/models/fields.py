import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class LinksField(models.JSONField):
    """A dict of label → URL that keeps its order, stored as a list of pairs.

    PostgreSQL's jsonb sorts the keys of an object, and the first link is the one that a click on the thread follows.
    """

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        pairs = super().from_db_value(value, expression, connection)
        return dict(pairs) if isinstance(pairs, list) else pairs

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, dict):
            value = [[label, url] for label, url in value.items()]
        return super().get_db_prep_value(value, connection, prepared)

    def value_to_string(self, obj: models.Model) -> Any:
        return json.loads(json.dumps(self.value_from_object(obj)))
