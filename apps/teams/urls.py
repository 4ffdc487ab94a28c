from django.urls import path

from teams import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("teams/<slug:slug>/", views.team, name="team"),
]
