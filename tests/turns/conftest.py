"""Law 5 over every story here: what people write stands in the database, and nowhere in a log or on a terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.school import CANARY


@pytest.fixture(autouse=True)
def _words_stay_in_the_database(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    printed = capfd.readouterr()
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        assert CANARY not in f"{record.getMessage()} {record.exc_info}"
    assert CANARY not in printed.out + printed.err
