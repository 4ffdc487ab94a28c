"""What this feature tells an organisation."""

from collections.abc import Iterable

from products.kinds import CREATED
from products.managers import managers
from products.models import Product
from team_notifications.notify import create_notification
from users.models import User


def product_created(product: Product) -> None:
    """Tells the managers, of the organisation and of the product; when there is none, whoever added it.

    No permission is asked for besides: either kind of manager may know, and one list of permissions says "all of them".
    """
    create_notification(
        team=product.team,
        slug=CREATED.slug,
        event_data={"product_id": product.pk},
        params={"product": product.name, "creator": str(product.created_by or "")},
        message=None if product.created_by else "",
        links={"Open the product": product.get_absolute_url(), "Visit its site": product.url},
        source=product,
        recipients=_audience(product),
    )


def _audience(product: Product) -> Iterable[User]:
    """There is "no one else" when no active member is a manager at this moment.

    What managers chose to hear of does not count: a product that its managers keep quiet about still has managers. And
    whoever added it is told as a manager, too, if they are one.
    """
    known = managers(product)
    if known.exists():
        return known
    return [product.created_by] if product.created_by else []
