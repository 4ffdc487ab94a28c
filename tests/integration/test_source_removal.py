"""Deleting an object removes what was told about it: at once, for everybody, and nothing else."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.db import connection, models, transaction
from django.db.models.signals import post_delete
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from custom_actions.checking import record
from custom_actions.editing import remove
from custom_actions.fetch import Outcome
from custom_actions.models import Check, CustomAction
from team_notifications import inbox, sweeper
from team_notifications.models import (
    Delivery,
    Mailing,
    Notification,
    Occurrence,
    Preference,
    UnfinishedFanout,
    UserNotification,
)
from team_notifications.notify import create_notification, resolve_notification
from team_notifications.sources import remove_notifications, remove_with_source, removed_together
from teams.models import Team
from tests.aged import clean_up
from tests.cast import Cast
from tests.crowd import crowd
from tests.web import INBOX, text
from users.models import User

DOWN = Outcome(is_up=False, status_code=503, duration_ms=5, reason="Answered 503 Service Unavailable.")


@pytest.fixture
def proxy() -> Iterator[type[CustomAction]]:
    """A proxy of the actions, for the time of a test."""
    meta = type("Meta", (), {"proxy": True, "app_label": "custom_actions"})
    model = type("ActionProxy", (CustomAction,), {"__module__": __name__, "Meta": meta})
    remove_with_source(model)
    yield model
    post_delete.disconnect(sender=model, dispatch_uid="team_notifications.sources.custom_actions.actionproxy")
    del apps.all_models["custom_actions"]["actionproxy"]
    apps.clear_cache()


class Document(models.Model):
    """Its key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        app_label = "tests"
        managed = False

    def __str__(self) -> str:
        return str(self.pk)


class Page(models.Model):
    """Its key is a text, as a path or an address is."""

    id = models.CharField(primary_key=True, max_length=200)

    class Meta:
        app_label = "tests"
        managed = False

    def __str__(self) -> str:
        return self.pk


@contextmanager
def table_of(model: type[models.Model]) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {model._meta.db_table} (id {model._meta.pk.db_type(connection)} PRIMARY KEY)")
        yield
        cursor.execute(f"DROP TABLE {model._meta.db_table}")


@pytest.fixture
def document_table(db: None) -> Iterator[None]:
    with table_of(Document):
        yield


@pytest.fixture
def page_table(db: None) -> Iterator[None]:
    with table_of(Page):
        remove_with_source(Page)
        yield


@pytest.fixture
def action(cast: Cast) -> CustomAction:
    return make(cast.acme)


def make(team: Team, name: str = "Shop", **values: Any) -> CustomAction:
    return CustomAction.objects.create(team=team, name=name, url="https://shop.example/", **values)


def tell(team: Team, source: models.Model | None, slug: str = "about", **changes: Any) -> Notification:
    data = {"key": str(source.pk)} if source is not None else {}
    return create_notification(
        **{"team": team, "slug": slug, "title": slug, "source": source, "event_data": data, **changes}
    )


def shown_to(user: User) -> set[str]:
    return set(inbox.readable_by(user).values_list("notification__title", flat=True))


# ---- from one moment to the next ------------------------------------------------------------------------------------


def test_nobody_sees_it_any_more_neither_in_the_list_nor_in_the_count(cast: Cast, action: CustomAction) -> None:
    tell(cast.acme, action)
    tell(cast.acme, action, "other")
    action.delete()
    for user in (cast.alice, cast.vera):
        assert (shown_to(user), inbox.unread_count(user)) == (set(), 0)


def test_a_resolved_thread_with_links_to_nowhere_is_gone_too(client: Client, cast: Cast, action: CustomAction) -> None:
    record(action, DOWN)
    resolve_notification(team=cast.acme, slug="custom-action-down", event_data={"action_id": action.pk})
    client.force_login(cast.alice)
    assert "Shop is down" in text(client.get(INBOX))
    remove(action)
    assert "Shop is down" not in text(client.get(INBOX))


def test_what_is_still_owed_about_it_is_not_sent(cast: Cast, action: CustomAction) -> None:
    tell(cast.acme, action, level="error")
    action.delete()
    sweeper.sweep()
    assert mail.outbox == []
    assert set(Delivery.objects.values_list("state", "last_error")) == {("dropped", "The thread expired.")}


def test_members_of_a_large_team_who_were_not_told_yet_are_not_told(db: None, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": 2}
    team = crowd(5)
    action = make(team)
    tell(team, action)
    action.delete()
    assert sweeper.sweep().notified == 0
    assert not UnfinishedFanout.objects.exists()


def test_the_cleanup_removes_all_that_is_left_of_it(cast: Cast, action: CustomAction) -> None:
    tell(cast.acme, action, level="error")
    inbox.mute(inbox.visible_to(cast.vera), inbox.FOREVER)
    action.delete()
    assert clean_up(timezone.now()) == {"UserNotification": 4, "Delivery": 4, "Occurrence": 1, "Notification": 1}


def test_one_that_is_made_anew_with_the_same_key_begins_anew(cast: Cast, action: CustomAction) -> None:
    first = tell(cast.acme, action)
    tell(cast.acme, action)
    inbox.mute(inbox.visible_to(cast.vera), inbox.FOREVER)
    inbox.mark_read(inbox.visible_to(cast.ed))
    key = action.pk
    action.delete()
    again = make(cast.acme, pk=key)
    second = tell(cast.acme, again)
    assert second.pk != first.pk
    assert (second.occurrences, second.history.count()) == (1, 1)
    assert [inbox.unread_count(user) for user in (cast.alice, cast.ed, cast.vera)] == [1, 1, 1]
    rows = UserNotification.objects.filter(notification=second)
    assert set(rows.values_list("revision", "muted_until")) == {(1, None)}
    assert tell(cast.acme, again, once=True) == second


def test_what_is_announced_once_is_announced_of_the_new_one(cast: Cast, action: CustomAction) -> None:
    tell(cast.acme, action, once=True)
    key = action.pk
    action.delete()
    tell(cast.acme, make(cast.acme, pk=key), once=True)
    assert inbox.unread_count(cast.vera) == 1


def test_made_and_deleted_many_times_over(cast: Cast) -> None:
    for _ in range(3):
        action = make(cast.acme, pk=77)
        tell(cast.acme, action)
        action.delete()
    assert shown_to(cast.vera) == set()
    assert Notification.objects.count() == 3
    assert clean_up(timezone.now())["Notification"] == 3


def test_a_rollback_keeps_everything(cast: Cast, action: CustomAction) -> None:
    thread = tell(cast.acme, action)
    before = Notification.objects.filter(pk=thread.pk).values().get()
    with transaction.atomic():
        action.delete()
        assert shown_to(cast.vera) == set()
        transaction.set_rollback(True)
    assert shown_to(cast.vera) == {"about"}
    assert Notification.objects.filter(pk=thread.pk).values().get() == before


# ---- exactly that object --------------------------------------------------------------------------------------------


def test_others_with_the_same_key_or_no_source_stay(cast: Cast, action: CustomAction) -> None:
    group = Group.objects.create(pk=action.pk + 1_000, name="other model, same key")
    CustomAction.objects.filter(pk=action.pk).update(id=group.pk)
    action = CustomAction.objects.get(pk=group.pk)
    check = Check.objects.create(pk=group.pk, action=action, is_up=True, duration_ms=1)
    permission = Permission.objects.get(codename="view_customaction")
    longer = make(cast.acme, "Longer key", pk=int(f"{group.pk}0"))
    for number, source in enumerate([action, group, check, permission, longer, None]):
        tell(cast.acme, source, f"n-{number}")
    tell(cast.globex, action, "elsewhere")
    action.delete()
    assert shown_to(cast.vera) == {"n-1", "n-2", "n-3", "n-4", "n-5"}
    assert shown_to(cast.grace) == set()  # the same object, told to another team


def test_it_counts_what_the_thread_was_about_last(cast: Cast, action: CustomAction) -> None:
    other = make(cast.acme, "Other")
    tell(cast.acme, action, event_data={})
    tell(cast.acme, other, event_data={})
    action.delete()
    assert shown_to(cast.vera) == {"about"}
    other.delete()
    assert shown_to(cast.vera) == set()


@pytest.mark.parametrize("deleted", ["proxy", "model"])
def test_a_proxy_is_the_model_behind_it(
    cast: Cast, action: CustomAction, proxy: type[CustomAction], deleted: str
) -> None:
    told_of, gone = (CustomAction, proxy) if deleted == "proxy" else (proxy, CustomAction)
    tell(cast.acme, told_of.objects.get(pk=action.pk))
    gone.objects.get(pk=action.pk).delete()
    assert shown_to(cast.vera) == set()


def test_keys_that_are_uuids(cast: Cast, document_table: None) -> None:
    remove_with_source(Document)
    first, second, third = (Document.objects.create() for _ in range(3))
    for document in (first, second, third):
        tell(cast.acme, document, event_data={"document": str(document.pk)}, title=str(document.pk))
    gone = first.pk
    first.delete()
    assert shown_to(cast.vera) == {str(second.pk), str(third.pk)}
    assert remove_notifications(Document, [str(second.pk).upper(), gone.hex]) == 1
    assert shown_to(cast.vera) == {str(third.pk)}


def test_keys_that_are_texts_are_told_apart_to_the_letter(cast: Cast, page_table: None) -> None:
    keys = ["a b", "A b", "ä b", "Ä b", "a%b", "a"]
    for key in keys:
        tell(cast.acme, Page.objects.create(pk=key), title=key)
    Page.objects.get(pk="A b").delete()
    with removed_together():
        Page.objects.filter(pk__in=["Ä b", "a%b"]).delete()
    assert shown_to(cast.vera) == {"a b", "ä b", "a"}
    assert remove_notifications(Page, ["ä b"]) == 1
    assert shown_to(cast.vera) == {"a b", "a"}


@pytest.mark.parametrize("length", [100, 101])
@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
def test_an_object_whose_key_is_too_long_for_a_source_can_be_deleted(
    cast: Cast, page_table: None, length: int, together: bool
) -> None:
    """It was never one, so nothing was told about it."""
    other = Page.objects.create(pk="x" * 100)
    tell(cast.acme, other)
    page = Page.objects.get_or_create(pk="x" * length)[0]
    with removed_together() if together else nullcontext():
        page.delete()
    assert shown_to(cast.vera) == ({"about"} if length > 100 else set())


def test_an_object_that_is_deleted_with_another_one_counts_too(cast: Cast, action: CustomAction) -> None:
    tell(cast.globex, action)
    cast.acme.delete()  # and its actions with it
    assert shown_to(cast.grace) == set()
    assert clean_up(timezone.now())["Notification"] == 1


def test_a_model_that_is_not_connected_keeps_its_threads(cast: Cast) -> None:
    group = Group.objects.create(name="Temporary")
    tell(cast.acme, group)
    group.delete()
    assert shown_to(cast.vera) == {"about"}


# ---- what it costs --------------------------------------------------------------------------------------------------


def updates(work: Callable[[], object]) -> tuple[int, int]:
    """How many queries it takes, and how many of them concern our tables."""
    with CaptureQueriesContext(connection) as captured:
        work()
    ours = [query["sql"] for query in captured if "team_notifications" in query["sql"]]
    assert all(sql.startswith("UPDATE") for sql in ours), ours
    return len(captured), len(ours)


def test_it_costs_one_statement_for_10_members_and_for_2000(db: None) -> None:
    costs = []
    for size in (10, 2_000):
        team = crowd(size, name=f"crowd-{size}")
        action = make(team)
        tell(team, action)
        costs.append(updates(action.delete))
        assert UserNotification.objects.filter(team=team).count() == size  # left to the cleanup
    assert costs[0] == costs[1]
    assert costs[0][1] == 1


def test_it_costs_one_statement_however_many_threads_are_about_it(cast: Cast) -> None:
    costs = []
    for count in (1, 20):
        action = make(cast.acme, f"{count}")
        for number in range(count):
            tell(cast.acme, action, f"n-{number}")
        costs.append(updates(action.delete))
    assert costs[0] == costs[1]
    assert shown_to(cast.vera) == set()


def test_many_objects_cost_a_statement_each_and_together_one_for_all(cast: Cast) -> None:
    def delete_all() -> None:
        CustomAction.objects.filter(team=cast.acme).delete()

    def delete_all_together() -> None:
        with removed_together():
            delete_all()

    costs = []
    for delete in (delete_all, delete_all_together):
        for number in range(12):
            tell(cast.acme, make(cast.acme, f"{number}"), f"n-{number}")
        assert len(shown_to(cast.vera)) == 12
        costs.append(updates(delete)[1])
        assert shown_to(cast.vera) == set()
    assert costs == [12, 1]


def test_more_together_than_fit_into_one_statement_take_several(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("team_notifications.sources.AT_ONCE", 5)
    for number in range(12):
        tell(cast.acme, make(cast.acme, f"{number}"), f"n-{number}")
    with CaptureQueriesContext(connection) as captured, removed_together():
        CustomAction.objects.all().delete()
    assert sum("team_notifications_notification" in query["sql"] for query in captured) == 3
    assert shown_to(cast.vera) == set()


def test_together_and_rolled_back_everything_stays(cast: Cast, action: CustomAction) -> None:
    tell(cast.acme, action)
    with suppress(ZeroDivisionError), removed_together():
        action.delete()
        _ = 1 / 0
    assert shown_to(cast.vera) == {"about"}
    other = make(cast.acme, "Other")
    tell(cast.acme, other, "other")
    other.delete()  # and what was gathered then is forgotten
    assert shown_to(cast.vera) == {"about"}


@pytest.mark.parametrize("count", [1, 12])
def test_what_a_savepoint_inside_brought_back_keeps_what_was_told_and_it_costs_a_query_for_each_model(
    cast: Cast, page_table: None, count: int
) -> None:
    actions = [make(cast.acme, f"{number}") for number in range(2 * count)]
    pages = [Page.objects.create(pk=f"page {number}") for number in range(count)]
    for source in (*actions, *pages):
        tell(cast.acme, source, title=str(source))
    with CaptureQueriesContext(connection) as captured, removed_together():
        CustomAction.objects.filter(pk__in=[action.pk for action in actions[count:]]).delete()
        with suppress(ZeroDivisionError), transaction.atomic():
            CustomAction.objects.all().delete()
            Page.objects.all().delete()
            _ = 1 / 0
        before = len(captured)
    assert shown_to(cast.vera) == {str(source) for source in (*actions[:count], *pages)}
    assert len(captured) - before == 4  # which are there still, of two models; the threads of one; the release
    for page in pages:
        page.delete()
    assert shown_to(cast.vera) == {str(action) for action in actions[:count]}


def test_together_within_together(cast: Cast) -> None:
    for number in range(4):
        tell(cast.acme, make(cast.acme, f"{number}"), f"n-{number}")
    with removed_together():
        CustomAction.objects.get(name="0").delete()
        with removed_together():
            CustomAction.objects.get(name="1").delete()
        CustomAction.objects.get(name="2").delete()
    assert shown_to(cast.vera) == {"n-3"}


# ---- without signals ------------------------------------------------------------------------------------------------


def test_keys_can_be_named_of_what_was_deleted_otherwise(cast: Cast, proxy: type[CustomAction]) -> None:
    actions = [make(cast.acme, f"{number}") for number in range(3)]
    for number, action in enumerate(actions):
        tell(cast.acme, action, f"n-{number}")
    assert remove_notifications(proxy, [actions[0].pk, str(actions[1].pk), 10_000_000]) == 2
    assert shown_to(cast.vera) == {"n-2"}
    assert remove_notifications(CustomAction, []) == 0


@pytest.mark.parametrize("key", ["seven", "7; DROP", None, ""])
def test_what_is_no_key_is_named_and_nothing_is_removed(cast: Cast, action: CustomAction, key: Any) -> None:
    tell(cast.acme, action)
    with pytest.raises(ValueError, match="is no key") as raised:
        remove_notifications(CustomAction, [action.pk, key])
    assert repr(key) in str(raised.value)
    assert shown_to(cast.vera) == {"about"}


class Abstract(models.Model):
    class Meta:
        abstract = True
        app_label = "tests"


@pytest.mark.parametrize("model", ["custom_actions.CustomAction", None, Abstract, object])
def test_what_is_no_model_with_a_table_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match="not of "):
        remove_with_source(model)


def test_an_object_of_a_model_is_no_model(cast: Cast) -> None:
    with pytest.raises(TypeError, match="not of "):
        remove_with_source(cast.acme)  # type: ignore[arg-type]


def test_connecting_twice_is_connecting_once(cast: Cast, action: CustomAction) -> None:
    before = len(post_delete.receivers)
    remove_with_source(CustomAction)
    assert len(post_delete.receivers) == before


# ---- the project ----------------------------------------------------------------------------------------------------


def test_custom_actions_are_connected(cast: Cast, action: CustomAction) -> None:
    assert apps.get_app_config("custom_actions").name == "custom_actions"
    record(action, DOWN)
    CustomAction.objects.filter(pk=action.pk).delete()
    assert shown_to(cast.alice) == set()


def test_a_mailing_about_it_stays_with_the_others(cast: Cast, action: CustomAction) -> None:
    Preference.objects.create(user=cast.vera, email_enabled=True)
    tell(cast.acme, action, level="error")
    sweeper.sweep()
    action.delete()
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        clean_up(timezone.now())
    assert Mailing.objects.count() == 4  # it was sent, and what the provider reports has to find it
    assert not Occurrence.objects.exists()
