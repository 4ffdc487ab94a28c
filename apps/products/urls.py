from django.urls import path

from products import views

urlpatterns = [
    path("", views.products, name="products"),
    path("add/", views.add, name="product-add"),
    path("<int:pk>/", views.product, name="product"),
    path("<int:pk>/change/", views.change, name="product-change"),
]
