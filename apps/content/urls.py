from django.urls import path

from content import views

urlpatterns = [
    path("", views.content, name="content"),
    path("<int:pk>/keywords/", views.import_keywords, name="content-import-keywords"),
    path("<int:pk>/step/", views.take_step, name="content-take-step"),
]
