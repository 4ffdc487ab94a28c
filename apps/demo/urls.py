from django.urls import path

from demo import mail_views, views

urlpatterns = [
    path("healthy/", views.healthy, name="demo-healthy"),
    path("slow/", views.slow, name="demo-slow"),
    path("flaky/", views.flaky, name="demo-flaky"),
    path("articles/", views.articles, name="demo-articles"),
    path("articles/flaky/", views.flaky_articles, name="demo-flaky-articles"),
    path("mails/", mail_views.mails, name="demo-mails"),
    path("mails/<slug:name>/", mail_views.mail_page, name="demo-mail"),
    path("mails/<slug:name>/html/", mail_views.mail_html, name="demo-mail-html"),
]
