"""What this feature tells a team."""

from custom_actions.kinds import DOWN, SLOW
from custom_actions.models import CustomAction
from team_notifications.levels import Level
from team_notifications.notify import create_notification, resolve_notification


def custom_action_down(action: CustomAction, reason: str) -> None:
    """Tells those who can do something about it. Told again for every failed check: the thread counts them."""
    create_notification(
        team=action.team,
        slug=DOWN.slug,
        event_data={"action_id": action.pk},
        params={"name": action.name, "reason": reason},
        level=Level.ERROR,
        permissions=["custom_actions.change_customaction"],
        links={"Open the action": action.get_absolute_url(), "History": action.get_history_url()},
        source=action,
    )


def custom_action_slow(action: CustomAction, duration_ms: int) -> None:
    """Warns those who can do something about it, while it still answers."""
    create_notification(
        team=action.team,
        slug=SLOW.slug,
        event_data={"action_id": action.pk},
        params={"name": action.name, "seconds": f"{duration_ms / 1000:.1f}", "timeout": action.timeout},
        level=Level.WARNING,
        permissions=["custom_actions.change_customaction"],
        links={"Open the action": action.get_absolute_url(), "History": action.get_history_url()},
        source=action,
    )


def custom_action_quick(action: CustomAction) -> None:
    resolve_notification(team=action.team, slug=SLOW.slug, event_data={"action_id": action.pk})


def custom_action_recovered(action: CustomAction) -> None:
    resolve_notification(team=action.team, slug=DOWN.slug, event_data={"action_id": action.pk})
