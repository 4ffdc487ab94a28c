from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = "Products"
    role_permissions = {
        "Admin": ["products.view_product", "products.add_product", "products.change_product"],
        "Editor": ["products.view_product", "products.add_product", "products.change_product"],
        "Viewer": ["products.view_product"],
    }

    def ready(self) -> None:
        from products import events, handlers, kinds  # noqa: F401  (subscribes them)
        from products.models import Product
        from team_notifications.sources import remove_with_source

        events.register()
        kinds.register()
        remove_with_source(Product)
