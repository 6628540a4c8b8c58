"""Which proxy the computer's environment names: a school's network may let nothing else out. A leaf."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]


def proxy_for(base_url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The proxy for an address outside; "" for none, or where NO_PROXY says so."""
    server = urlsplit(base_url)
    if server.scheme != "https" or server.hostname in ("localhost", "127.0.0.1", "::1"):
        return ""
    if proxy_bypass_environment(server.hostname or "", {"no": _told(environment, "no_proxy")}):
        return ""
    named = _told(environment, "https_proxy")
    return named if not named or "://" in named else f"http://{named}"  # proxy.school:3128, as curl takes it


def _told(environment: Mapping[str, str], name: str) -> str:
    """In small letters first, as everybody reads them."""
    return environment.get(name) or environment.get(name.upper(), "")
