from django.urls import path

from demo import views

urlpatterns = [
    path("healthy/", views.healthy, name="demo-healthy"),
    path("slow/", views.slow, name="demo-slow"),
    path("flaky/", views.flaky, name="demo-flaky"),
]
