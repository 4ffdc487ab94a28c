"""What the module tells the host, after the commit and never for something that was rolled back.

``notification_recorded``
    Something happened, and its thread and the members' rows are committed. Arguments: ``notification``; ``created``,
    whether the thread is new; ``reopened``, whether it had been resolved; ``notified``, how many members were notified
    (with ``unfinished``: so far); ``unfinished``, whether the rest of a large team is left to the worker. A personal
    notification has no ``team`` and one ``user``.

``notification_resolved``
    The condition is over. Arguments: ``notification``.

``preferences_changed``
    A member chose something, or took a choice back. Arguments: ``user``, or None when it is the default or a floor of
    a team; ``team``, which may be `PERSONAL`, or None for everywhere.

``threads_snoozed``
    Members put threads off until a time. Arguments: ``users``, the keys of these members.

``event_published``
    A feature published an event, which is committed and waits for being dispatched; not sent when handlers run
    synchronously. Arguments: ``event``.

``event_dispatched``
    An event is owed to its handlers. Arguments: ``runs``, the keys of the `HandlerRun` rows.

Receivers run on their own: what one raises is logged and reaches neither the caller nor the other receivers.
"""

from django.dispatch import Signal

notification_recorded = Signal()
notification_resolved = Signal()
preferences_changed = Signal()
threads_snoozed = Signal()
event_published = Signal()
event_dispatched = Signal()
