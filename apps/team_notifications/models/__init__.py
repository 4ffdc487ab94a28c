from team_notifications.models.delivery import Delivery, Mailing, Suppression
from team_notifications.models.event import EventLog, HandlerRun
from team_notifications.models.fanout import UnfinishedFanout
from team_notifications.models.floor import Floor
from team_notifications.models.kind_preference import KindPreference
from team_notifications.models.notification import Notification, Occurrence, UserNotification
from team_notifications.models.preference import Preference
from team_notifications.models.template import NotificationTemplate

__all__ = [
    "Delivery",
    "EventLog",
    "Floor",
    "HandlerRun",
    "KindPreference",
    "Mailing",
    "Notification",
    "NotificationTemplate",
    "Occurrence",
    "Preference",
    "Suppression",
    "UnfinishedFanout",
    "UserNotification",
]
