"""Cards to print: each opens its own person's chat, and no link is lost for want of a file."""

from __future__ import annotations

import html
import io
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import segno

from bot import cli
from tests.crash.outside import School

Give = Callable[..., tuple[int, str, str]]


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Give:
    """Give a command in this process: its exit code, and what it said."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nearpeer", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("seeded") / "school")


@pytest.fixture
def folder(seeded: School, tmp_path: Path) -> Path:
    """A school whose roster is imported and whose links were handed out."""
    return seeded.moved_to(tmp_path / "lincoln").folder


def drawn(page: str) -> list[str]:
    return re.findall(r'<path[^>]* d="([^"]+)"', page)


def test_everybody_gets_a_card_that_opens_their_own_chat(give: Give, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "cards.html"
    code, out, _ = give("links", folder, "--renew", "--cards", file)
    assert (code, "/l/" in out) == (0, False)
    assert out.startswith("10 cards in ")
    page = file.read_text(encoding="utf-8")
    links = [html.unescape(url) for url in re.findall(r"<small>([^<]+)</small>", page)]
    assert len(set(links)) == 10
    for url, path in zip(links, drawn(page), strict=True):
        right = io.BytesIO()
        segno.make(url, error="m", micro=False).save(right, kind="svg", border=2)
        assert drawn(right.getvalue().decode()) == [path]
    assert "Maya Torres" in page
    assert "Nobody watches the chat all day" in page
    assert "Nadie mira el chat todo el día" in page, "in the person's language"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_left_alone_and_no_link_ends(give: Give, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "cards.html"
    file.write_text("the only copy of older links")
    code, _, err = give("links", folder, "--renew", "--cards", file)
    assert code == 1
    assert "is there already" in err
    assert file.read_text() == "the only copy of older links"
    _, out, _ = give("links", folder, "--cards", tmp_path / "others.html")
    assert out.count("has a link already") == 10
    assert not (tmp_path / "others.html").exists(), "no card, no file"
