"""Asks one endpoint, or sends it something. What goes wrong there is an outcome, not an exception."""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from time import monotonic

import httpx
from django.core.exceptions import ValidationError
from httpx_secure import SSRFProtectionError, httpx_ssrf_protection

from custom_actions.addresses import Refused, addresses_of, allowed_private_networks, may_be_asked
from custom_actions.endpoints import validate_endpoint

MAX_BODY_BYTES = 64 * 1024  # enough to see that an answer is coming; the rest is not waited for
MAX_REASON_LENGTH = 500
# One text for all: whether a port of a private network is open, and at which address, is nobody's business.
REFUSED = "Not asked: this host is neither on the public internet nor in an allowed network."
HEADERS = {"User-Agent": "django-team-notifications custom action", "Accept": "*/*"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of asking. `reason` says why an endpoint is down, and is empty when it is up."""

    is_up: bool
    status_code: int | None
    duration_ms: int
    reason: str


async def fetch(url: str, timeout: float, body: bytes | None = None) -> Outcome:
    """Asks `url`, for at most `timeout` seconds in all. Up means an answer with a 2xx status.

    With a `body`, which is JSON, it is posted to the URL.
    """
    started = monotonic()
    status_code, reason = await _status_or_reason(url, timeout, body)
    return Outcome(
        is_up=not reason,
        status_code=status_code,
        duration_ms=round((monotonic() - started) * 1000),
        reason=reason[:MAX_REASON_LENGTH],
    )


async def _status_or_reason(url: str, timeout: float, body: bytes | None) -> tuple[int | None, str]:
    try:
        validate_endpoint(url)
        # httpx counts its timeouts for each phase anew: an endpoint that sends a byte now and then never meets them.
        async with asyncio.timeout(timeout):
            status_code = await _ask(httpx.URL(url), timeout, body)
    except ValidationError as error:
        return None, error.messages[0]
    except (TimeoutError, httpx.TimeoutException):
        return None, f"No complete answer within {timeout:g} s."
    except (Refused, SSRFProtectionError):
        return None, REFUSED
    except socket.gaierror as error:
        return None, f"No answer: {error.strerror}"
    # The last two: httpx reads the target of a redirect even where it does not follow it.
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return None, f"No answer: {error or type(error).__name__}"
    return status_code, _complaint(status_code)


async def _ask(url: httpx.URL, timeout: float, body: bytes | None) -> int:
    """Asks the addresses of the host one after another, until one takes the connection."""
    addresses = await addresses_of(url.raw_host.decode("ascii"))
    for address in addresses[:-1]:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await _request(url, address, timeout / len(addresses), body)
    return await _request(url, addresses[-1], timeout, body)


async def _request(url: httpx.URL, address: str, connect_timeout: float, body: bytes | None) -> int:
    """Asks `address` and no other. The name is what the server is asked for, and what its certificate has to name."""
    pinned = url.copy_with(host=address)
    headers = {**HEADERS, "Host": url.netloc.decode("ascii")}
    method = "GET"
    if body is not None:
        method, headers["Content-Type"] = "POST", "application/json"
    tls_name = {"sni_hostname": url.raw_host.decode("ascii")}
    timeouts = httpx.Timeout(None, connect=connect_timeout)
    async with (
        httpx.AsyncClient(trust_env=False, verify=_tls(), timeout=timeouts, headers=headers) as client,
        _protected(client).stream(
            method, pinned, content=body, follow_redirects=False, extensions=tls_name
        ) as response,
    ):
        received = 0
        async for chunk in response.aiter_raw():  # raw, so that 64 KiB do not unpack to gigabytes
            received += len(chunk)
            if received >= MAX_BODY_BYTES:
                break
        return response.status_code


def _protected(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client, which refuses addresses besides: by the library's rule and ours, or with allowed networks by ours.

    It gets addresses and no names: to look up a name, the library opens a connection, and asks about it afterwards.
    """
    return httpx_ssrf_protection(
        client, check_globally_reachable=not allowed_private_networks(), custom_validator=may_be_asked
    )


@cache
def _tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than most answers."""
    return httpx.create_ssl_context(trust_env=False)


def _complaint(status_code: int) -> str:
    if httpx.codes.is_success(status_code):
        return ""
    answer = f"Answered {status_code} {httpx.codes.get_reason_phrase(status_code)}".rstrip()
    return f"{answer}; redirects are not followed." if httpx.codes.is_redirect(status_code) else f"{answer}."
