"""How serious a notification is, and which of them reach a member.

The values are those of ``django.contrib.messages.constants``, so the two can be compared and mixed.
"""

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Level(models.IntegerChoices):
    INFO = 20, _("Info")
    SUCCESS = 25, _("Success")
    WARNING = 30, _("Warning")
    ERROR = 40, _("Error")

    @classmethod
    def parse(cls, value: "Level | int | str") -> "Level":
        """The level that `value` names: a level, its number, or its name in any case; ``danger`` is ERROR.

        Raises ValueError, naming the value, for anything else.
        """
        if isinstance(value, str) and value.isascii():  # upper() makes an I of other letters too
            name = value.upper()
            if name == "DANGER":
                return cls.ERROR
            if name in cls.__members__:
                return cls[name]
        elif isinstance(value, int) and not isinstance(value, bool) and value in cls.values:
            return cls(value)
        known = ", ".join(cls.__members__)
        raise ValueError(f"{value!r} is not a level; it is one of {known}.")

    @property
    def weight(self) -> int:
        """What thresholds compare. INFO and SUCCESS weigh the same: success is good news, not graver news."""
        return int(Level.INFO if self is Level.SUCCESS else self)

    @property
    def slug(self) -> str:
        """The lower-case name: a CSS class, an icon, a value in an API."""
        return self.name.lower()


class Threshold(models.IntegerChoices):
    """The lowest level that reaches a member through a channel."""

    INFO = Level.INFO.value, _("Everything")
    WARNING = Level.WARNING.value, _("Warnings and errors")
    ERROR = Level.ERROR.value, _("Errors only")


# What a threshold lets through, as a sentence begins with it.
WHAT: dict[int, Promise] = {
    Threshold.INFO: _("All notifications"),
    Threshold.WARNING: _("Warnings and errors"),
    Threshold.ERROR: _("Errors"),
}
