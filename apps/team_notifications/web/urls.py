from django.urls import path

from team_notifications.web import (
    action_views,
    preference_views,
    team_views,
    thread_views,
    unsubscribe_views,
    views,
)

app_name = "team_notifications"

urlpatterns = [
    path("", views.inbox_page, name="inbox"),
    path("bell/", views.bell, name="bell"),
    path("read/", views.mark_read, name="mark-read"),
    path("unread/", views.mark_unread, name="mark-unread"),
    path("archive/", action_views.archive, name="archive"),
    path("unarchive/", action_views.unarchive, name="unarchive"),
    path("snooze/", action_views.snooze, name="snooze"),
    path("mute/", action_views.mute, name="mute"),
    path("unmute/", action_views.unmute, name="unmute"),
    path("mute-kind/", action_views.mute_kind, name="mute-kind"),
    path("delete/", action_views.delete, name="delete"),
    path("undo/", action_views.take_back, name="undo"),
    path("thread/<str:key>/", thread_views.thread_page, name="thread"),
    path("thread/<str:key>/why-not/", thread_views.why_not_page, name="why-not"),
    path("preferences/", preference_views.preferences_page, name="preferences"),
    path("preferences/<str:key>/", preference_views.preferences_page, name="preferences"),
    path("kinds/", preference_views.choose_for_kinds, name="kinds"),
    path("kinds/<str:key>/", preference_views.choose_for_kinds, name="kinds"),
    path("do-not-disturb/", preference_views.do_not_disturb, name="do-not-disturb"),
    path("do-not-disturb/<str:key>/", preference_views.do_not_disturb, name="do-not-disturb"),
    path("team/<str:key>/", team_views.team_settings_page, name="team-settings"),
    path("team/<str:key>/floors/", team_views.choose_floors, name="team-floors"),
    path("lift-suppression/", preference_views.lift_suppression, name="lift-suppression"),
    path("unsubscribe/<str:token>/", unsubscribe_views.unsubscribe_page, name="unsubscribe"),
]
