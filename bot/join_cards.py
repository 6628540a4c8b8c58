"""Cards to print and hand out, one for each person: a square code that opens their own chat, and a few words.

Whoever has a card has the chat. So the page is written into one file that only its owner may read, and nowhere else.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import segno
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bot.errors import Refused
from bot.program import Program
from bot.school import PersonalLink

_PAGE = """<!doctype html>
<html lang="{{ cards[0].language }}">
<meta charset="utf-8">
<meta name="robots" content="noindex">
<title>{{ school }}</title>
<style>
  body { margin: 0; font: 12pt/1.4 system-ui, sans-serif; color: #000; background: #fff; }
  main { display: grid; grid-template-columns: 1fr 1fr; }
  article { display: grid; grid-template-columns: 34mm 1fr; gap: 6mm; padding: 7mm; min-height: 50mm;
            border: 0.3mm dashed #888; break-inside: avoid; align-items: center; }
  h2 { margin: 0 0 1mm; font-size: 14pt; }
  p { margin: 0 0 2mm; font-size: 10.5pt; }
  small { font-size: 7.5pt; overflow-wrap: anywhere; color: #333; }
  svg { width: 34mm; height: 34mm; }
</style>
<main>
{% for card in cards %}
<article lang="{{ card.language }}">
  {{ card.code }}
  <div><h2>{{ card.name }}</h2><p>{{ card.words }}</p><small>{{ card.url }}</small></div>
</article>
{% endfor %}
</main>
</html>
"""


@contextmanager
def new_page(file: Path) -> Iterator[TextIO]:
    """The file for the cards, made before a link is: a link is shown once. Raises Refused when it may not be.

    Never over a file that is there, which may hold the only copy of older links.
    """
    try:
        opened = os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise Refused(f"{file} is there already. Name a new file, or take that one away.") from None
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}.") from error
    try:
        with opened:
            yield opened
    finally:
        if not file.stat().st_size:  # nobody got a card
            file.unlink()


def write_cards(program: Program, links: Sequence[PersonalLink], page: TextIO) -> int:
    """A card for everybody whose link is new; gives how many."""
    cards = [
        {
            "name": link.person.name,
            "language": link.person.language,
            "words": program.text(
                link.person.language,
                "join_card_adult" if link.person.role.adult else "join_card",
                program=program.school,
            ),
            "url": link.url,
            "code": _square(link.url),
        }
        for link in links
        if link.url
    ]
    if cards:
        template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)
        page.write(template.render(school=program.school, cards=cards))
    return len(cards)


def _square(url: str) -> Markup:
    drawn = io.BytesIO()
    segno.make(url, error="m", micro=False).save(drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2)
    return Markup(drawn.getvalue().decode())  # noqa: S704  (segno's own drawing)
