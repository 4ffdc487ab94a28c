"""What can happen to a product. Who should hear of it is for the handlers to say."""

from django.db import transaction

from products.models import Product
from team_notifications.events.publish import publish
from team_notifications.events.types import register_event
from users.models import User

CREATED = "product.created"
UPDATED = "product.updated"

SAID = ["product_id", "name", "url", "organisation_id", "person_id"]  # the person who did it


def register() -> None:
    register_event(CREATED, "Somebody added a product.", required=SAID)
    register_event(UPDATED, "Somebody changed a product's name or URL.", required=SAID)


@transaction.atomic
def add(product: Product, person: User) -> None:
    """Saves a new product, which `person` added."""
    product.created_by = person
    product.save(force_insert=True)
    _publish(CREATED, product, person)


@transaction.atomic
def save_changes(product: Product, person: User, changed: list[str]) -> None:
    """Writes the changed fields, which `person` changed. Nothing happened when there are none."""
    if changed:
        product.save(update_fields=changed)
        _publish(UPDATED, product, person)


def _publish(name: str, product: Product, person: User) -> None:
    said = {
        "product_id": product.pk,
        "name": product.name,
        "url": product.url,
        "organisation_id": product.team_id,
        "person_id": person.pk,
    }
    publish(name, said, team=product.team)
