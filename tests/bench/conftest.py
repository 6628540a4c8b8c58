"""What all tests of the benches need."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """The benches silence it; tests after them look at it."""
    yield
    logging.disable(logging.NOTSET)
