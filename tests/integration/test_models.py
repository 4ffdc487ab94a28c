"""The tables themselves: what the database keeps, and what goes with what."""

import json

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, transaction

from team_notifications.models import Notification, Occurrence, UserNotification
from team_notifications.models.lookups import HeldInTeam
from team_notifications.notify import create_notification, notify_user
from tests.cast import Cast


def test_links_keep_their_order_and_come_back_as_a_dict(cast: Cast) -> None:
    links = {"Zulu": "/z", "A": "/a", "Much longer": "/m"}
    create_notification(team=cast.acme, slug="a-b", title="x", links=links)
    assert list(Notification.objects.get().links.items()) == list(links.items())
    assert list(Occurrence.objects.get().links.items()) == list(links.items())


def test_links_survive_a_dump_and_a_load(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x", links={"Zulu": "/z", "A": "/a"})
    dump = serializers.serialize("json", Notification.objects.all())
    assert json.loads(dump)[0]["fields"]["links"] == {"Zulu": "/z", "A": "/a"}
    [loaded] = serializers.deserialize("json", dump)
    loaded.save()
    assert list(Notification.objects.get().links) == ["Zulu", "A"]


def test_deleting_a_team_takes_its_threads_and_rows_along(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x")
    create_notification(team=cast.globex, slug="a-b", title="x")
    cast.acme.delete()
    assert set(Notification.objects.values_list("team", flat=True)) == {cast.globex.pk}
    assert set(UserNotification.objects.values_list("team", flat=True)) == {cast.globex.pk}
    connection.check_constraints()


def test_deleting_a_user_takes_their_personal_threads_along_and_nobody_elses(cast: Cast) -> None:
    for user in (cast.vera, cast.ed):
        notify_user(user, "Your export is ready")
    cast.vera.delete()
    assert Notification.objects.get().user == cast.ed
    assert Occurrence.objects.count() == UserNotification.objects.count() == 1


def test_a_thread_belongs_to_a_team_or_to_a_user_and_never_to_both_or_none(cast: Cast) -> None:
    for owner in ({}, {"team": cast.acme, "user": cast.vera}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notification.objects.create(identifier="x", slug="a-b", title="x", **owner)


def test_an_identifier_is_one_thread_for_each_team_and_for_each_user(cast: Cast) -> None:
    owners = [{"team": cast.acme}, {"team": cast.globex}, {"user": cast.vera}, {"user": cast.bob}]
    for owner in owners:
        Notification.objects.create(identifier="x", slug="a-b", title="x", **owner)
    for owner in owners:
        with pytest.raises(IntegrityError), transaction.atomic():
            Notification.objects.create(identifier="x", slug="a-b", title="x", **owner)


def test_deleting_a_user_takes_their_rows_along(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x")
    cast.vera.delete()
    assert UserNotification.objects.count() == 3


@pytest.mark.parametrize(
    ("permissions", "held", "within"),
    [
        ([], set(), True),
        (["a.b"], {"a.b", "c.d"}, True),
        (["a.b", "c.d"], {"a.b"}, False),
        (["a.b"], set(), False),
        (["a'b"], {"a'b"}, True),
        (["a%sb"], {"a%sb"}, True),
    ],
)
def test_what_is_held_in_a_team_is_compared_by_whole_names(
    cast: Cast, permissions: list[str], held: set[str], within: bool
) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x")
    Notification.objects.update(permissions=permissions)
    in_acme = HeldInTeam("permissions", "team", {cast.acme.pk: held, cast.globex.pk: {"everything.else"}})
    assert Notification.objects.filter(in_acme).exists() is within


@pytest.mark.parametrize(
    ("permissions", "wanted", "included"),
    [(["a.b", "c.d"], ["a.b"], True), (["a.bc"], ["a.b"], False), ([], ["a.b"], False), (["a.b"], [], True)],
)
def test_includes_compares_whole_names(cast: Cast, permissions: list[str], wanted: list[str], included: bool) -> None:
    create_notification(team=cast.acme, slug="a-b", title="x")
    Notification.objects.update(permissions=permissions)
    assert Notification.objects.filter(permissions__includes=wanted).exists() is included
    assert Notification.objects.exclude(permissions__includes=wanted).exists() is not included
