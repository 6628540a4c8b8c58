"""aiogram's FSM. Requests stop at its own session layer; the answer is parsed as usual.

`python -m bench.peers.aiogram_bot STUDENTS memory|sqlite`: MemoryStorage, or the package aiogram-sqlite-storage.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.base import BaseSession
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import KeyboardButton, Message, ReplyKeyboardMarkup
from aiogram_sqlite_storage.sqlitestore import SQLStorage

from bench import conversation as texts
from bench.measure import converse, report


class Unsent(BaseSession):
    """Takes what would go to Telegram, encoded as the real one would be, and answers as Telegram does."""

    sent = 0

    async def close(self) -> None: ...

    async def stream_content(self, *_arguments: Any, **_more: Any) -> AsyncGenerator[bytes, None]:
        yield b""

    async def make_request(self, bot: Bot, method: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109  (its name)
        prepared = {
            name: self.prepare_value(value, bot=bot, files={})
            for name, value in method.model_dump(warnings=False).items()
        }
        fields = {name: value for name, value in prepared.items() if value}
        Unsent.sent += 1
        answer = texts.taken(int(fields["chat_id"]), fields["text"], Unsent.sent).decode()
        return self.check_response(bot=bot, method=method, status_code=200, content=answer).result


class At(StatesGroup):
    ready = State()
    mood = State()
    note = State()
    confirm = State()


def keyboard(labels: tuple[str, ...]) -> ReplyKeyboardMarkup:
    return ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text=label) for label in labels]], one_time_keyboard=True)


READY_KEYS, MOOD_KEYS, YES_NO_KEYS = keyboard(texts.READY), keyboard(texts.MOODS), keyboard(texts.YES_NO)


async def begin(message: Message, state: FSMContext) -> None:
    await state.clear()
    await state.set_state(At.ready)
    await message.answer(texts.GREETING.format(name=message.from_user.first_name), reply_markup=READY_KEYS)


async def ready(message: Message, state: FSMContext) -> None:
    await state.set_state(At.mood)
    await message.answer(texts.ASK_MOOD, reply_markup=MOOD_KEYS)


async def mood(message: Message, state: FSMContext) -> None:
    chosen = int(message.text)
    await state.update_data(mood=chosen)
    await state.set_state(At.note)
    await message.answer(texts.ASK_LOW if chosen <= 2 else texts.ASK_HIGH)


async def note(message: Message, state: FSMContext) -> None:
    said = await state.update_data(note=message.text)
    await state.set_state(At.confirm)
    await message.answer(texts.ASK_CONFIRM.format(**said), reply_markup=YES_NO_KEYS)


async def confirm(message: Message, state: FSMContext) -> None:
    await state.clear()
    await message.answer(texts.THANKS)


def build(storage: Any) -> tuple[Bot, Dispatcher]:
    """Bot and dispatcher, as its own documentation builds them."""
    dispatcher = Dispatcher(storage=storage)
    dispatcher.message.register(begin, Command("checkin"))
    dispatcher.message.register(ready, At.ready, F.text == "ready")
    dispatcher.message.register(mood, At.mood, F.text.regexp(r"^[1-5]$"))
    dispatcher.message.register(note, At.note, F.text)
    dispatcher.message.register(confirm, At.confirm, F.text == "yes")
    return Bot("42:TEST", session=Unsent()), dispatcher


async def main(students: int, kept: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = SQLStorage(str(Path(folder) / "kept.db")) if kept == "sqlite" else MemoryStorage()
        bot, dispatcher = build(storage)

        async def take(raw: bytes) -> None:
            await dispatcher.feed_raw_update(bot, json.loads(raw))

        report(await converse(take, lambda: Unsent.sent, students))
        await storage.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
