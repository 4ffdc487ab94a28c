"""System checks: a wrong setting stops the start and says what is wrong."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register

SETTING = "CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS"


@register
def allowed_networks_are_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[Error]:
    errors = []
    for network in getattr(settings, SETTING):
        try:
            ip_network(network)
        except ValueError as error:
            errors.append(
                Error(
                    f"{SETTING} names no network: {error}.",
                    hint="Write networks as 10.0.0.0/8, and single addresses as 192.0.2.7/32.",
                    id="custom_actions.E001",
                )
            )
    return errors
