"""Is a school set up to run? `nearpeer doctor` asks everything that its settings name, with calls that harm nobody.

What people wrote into files is judged by bot/doctor.py; here it is what only the other side can tell.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError

from bot.adapters.base import Adapter, Finding
from bot.clock import SystemClock
from bot.errors import Outage, Refused
from bot.platforms import platforms
from bot.program import load_program
from bot.speaking import heard_from
from config.settings import Settings
from storage.database import Database

SKEW = timedelta(seconds=60)
"""Slack and whoever checks our signatures refuse what is some minutes old."""
PATIENCE = 40.0
"""Seconds for one platform."""
_CLOCKS = 5.0


def diagnose(folder: Path, *, fix: bool = False) -> Sequence[Finding]:
    """What was found, in the order in which a person would mend it. Raises ContentError for what cannot be read."""
    program = load_program(folder)
    settings = program.settings
    found = [_database(settings), *_clock(settings)]
    adapters = platforms(program)
    found += asyncio.run(_platforms(adapters, fix, _running(settings, adapters)))
    kinds = {"chat": settings.telegram.account or settings.slack.account, "SMS": settings.sms.account}
    kinds |= {"e-mail": settings.email.account, "webhook": settings.webhook.account}
    ways = [kind for kind, account in kinds.items() if account]
    how = "Set up at least two of chat, SMS, e-mail and webhook: docs/adults.md."
    few = "" if len(ways) > 1 else f"They are reached by {' and '.join(['the web chat', *ways])} alone. {how}"
    found.append(
        Finding("adults.ways", "Adults are reached in two ways or more, besides the web chat.", few, warns=True)
    )
    return found


def told(findings: Sequence[Finding]) -> str:
    """For people: a line each, and under it what is wrong."""
    return "\n".join(_lines(findings))


def told_as_json(findings: Sequence[Finding]) -> str:
    """For programs."""
    well = not any(one.wrong and not one.warns for one in findings)
    return json.dumps({"ok": well, "findings": [asdict(one) for one in findings]}, ensure_ascii=False, indent=2)


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for one in findings:
        yield f"{'ok  ' if not one.wrong else 'look' if one.warns else 'WRONG'} {one.sentence}"
        if one.wrong:
            yield f"       {one.wrong}"


def _database(settings: Settings) -> Finding:
    """Looked at as it is: whoever only asks changes no tables."""
    sentence = "The database can be opened, and no newer Nearpeer made it."
    file = settings.storage.file
    if file is not None and not file.exists():
        return Finding("database", "There is no database yet: the first start makes it.")
    database = Database(settings.storage.url)
    try:
        with database.read() as connection:
            database.refuse_newer(connection)
    except (Outage, Refused) as error:
        return Finding("database", sentence, str(error))
    except SQLAlchemyError as error:
        return Finding("database", sentence, f"It cannot be read ({type(error).__name__}). See storage.url.")
    finally:
        database.close()
    return Finding("database", sentence)


def _running(settings: Settings, adapters: Sequence[Adapter]) -> Collection[str]:
    """The platforms with which a program of this school speaks now, by its marks in the database."""
    file = settings.storage.file
    if file is not None and not file.exists():
        return ()
    database = Database(settings.storage.url)
    try:
        with database.read() as connection:
            return heard_from(connection, adapters, SystemClock().wall())
    except (Outage, SQLAlchemyError):
        return ()  # what is wrong with the database stands above
    finally:
        database.close()


def _clock(settings: Settings) -> list[Finding]:
    """Compared with a server that we need anyway; nobody else is asked."""
    asked = {
        settings.telegram.base_url: settings.telegram.account,
        settings.slack.base_url: settings.slack.account,
        settings.sms.base_url: settings.sms.account,
    }
    for url, account in asked.items():
        if account:
            finding = _compared(url)
            return [finding] if finding is not None else []
    return []


def _compared(url: str) -> Finding | None:
    try:
        date = httpx.head(url, timeout=_CLOCKS).headers.get("Date", "")
        theirs = parsedate_to_datetime(date)
    except (httpx.HTTPError, ValueError):
        return None  # whether it can be reached at all, its own look says
    skew = SystemClock().wall() - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
    seconds = round(abs(skew).total_seconds())
    wrong = f"It is {seconds} seconds off. Let the computer ask a time server." if abs(skew) > SKEW else ""
    return Finding("clock", "This computer's clock is right.", wrong)


async def _platforms(adapters: Sequence[Adapter], fix: bool, running: Collection[str]) -> list[Finding]:
    found: list[Finding] = []
    for adapter in adapters:
        try:
            async with asyncio.timeout(PATIENCE):
                found += await adapter.examine(fix=fix, running=adapter.name in running)
        except TimeoutError:
            found.append(
                Finding(adapter.name, f"{adapter.name} answers.", f"It did not within {PATIENCE:.0f} seconds.")
            )
    return found
