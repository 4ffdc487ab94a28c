class CannotDo(Exception):
    """A job cannot be done. Its text says why, to the team."""


class Overtaken(Exception):
    """Somebody else did a job of this site since it was read: a message that was delivered twice, or a button."""
