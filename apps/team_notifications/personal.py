"""Personal notifications belong to one user and no team. Where a team is asked for, `PERSONAL` stands for them."""

from django.utils.translation import gettext


class Personal:
    """Of this there is one. It is told from None, which where a team is asked for means all of them, or everywhere."""

    pk = "personal"  # its key in addresses, where a team has its own

    def __str__(self) -> str:
        return gettext("Personal")

    def __repr__(self) -> str:
        return "PERSONAL"


PERSONAL = Personal()
