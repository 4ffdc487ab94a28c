import pytest
from django.contrib.messages import constants

from team_notifications.levels import Level


def test_levels_have_the_values_of_django_messages() -> None:
    assert [int(level) for level in Level] == [constants.INFO, constants.SUCCESS, constants.WARNING, constants.ERROR]


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("info", Level.INFO),
        ("Success", Level.SUCCESS),
        ("WARNING", Level.WARNING),
        ("danger", Level.ERROR),
        (40, Level.ERROR),
        (constants.WARNING, Level.WARNING),
        (Level.SUCCESS, Level.SUCCESS),
    ],
)
def test_a_level_is_named_by_itself_its_number_or_its_name_in_any_case(value: object, level: Level) -> None:
    assert Level.parse(value) is level  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["fatal", "", 35, 0, True, None, 40.0, "40", "ınfo"])
def test_anything_else_is_no_level_and_the_error_names_it(value: object) -> None:
    with pytest.raises(ValueError, match="is not a level; it is one of INFO, SUCCESS, WARNING, ERROR") as error:
        Level.parse(value)  # type: ignore[arg-type]
    assert repr(value) in str(error.value)


def test_info_and_success_weigh_the_same() -> None:
    assert Level.SUCCESS.weight == Level.INFO.weight < Level.WARNING.weight < Level.ERROR.weight
