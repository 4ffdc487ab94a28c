"""What can be published: names, and what payloads say."""

import math
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest
from django.utils.safestring import mark_safe

from team_notifications.events.handlers import MissingHandler, find, paths_for, subscribe
from team_notifications.events.types import UnknownEvent, event_type, names, register_event
from team_notifications.models import EventLog
from tests.events import NAME, own_registries


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


def check(**payload: Any) -> dict[str, Any]:
    return event_type(NAME).check(payload)


# ---- names ----------------------------------------------------------------------------------------------------------


def test_a_registered_event_is_found_with_what_it_means() -> None:
    assert event_type(NAME).description == "The water is hot."
    assert names() == [NAME]


def test_an_unknown_event_is_named_with_those_that_there_are() -> None:
    register_event("kettle.emptied", "No more tea.")
    with pytest.raises(
        UnknownEvent, match=r"no event type 'kettle\.melted'; there are kettle\.boiled, kettle\.emptied"
    ):
        event_type("kettle.melted")


def test_registering_the_same_twice_changes_nothing() -> None:
    register_event(NAME, "The water is hot.", required=["kettle_id"], optional=["note"])
    assert names() == [NAME]


def test_one_name_cannot_mean_two_things() -> None:
    with pytest.raises(ValueError, match=r"'kettle\.boiled' is registered already, as .*The water is hot"):
        register_event(NAME, "Something else.")


@pytest.mark.parametrize(
    "name", ["", "boiled", "Kettle.boiled", "kettle.", ".boiled", "kettle boiled.x", "a.b\n", None]
)
def test_a_bad_name_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="is not the name of an event") as error:
        register_event(name, "x")
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", ["product.created", "teams.member_left", "a.b-c.d2"])
def test_a_good_name_is_taken(name: str) -> None:
    assert register_event(name, "x").name == name


def test_names_of_a_payload_are_a_list() -> None:
    with pytest.raises(TypeError, match=r"Names in the payload of tea\.made are a list, not 'cup_id'"):
        register_event("tea.made", "x", required="cup_id")


# ---- payloads -------------------------------------------------------------------------------------------------------


def test_a_payload_is_copied_as_json_has_it() -> None:
    said = check(kettle_id=7, note={"ids": (1, 2), "text": mark_safe("hot")})
    assert said == {"kettle_id": 7, "note": {"ids": [1, 2], "text": "hot"}}
    assert type(said["note"]["text"]) is str


def test_a_missing_name_is_named() -> None:
    with pytest.raises(ValueError, match=r"The payload of kettle\.boiled lacks kettle_id\."):
        check(note="x")


def test_an_unexpected_name_is_named_with_those_that_it_takes() -> None:
    with pytest.raises(ValueError, match=r"kettle\.boiled has no colour, size; it takes kettle_id, note\."):
        check(kettle_id=7, size=1, colour=2)


@pytest.mark.parametrize("value", [math.nan, math.inf, b"x", {1}, object()], ids=lambda value: type(value).__name__)
def test_what_json_cannot_hold_raises_type_error_naming_the_key(value: object) -> None:
    with pytest.raises(TypeError, match=r"^Payload 'note' is "):
        check(kettle_id=7, note=value)


@pytest.mark.parametrize(
    ("payload", "complaint"), [({"note": "\x00"}, "Payload 'note' holds a NUL"), ({1: 2}, "A key of payload")]
)
def test_what_else_is_wrong_with_a_payload_is_said_of_the_payload(payload: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        event_type(NAME).check(payload)


@pytest.mark.parametrize("payload", [[1], "x", 7])
def test_a_payload_is_a_mapping(payload: Any) -> None:
    with pytest.raises(TypeError, match=r"^Payload is a dict of JSON values"):
        event_type(NAME).check(payload)


def test_a_payload_of_a_megabyte_is_refused_and_the_limit_is_named() -> None:
    with pytest.raises(ValueError, match=r"has 1,048,\d+ bytes as JSON, and EVENT_MAX_BYTES allows 65,536\."):
        check(kettle_id=7, note="x" * 1024 * 1024)


def test_the_limit_is_a_setting_and_counts_bytes(settings: Any) -> None:
    size = len('{"kettle_id":7,"note":""}')
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENT_MAX_BYTES": size + 4}
    assert check(kettle_id=7, note="éé")["note"] == "éé"
    with pytest.raises(ValueError, match=rf"has {size + 5} bytes"):
        check(kettle_id=7, note="éée")


# ---- handlers -------------------------------------------------------------------------------------------------------


def first(event: EventLog) -> None: ...


def second(event: EventLog) -> None: ...


def test_handlers_are_known_by_their_dotted_paths_in_the_order_in_which_they_subscribed() -> None:
    for handler in (second, first, second):
        assert subscribe(NAME)(handler) is handler
    assert paths_for(NAME) == [f"{__name__}.second", f"{__name__}.first"]
    assert find(NAME, f"{__name__}.first") is first


def test_one_function_may_handle_several_events() -> None:
    subscribe(NAME)(first)
    subscribe("kettle.emptied")(first)
    assert paths_for(NAME) == paths_for("kettle.emptied") == [f"{__name__}.first"]


def test_an_event_without_handlers_has_none() -> None:
    assert paths_for(NAME) == []
    with pytest.raises(MissingHandler, match=r"No handler 'a\.b' is subscribed to kettle\.boiled: it was removed"):
        find(NAME, "a.b")


one, other = (lambda event: None), (lambda event: None)


def at_another_line() -> Any:
    def first(event: EventLog) -> None: ...

    first.__qualname__ = "first"
    return first


@pytest.mark.parametrize("event", [NAME, "kettle.emptied"])
def test_two_functions_of_one_name_are_one_too_many(event: str) -> None:
    """Only one of them would ever be called."""
    subscribe(NAME)(first)
    with pytest.raises(ValueError, match=rf"{__name__}\.first is the name of another handler \(of kettle\.boiled\)"):
        subscribe(event)(at_another_line())
    assert find(NAME, f"{__name__}.first") is first
    assert paths_for("kettle.emptied") == []


def made(number: int) -> Any:
    return lambda event: number


@pytest.mark.parametrize("two", [(one, other), (made(1), made(2))], ids=["in one line", "of one factory"])
def test_two_lambdas_have_one_name(two: Any) -> None:
    subscribe(NAME)(two[0])
    with pytest.raises(ValueError, match=r"lambda> is the name of another handler"):
        subscribe(NAME)(two[1])


def test_a_module_that_is_loaded_again_brings_the_same_handlers_in_their_places() -> None:
    again = FunctionType(first.__code__.replace(), first.__globals__, "first")
    again.__qualname__ = first.__qualname__
    for handler in (first, second, again):
        subscribe(NAME)(handler)
    assert paths_for(NAME) == [f"{__name__}.first", f"{__name__}.second"]
    assert find(NAME, f"{__name__}.first") is again


async def later(event: EventLog) -> None: ...


@pytest.mark.parametrize(
    "handler", [later, print, first.__call__, "tests.events.boil"], ids=["coroutine", "builtin", "method", "path"]
)
def test_a_handler_is_a_plain_function(handler: Any) -> None:
    with pytest.raises(TypeError, match="A handler is a plain function"):
        subscribe(NAME)(handler)


def test_a_handler_whose_name_the_database_cannot_hold_is_refused() -> None:
    def handler(event: EventLog) -> None: ...

    handler.__qualname__ = "x" * 256
    with pytest.raises(ValueError, match="has at most 255 characters"):
        subscribe(NAME)(handler)
