from django.urls import path

from custom_actions import views

urlpatterns = [
    path("", views.custom_actions, name="custom-actions"),
    path("add/", views.add, name="custom-action-add"),
    path("<int:pk>/", views.custom_action, name="custom-action"),
    path("<int:pk>/history/", views.history, name="custom-action-history"),
    path("<int:pk>/change/", views.change, name="custom-action-change"),
    path("<int:pk>/delete/", views.delete, name="custom-action-delete"),
]
