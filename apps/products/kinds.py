"""The kinds of things that this feature tells."""

from django.utils.translation import gettext_lazy as _

from team_notifications import kinds
from team_notifications.kinds import Kind

CREATED = Kind(
    slug="product-created",
    label=_("New product"),
    category=_("Products"),
    title=_("New product: {product}"),
    message=_("{creator} added it."),
    params={"product": "Kettle", "creator": "Ed"},
)


def register() -> None:
    kinds.register(CREATED)
