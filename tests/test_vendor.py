"""What we did not write is exactly what its authors published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES: list[dict[str, Any]] = json.loads((ROOT / "bot/static/vendor.json").read_text())
FILES = [(package["name"], file) for package in PACKAGES for file in package["files"]]


@pytest.mark.parametrize(("name", "file"), FILES, ids=[file["to"] for _, file in FILES])
def test_a_vendored_file_is_the_published_one(name: str, file: dict[str, str]) -> None:
    assert hashlib.sha256((ROOT / file["to"]).read_bytes()).hexdigest() == file["sha256"], name


def test_every_vendored_file_is_listed() -> None:
    present = {
        path.relative_to(ROOT).as_posix()
        for folder in ("bot/static/vendor", "tests/vendor")
        for path in (ROOT / folder).iterdir()
    }
    assert present == {file["to"] for _, file in FILES}


def test_every_package_says_where_it_is_from_and_under_which_license() -> None:
    for package in PACKAGES:
        assert package["version"][0].isdigit()
        assert package["license"] in {"0BSD", "MIT", "MPL-2.0"}
        assert package["integrity"].startswith("sha512-")
