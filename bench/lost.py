"""A bot is killed while sixty messages wait, and started again: how many are never handled? Ours, and the SDKs' own.

`python -m bench.lost` kills each of four bots after 1, 5, 20 and 40 messages and prints a table. The platforms are the
servers of the tests, over real HTTP and sockets; they keep what was not confirmed, and offer it again. Each bot is a
process of its own that ends by SIGKILL, and what it has handled is read from the disk once it was started again and
all is quiet: the SDKs' bots write a line for each message, ours keeps it in the school's database.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from bench.measure import PEERS_PYTHON, ROOT, Figures
from bench.peers.record import MOMENT
from bench.result import Claim, Result, Size
from tests.crash.outside import School, ended, stop
from tests.crash.slack import CHATS as USERS
from tests.crash.slack import school_on_slack
from tests.crash.telegram import CHATS, school_on_telegram
from tests.fakes.bot_api import METHODS
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, TEAM, Slack
from tests.fakes.telegram import TOKEN, BotServer, update
from tests.nursery import Process

WAITING = 60
AFTER = (1, 5, 20, 40)
APART = 0.01
"""Seconds between two events of Slack: it pushes them, where Telegram lets them wait."""
CALM = 10 * MOMENT
"""Seconds without anything new after which a bot has come to rest."""
WITHIN = 90.0
"""Seconds that a kill, a start and coming to rest may take."""
POLLING, BOLT = "python-telegram-bot, run_polling", "slack-bolt, AsyncSocketModeHandler"
Started = Process | subprocess.Popen[bytes]
ON_TELEGRAM, ON_SLACK = "Nearpeer on Telegram", "Nearpeer on Slack"


class Bot(Protocol):
    """A bot in a process of its own."""

    def start(self, url: str, last: int) -> Started:
        """Start it for the platform at `url`; it kills itself once it has handled so many, 0: never."""

    def handled(self) -> Counter[str]:
        """How often each text was handled, as it stands on the disk."""


@dataclass(frozen=True)
class Peer:
    """A bot on an SDK; `command` comes before the address of the platform and `tokens` after it."""

    folder: Path
    command: tuple[str, ...]
    tokens: tuple[str, ...]

    def start(self, url: str, last: int) -> subprocess.Popen[bytes]:
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [*self.command, url, *self.tokens, str(self._record), str(last)], cwd=ROOT, stdout=log, stderr=log
            )

    def handled(self) -> Counter[str]:
        return Counter(self._record.read_text().splitlines() if self._record.exists() else ())

    @property
    def _record(self) -> Path:
        return self.folder / "record.txt"


@dataclass(frozen=True)
class Ours:
    """`nearpeer run`; `section` is what its settings say of the platform at an address."""

    school: School
    section: Callable[[str], str]
    tokens: Mapping[str, str]

    def start(self, url: str, last: int) -> Process:
        settings = self.school.folder / "nearpeer.toml"
        if url not in settings.read_text():
            settings.write_text(f"{settings.read_text()}\n{self.section(url)}\n")
        self.school.environment = dict(self.tokens)
        return self.school.run(f"work.committed=exit@{last}" if last else "")

    def handled(self) -> Counter[str]:
        """A text stands in the log once its turn is committed; one that only arrived does not count."""
        if not (self.school.folder / "nearpeer.db").exists():
            return Counter()
        query = "SELECT text FROM message WHERE direction = 'in'"
        return Counter(row["text"] for row in self.school.rows(query))


class Anybody(BotServer):
    """The Bot API server for those too who ask it with forms, in which every default is written out."""

    async def _answer(self, head: str, body: bytes) -> Any:
        if "x-www-form-urlencoded" in head.lower():
            method = head.split(" ", 2)[1].rpartition("/")[2]
            given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            body = json.dumps(
                {name: _plain(value) for name, value in given.items() if name in METHODS[method]}
            ).encode()
        return await super()._answer(head, body)


def _plain(value: str) -> Any:
    """A field of a form: JSON but for texts."""
    try:
        return json.loads(value)
    except ValueError:
        return value


async def on_telegram(bot: Bot, after: int) -> Figures:
    """Sixty updates wait when the bot starts."""
    async with Anybody().running() as server:
        chats, texts = list(CHATS.values()), _texts()
        server.do(*(update(text, chats[number % len(chats)]) for number, text in enumerate(texts)))
        process = bot.start(server.url, after)
        try:
            async with asyncio.timeout(WITHIN):
                await _killed(process)
                at_kill, polls = bot.handled(), len(server.asked("getUpdates"))
                process = bot.start(server.url, 0)
                while server.waiting or len(server.asked("getUpdates")) == polls:  # noqa: ASYNC110  (nobody tells when the last one is confirmed)
                    await asyncio.sleep(0.05)
                await _at_rest(bot)
                await stop(process)
        finally:
            process.kill()
            process.wait()
    return _judged(texts, at_kill, bot.handled())


async def on_slack(bot: Bot, after: int) -> Figures:
    """Sixty events come, one close after the other; each is offered until it is acknowledged, as Slack does."""
    slack = Slack(users={user: f"{key}@lincoln.example" for key, user in USERS.items()})
    users, texts = list(USERS.values()), _texts()
    async with slack.running():
        process = bot.start(slack.url, after)
        try:
            async with asyncio.timeout(WITHIN):
                await slack.connected(1, WITHIN)
                offers = []
                for number, text in enumerate(texts):
                    payload = slack.writes(users[number % len(users)], text)
                    offers.append(asyncio.create_task(slack.deliver(payload)))
                    await asyncio.sleep(APART)
                await _killed(process)
                at_kill = bot.handled()
                process = bot.start(slack.url, 0)
                await asyncio.gather(*offers)
                await _at_rest(bot)
                await stop(process)
        finally:
            process.kill()
            process.wait()
    return _judged(texts, at_kill, bot.handled())


def killed(name: str, afters: Sequence[int] = AFTER) -> list[Figures]:
    """One bot, killed after so many messages, each time from its beginning."""
    found = []
    with tempfile.TemporaryDirectory(prefix="nearpeer-lost-") as folder:
        for after in afters:
            bot, platform = BOTS[name]
            place = Path(folder) / str(after)
            place.mkdir()
            found.append({"after": after} | asyncio.run(platform(bot(place), after)))
    return found


def goal(size: Size) -> Result:
    """P14."""
    afters = AFTER if size.share == 1 else AFTER[1:2]
    found = {name: killed(name, afters) for name in BOTS}
    claims = [
        Claim(f"of {WAITING * len(afters)} messages never handled, {name}", _sum(found[name], "lost"), 0, "messages")
        for name in (ON_TELEGRAM, ON_SLACK)
    ]
    return Result(claims, {name: _row(found[name]) for name in (ON_TELEGRAM, ON_SLACK)},
                  {name: _row(found[name]) for name in (POLLING, BOLT)})  # fmt: skip


def table(found: Mapping[str, Sequence[Figures]]) -> str:
    """What was never handled, by bot and kill."""
    afters = [one["after"] for one in next(iter(found.values()))]
    head = f"never handled of {WAITING}, killed after"
    lines = [f"{head:44}" + "".join(f"{after:>6}" for after in afters)]
    lines += [f"{name:44}" + "".join(f"{one['lost']:>6}" for one in rows) for name, rows in found.items()]
    return "\n".join(lines)


def _texts() -> list[str]:
    return [f"Line {number} of sixty" for number in range(WAITING)]


async def _killed(process: Started) -> None:
    code = await ended(process)
    if code != -signal.SIGKILL:
        raise RuntimeError(f"the bot ended with {code} instead of being killed")


async def _at_rest(bot: Bot) -> None:
    before, since = -1, time.monotonic()
    while time.monotonic() - since < CALM:
        if (now := bot.handled().total()) != before:
            before, since = now, time.monotonic()
        await asyncio.sleep(0.05)


def _judged(texts: Sequence[str], at_kill: Counter[str], at_end: Counter[str]) -> Figures:
    """`at_kill` is what had been handled when the process was killed."""
    return {
        "at_kill": at_kill.total(),
        "lost": sum(not at_end[text] for text in texts),
        "twice": sum(times > 1 for times in at_end.values()),
    }


def _sum(rows: Sequence[Figures], key: str) -> int:
    return sum(one[key] for one in rows)


def _row(rows: Sequence[Figures]) -> Figures:
    """As the page tells it: lost by when it was killed, and what was handled by then and twice, all together."""
    lost = {f"lost_after_{one['after']}": one["lost"] for one in rows}
    return lost | {"handled_before_kills": _sum(rows, "at_kill"), "handled_twice": _sum(rows, "twice")}


def _peer(module: str, *tokens: str, python: Path) -> Callable[[Path], Bot]:
    return lambda folder: Peer(folder, (str(python), "-m", module), tokens)


def _ours_on_telegram(folder: Path) -> Bot:
    def section(url: str) -> str:
        return f'[telegram]\nbase_url = "{url}"'

    return Ours(school_on_telegram(folder / "school"), section, {"NEARPEER_TELEGRAM__TOKEN": TOKEN})


def _ours_on_slack(folder: Path) -> Bot:
    def section(url: str) -> str:
        return f'[slack]\nworkspace = "{TEAM}"\nbase_url = "{url}/api"'

    tokens = {"NEARPEER_SLACK__BOT_TOKEN": BOT_TOKEN, "NEARPEER_SLACK__APP_TOKEN": APP_TOKEN}
    return Ours(school_on_slack(folder / "school"), section, tokens)


Platform = Callable[[Bot, int], Coroutine[Any, Any, Figures]]
BOTS: dict[str, tuple[Callable[[Path], Bot], Platform]] = {
    POLLING: (_peer("bench.peers.telegram_polling", TOKEN, python=PEERS_PYTHON), on_telegram),
    ON_TELEGRAM: (_ours_on_telegram, on_telegram),
    BOLT: (_peer("bench.peers.bolt_socket", BOT_TOKEN, APP_TOKEN, python=Path(sys.executable)), on_slack),
    ON_SLACK: (_ours_on_slack, on_slack),
}


def main() -> int:
    """The exit code is 1 when ours lost a message."""
    found: dict[str, list[Figures]] = {}
    for name in BOTS:
        found[name] = killed(name)
        print(f"{name}: {found[name]}", flush=True)
    print(table(found))
    return 1 if any(_sum(found[name], "lost") for name in (ON_TELEGRAM, ON_SLACK)) else 0


if __name__ == "__main__":
    if not PEERS_PYTHON.exists():
        sys.exit("The peers are not installed. `make bench-quick` installs them first.")
    sys.exit(main())
