"""Who hears of what happened."""

from products.events import CREATED
from products.models import Product
from products.notifications import product_created
from team_notifications.events.handlers import subscribe
from team_notifications.models import EventLog


@subscribe(CREATED)
def tell_managers(event: EventLog) -> None:
    product = Product.objects.select_related("team", "created_by").filter(pk=event.payload["product_id"]).first()
    if product is not None:  # or it was deleted meanwhile, and there is nothing left to look at
        product_created(product)
