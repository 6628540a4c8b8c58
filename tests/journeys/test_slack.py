"""A school on Slack: the whole App, its own sockets, over the wire of a workspace on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from bot.app import App
from bot.clock import SystemClock
from bot.platforms import slack_adapter
from bot.program import Program
from bot.school import mint_codes
from config.slack import Slack as Settings
from storage import people, tables
from storage.database import Database
from tests.fakes import slack as fake
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, TEAM, Slack, until
from tests.school import CANARY, LEO, MAYA, RIVERA, move_in, on_sqlite

ASKED = "How is your week, Maya?"
"""While school is closed, something stands before it: these tests run at any hour."""

ALL = {fake.MAYA: "", fake.LEO: "", fake.RIVERA: ""}


@dataclass
class School:
    app: App
    slack: Slack
    codes: dict[int, str]

    def texts(self, user: str) -> list[str]:
        """What somebody was told, as it stands in their chat."""
        ours = [one for one in self.slack.posted[user] if one.get("bot_id")]
        return ["\n".join(block["text"]["text"] for block in _sections(one)) for one in ours]

    async def does(self, user: str, payload: dict[str, Any], answered: Callable[[str], bool]) -> None:
        """Somebody does something; returns when something is answered that is so."""
        before = len(self.texts(user))
        await self.slack.deliver(payload)
        await until(lambda: any(map(answered, self.texts(user)[before:])), within=20)

    async def says(self, user: str, text: str, answered: Callable[[str], bool]) -> None:
        await self.does(user, self.slack.writes(user, text), answered)

    async def taps(self, user: str, label: str, answered: Callable[[str], bool]) -> None:
        await self.does(user, self.slack.presses(user, label), answered)

    async def all_joined(self) -> None:
        """Maya and Ms. Rivera say the codes that they were given."""
        await self.says(fake.MAYA, f"link {self.codes[MAYA]}", lambda text: "Maya" in text)
        command = self.slack.commands(fake.RIVERA, "/link", self.codes[RIVERA])
        await self.does(fake.RIVERA, command, lambda text: "Rivera" in text)


def _sections(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in message.get("blocks", []) if block["type"] == "section"]


@asynccontextmanager
async def on_slack(program: Program, database: Database) -> AsyncIterator[School]:
    database.write(move_in).result()
    clock, slack = SystemClock(), Slack(users=dict(ALL), patience=3.0)
    async with slack.running():
        links = mint_codes(database, clock, "", platform="slack")
        settings = Settings(
            workspace=TEAM,
            bot_token=SecretStr(BOT_TOKEN),
            app_token=SecretStr(APP_TOKEN),
            base_url=f"{slack.url}/api",
            per_second=100,
            per_chat_second=10,
        )
        app, stop = App(program, database, clock, [slack_adapter(settings)]), asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        await slack.connected(within=20)
        try:
            yield School(app, slack, {link.person.id: link.url for link in links})
        finally:
            stop.set()
            await running
    slack.judge()


async def test_a_code_a_check_in_an_alert_and_an_acknowledgement_on_slack(
    program: Program, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_slack(program, database) as school:
        await school.all_joined()
        command = school.slack.commands(fake.MAYA, "/checkin")
        await school.does(fake.MAYA, command, lambda text: text.endswith(ASKED))
        await school.taps(fake.MAYA, "Great", lambda text: text == "What was it like?")
        await until(lambda: "✓ Great" in str(school.slack.posted[fake.MAYA]))
        await school.says(fake.MAYA, f"I want to die <!channel> {CANARY}", lambda text: "988" in text)
        await until(lambda: any("CRISIS" in text for text in school.texts(fake.RIVERA)))
        assert CANARY not in str(school.slack.posted[fake.RIVERA])
        alert = school.slack.posted[fake.RIVERA][-1]
        label = alert["blocks"][-1]["elements"][0]["text"]["text"]
        await school.taps(fake.RIVERA, label, lambda text: "You have case" in text)
        with database.read() as connection:
            (case,) = connection.execute(tables.escalation.select()).all()
            answers = connection.execute(tables.answer.select()).all()
            maya = people.load(connection, MAYA)
        assert (case.status, case.acknowledged_by) == ("acknowledged", "Ms. Rivera")
        assert [answer.value for answer in answers][:1] == [3]
        assert maya is not None
        assert (maya.addresses[0].platform, maya.addresses[0].chat) == ("slack", fake.MAYA)
        assert school.app.platform_troubles() == ()
    for secret in (CANARY, BOT_TOKEN, APP_TOKEN):
        assert secret not in caplog.text


@on_sqlite
async def test_a_mentor_tells_an_adult_about_a_message_with_the_shortcut(program: Program, database: Database) -> None:
    async with on_slack(program, database) as school:
        await school.says(fake.LEO, f"link {school.codes[LEO]}", lambda text: "Leo" in text)
        await school.says(fake.RIVERA, f"link {school.codes[RIVERA]}", lambda text: "Rivera" in text)
        quoted = {"user": fake.MAYA, "text": f"they hit me {CANARY}", "ts": "1.1"}
        about = {"type": "message_action", "callback_id": "tell_an_adult", "trigger_id": "1.2", "message": quoted}
        await school.does(fake.LEO, about | {"user": {"id": fake.LEO}}, lambda text: "988" in text)
        await until(lambda: any("A mentor tells of someone" in text for text in school.texts(fake.RIVERA)))
        assert not any(CANARY in text for text in school.texts(fake.RIVERA)), "the words are read on the staff pages"
        assert school.texts(fake.MAYA) == []


@on_sqlite
async def test_a_code_works_once_and_a_strangers_words_are_kept(program: Program, database: Database) -> None:
    async with on_slack(program, database) as school:
        await school.says(fake.MAYA, f"link {school.codes[MAYA]}", lambda text: "Maya" in text)
        await school.says(fake.LEO, f"link {school.codes[MAYA]}", bool)
        with database.read() as connection:
            leo = people.load(connection, LEO)
            reasons = [row.reason for row in connection.execute(tables.review_item.select())]
        assert leo is not None
        assert {address.platform for address in leo.addresses} == {"web"}
        assert any("has used" in reason for reason in reasons)


@on_sqlite
async def test_f41_f42_who_was_deactivated_is_unreachable_until_they_write(
    program: Program, database: Database
) -> None:
    async with on_slack(program, database) as school:
        await school.all_joined()
        left = {"type": "user_change", "user": {"id": fake.MAYA, "deleted": True}}
        await school.slack.deliver(school.slack.event(left))

        def ways() -> list[str]:
            with database.read() as connection:
                maya = people.load(connection, MAYA)
            assert maya is not None
            return [address.platform for address in maya.addresses]

        await until(lambda: ways() == ["web"])
        await school.slack.deliver(school.slack.writes(fake.MAYA, "I am back"))
        await until(lambda: ways() == ["slack", "web"])


async def test_f28_f32_what_a_stranger_writes_is_kept_whatever_it_is_made_of(
    program: Program, database: Database
) -> None:
    hostile = f"\x00\ud800 \u202ee\u0301\u0301 {CANARY} 😀"
    async with on_slack(program, database) as school:
        await school.says(fake.MAYA, hostile, bool)
        with database.read() as connection:
            texts = [row.text for row in connection.execute(tables.message.select()) if row.direction == "in"]
            (item,) = connection.execute(tables.review_item.select()).all()
        assert [CANARY in text for text in texts] == [True]
        assert item.kind == "stranger"


async def test_a_hundred_at_once_are_each_acknowledged_before_slack_offers_them_again(
    program: Program, database: Database
) -> None:
    async with on_slack(program, database) as school:
        await school.all_joined()
        burst = [school.slack.writes(fake.MAYA, f"line {number}") for number in range(100)]
        names = await asyncio.gather(*(school.slack.deliver(one, times=2) for one in burst))
        assert {school.slack.offered[name] for name in names} == {1}
        assert set(names) <= set(school.slack.acknowledged)

        def kept() -> list[str]:
            with database.read() as connection:
                rows = connection.execute(tables.message.select().order_by(tables.message.c.id)).all()
            return [row.text for row in rows if row.direction == "in" and row.text.startswith("line")]

        await until(lambda: len(kept()) == 100, within=30)
        assert len(set(kept())) == 100
