"""Which URLs may be endpoints at all. Where they lead is decided when they are asked: `custom_actions.addresses`."""

import httpx
from django.core.exceptions import ValidationError

SCHEMES = {"http", "https"}
MAX_PORT = 65_535


def validate_endpoint(value: str) -> None:
    """Raises ValidationError unless `value` is an http or https URL with a host and without a user or password.

    It is read by httpx, which will also fetch it: two readers could see two hosts in one URL.
    """
    if any(character.isspace() for character in value):
        raise ValidationError(f"{value!r} holds a space or a line end; write it as %20.")
    try:
        url = httpx.URL(value)
        host = url.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValidationError(f"{value!r} is not a URL: {error}") from None
    if url.scheme not in SCHEMES:
        raise ValidationError(f"{value!r} does not start with http:// or https://.")
    if not host:
        raise ValidationError(f"{value!r} names no host.")
    if url.userinfo:
        raise ValidationError(f"The URL of {host} holds a user or a password; everyone in the team could read it.")
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        raise ValidationError(f"{value!r} names the port {url.port}; ports go from 1 to {MAX_PORT}.")
