"""The directory of this project: roles, object grants, superusers; and that reading answers as telling does."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from custom_actions.models import CustomAction
from team_notifications import inbox
from team_notifications.directory import UnknownPermission
from team_notifications.notify import create_notification
from teams.models import Team
from teams.permissions import Directory, may
from tests.cast import Cast, join
from users.models import User

CHANGE = "custom_actions.change_customaction"


@pytest.fixture
def action(cast: Cast) -> CustomAction:
    return CustomAction.objects.create(
        team=cast.acme, name="Checkout", url="https://example.com/", interval=60, timeout=5
    )


def holders(team: Team, *permissions: str, source: CustomAction | Team | None = None) -> set[str]:
    return set(Directory().holders(team, permissions, source).values_list("first_name", flat=True))


def readers(cast: Cast, team: Team, *permissions: str, source: CustomAction | Team | None = None) -> set[str]:
    """Who of all people sees a thread of these permissions, when everyone in the team has a row for it."""
    thread = create_notification(team=team, slug="to-everyone", title="x", source=source)
    type(thread).objects.filter(pk=thread.pk).update(permissions=list(permissions))
    people = User.objects.all()
    return {user.first_name for user in people if inbox.visible_to(user).filter(notification=thread).exists()}


@pytest.fixture
def both(cast: Cast) -> Callable[..., set[str]]:
    """Asks the question both ways, who is told and who may read, and insists on one answer."""

    def ask(team: Team, *permissions: str, source: CustomAction | Team | None = None) -> set[str]:
        told = holders(team, *permissions, source=source)
        assert readers(cast, team, *permissions, source=source) == told
        return told

    return ask


def test_a_role_gives_its_permissions_in_its_own_team_only(cast: Cast, both: Callable[..., set[str]]) -> None:
    assert both(cast.acme, CHANGE) == {"Alice", "Ed"}
    assert both(cast.globex, CHANGE) == {"Bob", "Grace"}
    assert both(cast.acme, CHANGE, "custom_actions.delete_customaction") == {"Alice"}


def test_permissions_may_come_from_different_roles_of_one_member(cast: Cast, both: Callable[..., set[str]]) -> None:
    watchers = Group.objects.create(name="Watchers")
    watchers.permissions.add(Permission.objects.get(codename="delete_customaction"))
    cast.acme.memberships.get(user=cast.ed).roles.add(watchers)
    assert both(cast.acme, CHANGE, "custom_actions.delete_customaction") == {"Alice", "Ed"}


def test_a_grant_on_the_team_counts_in_that_team(cast: Cast, both: Callable[..., set[str]]) -> None:
    assign_perm("teams.change_team", cast.bob, cast.acme)
    assign_perm("teams.change_team", cast.vera, cast.globex)
    assert both(cast.acme, "teams.change_team") == {"Alice", "Bob"}
    assert both(cast.globex, "teams.change_team") == {"Bob", "Grace"}


def test_a_grant_on_the_source_counts_for_threads_about_it(
    cast: Cast, action: CustomAction, both: Callable[..., set[str]]
) -> None:
    other = CustomAction.objects.create(
        team=cast.acme, name="Other", url="https://example.com/", interval=60, timeout=5
    )
    assign_perm(CHANGE, cast.vera, action)
    assert both(cast.acme, CHANGE, source=action) == {"Alice", "Ed", "Vera"}
    assert both(cast.acme, CHANGE, source=other) == {"Alice", "Ed"}
    assert both(cast.acme, CHANGE) == {"Alice", "Ed"}


def test_a_grant_on_the_source_and_a_role_together_hold_all(
    cast: Cast, action: CustomAction, both: Callable[..., set[str]]
) -> None:
    assign_perm(CHANGE, cast.vera, action)
    assert both(cast.acme, CHANGE, "teams.view_team", source=action) == {"Alice", "Ed", "Vera"}
    assert both(cast.acme, CHANGE, "teams.change_team", source=action) == {"Alice"}


def test_a_grant_to_a_group_counts_for_its_users(
    cast: Cast, action: CustomAction, both: Callable[..., set[str]]
) -> None:
    night_shift = Group.objects.create(name="Night shift")
    assign_perm(CHANGE, night_shift, action)
    cast.vera.groups.add(night_shift)
    cast.oscar.groups.add(night_shift)
    assert both(cast.acme, CHANGE, source=action) == {"Alice", "Ed", "Vera"}


def test_a_grant_to_a_role_counts_for_those_who_hold_it_in_that_team(
    cast: Cast, action: CustomAction, both: Callable[..., set[str]]
) -> None:
    auditors = Group.objects.create(name="Auditors")
    assign_perm(CHANGE, auditors, action)
    assign_perm("teams.change_team", auditors, cast.acme)
    cast.acme.memberships.get(user=cast.vera).roles.add(auditors)
    cast.globex.memberships.get(user=cast.bob).roles.add(auditors)  # a role in Globex says nothing about Acme
    assert both(cast.acme, CHANGE, source=action) == {"Alice", "Ed", "Vera"}
    assert both(cast.acme, "teams.change_team") == {"Alice", "Vera"}


def test_a_permission_of_another_model_on_the_source_means_nothing(
    cast: Cast, action: CustomAction, both: Callable[..., set[str]]
) -> None:
    """guardian refuses to save such a row by itself, but its bulk forms insert it."""
    foreign = {
        "permission": Permission.objects.get(codename="change_team"),
        "content_type": ContentType.objects.get_for_model(CustomAction),
        "object_pk": str(action.pk),
    }
    UserObjectPermission.objects.bulk_create([UserObjectPermission(user=cast.vera, **foreign)])
    GroupObjectPermission.objects.bulk_create(
        [GroupObjectPermission(group=Group.objects.get(name="Viewer"), **{**foreign, "object_pk": str(cast.acme.pk)})]
    )
    assert both(cast.acme, "teams.change_team", source=action) == {"Alice"}


def test_a_permission_on_user_groups_means_nothing_in_a_team(cast: Cast, both: Callable[..., set[str]]) -> None:
    cast.vera.groups.add(Group.objects.get(name="Admin"))
    assert both(cast.acme, "teams.change_team") == {"Alice"}


def test_superusers_hold_everything_in_their_teams_and_nothing_elsewhere(
    cast: Cast, both: Callable[..., set[str]]
) -> None:
    join(cast.sue, cast.acme)
    assert both(cast.acme, CHANGE, "teams.change_team") == {"Alice", "Sue"}
    assert both(cast.globex, CHANGE) == {"Bob", "Grace"}


def test_inactive_users_hold_nothing(cast: Cast, action: CustomAction, both: Callable[..., set[str]]) -> None:
    join(cast.sue, cast.acme)
    assign_perm(CHANGE, cast.vera, action)
    User.objects.filter(first_name__in=["Sue", "Vera", "Alice"]).update(is_active=False)
    assert both(cast.acme, CHANGE, source=action) == {"Ed"}


def test_a_grant_to_an_outsider_means_nothing(cast: Cast, action: CustomAction, both: Callable[..., set[str]]) -> None:
    assign_perm(CHANGE, cast.oscar, action)
    assign_perm("teams.change_team", cast.oscar, cast.acme)
    assert both(cast.acme, CHANGE, source=action) == {"Alice", "Ed"}
    assert both(cast.acme, "teams.change_team") == {"Alice"}


def test_who_left_with_a_grant_in_hand_sees_nothing(cast: Cast, action: CustomAction) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x")
    assign_perm("teams.change_team", cast.vera, cast.acme)
    assign_perm(CHANGE, cast.vera, action)
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert cast.acme.pk not in Directory().permissions(cast.vera)
    assert not inbox.readable_by(cast.vera).exists()


def test_a_source_that_counts_as_false_is_a_source_all_the_same(
    cast: Cast, action: CustomAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CustomAction, "__len__", lambda self: 0, raising=False)
    assign_perm(CHANGE, cast.vera, action)
    assert holders(cast.acme, CHANGE, source=action) == {"Alice", "Ed", "Vera"}


def test_a_proxy_of_the_team_is_the_team(cast: Cast) -> None:
    assign_perm("teams.change_team", cast.vera, cast.acme)
    proxy = type("ProxyTeam", (Team,), {"__module__": Team.__module__, "Meta": type("Meta", (), {"proxy": True})})
    try:
        assert holders(proxy.objects.get(pk=cast.acme.pk), "teams.change_team") == {"Alice", "Vera"}
    finally:
        del apps.all_models["teams"]["proxyteam"]
        apps.clear_cache()


def test_a_member_of_a_thousand_teams_can_read(cast: Cast) -> None:
    teams = Team.objects.bulk_create(Team(name=f"Team {number}", slug=f"team-{number}") for number in range(1_100))
    cast.oscar.memberships.bulk_create(cast.oscar.memberships.model(user=cast.oscar, team=team) for team in teams)
    change = Permission.objects.get(codename="change_team")
    kind = ContentType.objects.get_for_model(Team)
    UserObjectPermission.objects.bulk_create(
        UserObjectPermission(user=cast.oscar, permission=change, content_type=kind, object_pk=str(team.pk))
        for team in teams[::2]
    )
    create_notification(team=teams[0], slug="a-b", title="x", permissions=["teams.change_team"])
    create_notification(team=teams[2], slug="a-b", title="x", permissions=["teams.change_team"])
    assert inbox.unread_count(cast.oscar) == 2
    UserObjectPermission.objects.filter(object_pk=str(teams[0].pk)).delete()
    assert inbox.unread_count(cast.oscar) == 1


def test_a_withdrawn_grant_works_at_once(cast: Cast, action: CustomAction) -> None:
    assign_perm(CHANGE, cast.vera, action)
    create_notification(team=cast.acme, slug="a-b", title="x", permissions=[CHANGE], source=action)
    assert inbox.unread_count(cast.vera) == 1
    remove_perm(CHANGE, cast.vera, action)
    assert inbox.unread_count(cast.vera) == 0


def test_an_unknown_permission_raises_and_never_means_everyone(cast: Cast) -> None:
    with pytest.raises(UnknownPermission, match=r"There is no permission 'teams\.fly'"):
        holders(cast.acme, "teams.fly")


def test_a_member_may_what_their_role_allows_and_an_outsider_nothing(cast: Cast, action: CustomAction) -> None:
    assert may(cast.alice, cast.acme, CHANGE)
    assert not may(cast.vera, cast.acme, CHANGE)
    assert not may(cast.oscar, cast.acme)
    assert not may(cast.sue, cast.acme)
    assign_perm(CHANGE, cast.vera, action)
    assert may(cast.vera, cast.acme, CHANGE, source=action)


def test_roles_are_seeded_with_what_the_features_declare(cast: Cast) -> None:
    viewer = Group.objects.get(name="Viewer").permissions.values_list("codename", flat=True)
    assert {"view_team", "view_customaction"} <= set(viewer)
    assert not {"change_team", "change_customaction"} & set(viewer)
