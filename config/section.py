"""What all sections of the settings share, and values that more than one of them has."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of nearpeer.toml: unknown keys are refused, nothing changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, defer_build=True, hide_input_in_errors=True
    )


def loopback(host: str) -> bool:
    """Whether a host is this computer."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def server_address(value: str) -> str:
    """The address of a platform's server: https, or http on this computer. Raises ValueError with words."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address like https://api.example.org")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise ValueError("must begin with https://, or the token would cross the network in the clear")
    return value.rstrip("/")
