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
        from products import events, handlers  # noqa: F401  (subscribes them)

        events.register()
