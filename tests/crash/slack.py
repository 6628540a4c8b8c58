"""A school that speaks on Slack is killed while sixty events come, and started again: which of them are lost?

The real `nearpeer run` in a process of its own, over HTTP and sockets to the workspace of the tests. That is the judge:
an event that was offered a few times in vain is never offered again, and stands in the chat's history only.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from bot.domain import Address
from tests.crash.outside import School, ended, linked, lost, stop, until_quiet
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, TEAM, Slack
from tests.nursery import Process
from tests.postgres import FAST

CHATS = {"maya": "U0MAYA", "diego": "U0DIEGO", "amina": "U0AMINA", "noah": "U0NOAH"}
COMING = 60
SAID = [f"Line {number} of sixty" for number in range(COMING)]
HOUR = 3600.0
HANDLED = tuple(f"work.committed=exit@{number}" for number in (1, 5, 20, 40))
PLACES = (*HANDLED, *(f"ingress.{place}=exit@3" for place in ("fetched", "inserted", "committed")))
WITHIN = 90.0
NOTICED = 90.0
"""Seconds within which the health page must say what is wrong."""


def school_on_slack(folder: Path) -> School:
    """A school whose students are linked to their accounts in its workspace."""
    return linked(folder, {key: Address("slack", TEAM, str(chat)) for key, chat in CHATS.items()})


def in_workspace(school: School, slack: Slack) -> None:
    """From now on the school's app is in this workspace."""
    settings = school.folder / "nearpeer.toml"
    section = f'[slack]\nworkspace = "{TEAM}"\nbase_url = "{slack.url}/api"\n'
    settings.write_text(f"{settings.read_text()}\n{section}")
    school.load = ("bot.adapters.slack.adapter",)
    school.environment |= {"NEARPEER_SLACK__BOT_TOKEN": BOT_TOKEN, "NEARPEER_SLACK__APP_TOKEN": APP_TOKEN}


async def noticed(school: School, trouble: str) -> float:
    """Seconds until the health page of a real process names Slack when it is in this trouble."""
    slack, health = Slack(users={"U0MAYA": ""}), f"http://127.0.0.1:{school.port}/healthz"
    async with slack.running(), httpx.AsyncClient(timeout=5) as browser, asyncio.timeout(WITHIN + 90):
        in_workspace(school, slack)
        process = school.run()
        try:
            await slack.connected(within=WITHIN)
            while "Slack" in (await browser.get(health)).text:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            began = time.monotonic()
            if trouble == "revoked":
                slack.revoked.add(BOT_TOKEN)
            else:  # the sockets stay open and say nothing, and no new one can be made
                slack.frozen = slack.partitioned = True
            while "Slack" not in (answer := await browser.get(health)).text:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            assert answer.status_code == 503
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()


async def killed_at(school: School, place: str) -> list[str]:
    """What is wrong after sixty events, a kill at this place and a restart; empty when nothing is."""
    slack = Slack(users={user: f"{key}@lincoln.example" for key, user in CHATS.items()}, patience=0.3)
    async with slack.running():
        in_workspace(school, slack)
        users = list(CHATS.values())
        process = school.run(place)
        try:
            async with asyncio.timeout(WITHIN):
                await slack.connected(within=WITHIN)
                for number, text in enumerate(SAID):
                    await slack.deliver(slack.writes(users[number % len(users)], text), wait=False)
                    await asyncio.sleep(0.01)  # else all sixty are one commit
                killed = await ended(process)
                offered = len(slack.acknowledged)
                await asyncio.sleep(3 * slack.patience)  # what nobody took is given up
                process = school.run()
                code = await _until_kept(school, process)
        except TimeoutError:
            return [_too_late(school, process)]
        finally:
            process.kill()
            process.wait()
    return [
        *([] if killed == -9 else [f"{place} was never reached"]),
        *([] if offered < COMING else ["everything was acknowledged before the kill: nothing was proven"]),
        *_wrong(school, slack, code),
    ]


async def cut_off(school: School) -> list[str]:
    """What is wrong after an hour in which Slack was out of reach, and offered sixty events in vain."""
    slack = Slack(users={user: f"{key}@lincoln.example" for key, user in CHATS.items()}, patience=0.3)
    async with slack.running():
        in_workspace(school, slack)
        users, process = list(CHATS.values()), school.run()
        try:
            async with asyncio.timeout(WITHIN):
                await slack.connected(within=WITHIN)
                slack.partitioned = True
                await slack.cut()
                begun = time.time()
                for number, text in enumerate(SAID):
                    at = f"{begun + number * HOUR / COMING:.6f}"
                    await slack.deliver(slack.writes(users[number % len(users)], text, ts=at), times=0)
                slack.partitioned = False
                code = await _until_kept(school, process)
        except TimeoutError:
            return [_too_late(school, process)]
        finally:
            process.kill()
            process.wait()
    return _wrong(school, slack, code)


async def _until_kept(school: School, process: Process) -> int:
    """Until all is kept and nothing waits; gives how the process ended."""
    while school.kept().total() < COMING:  # noqa: ASYNC110  (nobody tells when the last one is kept)
        await asyncio.sleep(0.05)
    await until_quiet(school)
    return await stop(process)


def _too_late(school: School, process: Process) -> str:
    state = "runs" if process.poll() is None else f"ended with {process.returncode}"
    log = school.log.read_text(errors="replace")[-2_000:]
    return f"{school.kept().total()} of {COMING} kept in {WITHIN:.0f} s; the last process {state}:\n{log}"


def _wrong(school: School, slack: Slack, code: int) -> list[str]:
    silent = [user for user in CHATS.values() if not any(one.get("bot_id") for one in slack.posted[user])]
    return [*lost(school, SAID, code), *(f"{user} was never answered" for user in silent), *slack.wrongs]


def prove(places: Sequence[str] = PLACES) -> list[str]:
    """Every place, each in a school of its own, with a line for each on the terminal; gives what is wrong."""
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nearpeer-slack-", dir=FAST) as name:
        seeded = school_on_slack(Path(name) / "seeded/school")
        for number, place in enumerate(places):
            found = asyncio.run(killed_at(seeded.moved_to(Path(name) / f"{number}/school"), place))
            print(f"slack, {COMING} coming, {place}: {len(found) or 'no'} problems", flush=True)
            problems += [f"{place}: {one}" for one in found]
        found = asyncio.run(cut_off(seeded.moved_to(Path(name) / "hour/school")))
        print(f"slack, {COMING} written in an hour out of reach: {len(found) or 'no'} problems", flush=True)
        problems += [f"out of reach: {one}" for one in found]
        for trouble in ("revoked", "dead"):
            seconds = asyncio.run(noticed(seeded.moved_to(Path(name) / f"{trouble}/school"), trouble))
            print(f"slack, {trouble} {'token' if trouble == 'revoked' else 'sockets'}: noticed after {seconds:.0f} s")
            problems += [f"{trouble}: noticed after {seconds:.0f} s"] if seconds > NOTICED else []
    return problems
