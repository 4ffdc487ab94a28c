"""Who looks after a product."""

from django.db.models import Q, QuerySet

from products.models import Product
from teams.permissions import Directory, holders_by_grant
from users.models import User

MANAGE_ORGANISATION = "teams.change_team"
MANAGE_PRODUCT = "products.change_product"


def managers(product: Product) -> QuerySet[User]:
    """The organisation's managers and the product's own.

    The organisation's may change the team. The product's may change this very product, by a grant on it: whom a role
    lets change every product is not the manager of one.
    """
    of_organisation = Directory().holders(product.team, [MANAGE_ORGANISATION])
    of_product = holders_by_grant(product.team, MANAGE_PRODUCT, product)
    return User.objects.filter(Q(pk__in=of_organisation.values("pk")) | Q(pk__in=of_product.values("pk")))
