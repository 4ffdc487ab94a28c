import pytest
from django.utils.translation import gettext_lazy

from team_notifications import kinds
from team_notifications.levels import Level
from tests.kinds import kind, registered


def test_a_registered_kind_is_found_by_its_slug() -> None:
    clustered = kind()
    with registered(clustered):
        assert kinds.find("ai-cluster-complete") is clustered
        assert clustered in kinds.all_kinds()
    assert kinds.find("ai-cluster-complete") is not clustered


def test_register_returns_the_kind() -> None:
    clustered = kind()
    with registered():
        assert kinds.register(clustered) is clustered


def test_a_kind_has_defaults_for_all_but_its_names_and_title() -> None:
    plain = kinds.Kind(slug="a-b", label="A", category="B", title="C")
    assert (plain.message, plain.icon, plain.level) == ("", "", Level.INFO)
    assert (dict(plain.params), list(plain.permissions)) == ({}, [])


def test_of_two_kinds_with_one_slug_the_first_counts_and_the_other_is_kept_for_the_check() -> None:
    first, second = kind(), kind(label="Another")
    with registered(first, second):
        assert kinds.find("ai-cluster-complete") is first
        assert kinds.duplicates() == [second]
        assert [known.slug for known in kinds.all_kinds()].count("ai-cluster-complete") == 1


def test_the_same_kind_registered_again_is_no_duplicate() -> None:
    clustered = kind()
    with registered(clustered, clustered):
        assert kinds.duplicates() == []


def test_kinds_are_grouped_by_category_in_the_order_of_registration() -> None:
    with registered(
        kind(slug="b", category="Two"), kind(slug="a", category=gettext_lazy("One")), kind(slug="c", category="Two")
    ):
        groups = {name: [known.slug for known in group] for name, group in kinds.by_category().items()}
    assert groups["Two"] == ["b", "c"]
    assert groups["One"] == ["a"]
    assert list(groups).index("Two") < list(groups).index("One")


def test_the_custom_actions_have_their_kinds() -> None:
    assert [known.slug for known in kinds.by_category()["Monitoring"]] == ["custom-action-down", "custom-action-slow"]


def test_a_kind_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        kind().label = "Other"  # type: ignore[misc]
