"""The proxy that the computer's environment names (F56)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.proxy import proxy_for

OUTSIDE = "https://api.telegram.org"
PROXY = "http://proxy:3128"
TOLD = {"HTTPS_PROXY": PROXY}


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, ""),
        (TOLD, PROXY),
        ({"https_proxy": "proxy.school:3128"}, "http://proxy.school:3128"),
        (TOLD | {"https_proxy": "http://another:3128"}, "http://another:3128"),
        (TOLD | {"NO_PROXY": "*"}, ""),
        (TOLD | {"NO_PROXY": "telegram.org"}, ""),
        (TOLD | {"no_proxy": "10.0.0.1, .telegram.org"}, ""),
        (TOLD | {"NO_PROXY": "example.org"}, PROXY),
        ({"HTTP_PROXY": PROXY}, ""),
    ],
)
def test_f56_the_proxy_of_the_environment_is_used(environment: Mapping[str, str], proxy: str) -> None:
    assert proxy_for(OUTSIDE, environment) == proxy


@pytest.mark.parametrize("url", ["http://localhost:8081", "https://127.0.0.1:8081", "http://bot-api:8081"])
def test_a_server_of_ones_own_is_asked_without_it(url: str) -> None:
    assert proxy_for(url, TOLD) == ""
