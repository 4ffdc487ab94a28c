from team_notifications.models.fanout import UnfinishedFanout
from team_notifications.models.notification import Notification, Occurrence, UserNotification
from team_notifications.models.preference import Preference

__all__ = ["Notification", "Occurrence", "Preference", "UnfinishedFanout", "UserNotification"]
