"""python-telegram-bot's ConversationHandler. Requests stop at its own request layer; the answer is parsed as usual.

`python -m bench.peers.telegram_bot STUDENTS none|step`: without persistence, or PicklePersistence written after each
message (as shipped it writes every 60 seconds and loses what lies between).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from telegram import ReplyKeyboardMarkup, Update
from telegram.ext import Application, CommandHandler, ConversationHandler, MessageHandler, PicklePersistence, filters
from telegram.request import BaseRequest

from bench import conversation as texts
from bench.measure import converse, report

READY, MOOD, NOTE, CONFIRM = range(4)


class Unsent(BaseRequest):
    """Takes what would go to Telegram, encoded as the real one would be, and answers as Telegram does."""

    sent = 0

    @property
    def read_timeout(self) -> float:
        return 1

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url: str, method: str, request_data: Any = None, **_more: Any) -> tuple[int, bytes]:
        if url.endswith("getMe"):
            return 200, json.dumps({"ok": True, "result": texts.BOT}).encode()
        fields = request_data.json_parameters
        Unsent.sent += 1
        return 200, texts.taken(int(fields["chat_id"]), fields["text"], Unsent.sent)


def keyboard(labels: tuple[str, ...]) -> ReplyKeyboardMarkup:
    return ReplyKeyboardMarkup([labels], one_time_keyboard=True)


READY_KEYS, MOOD_KEYS, YES_NO_KEYS = keyboard(texts.READY), keyboard(texts.MOODS), keyboard(texts.YES_NO)


async def begin(update: Update, context: Any) -> int:
    context.user_data.clear()
    name = update.effective_user.first_name
    await update.message.reply_text(texts.GREETING.format(name=name), reply_markup=READY_KEYS)
    return READY


async def ready(update: Update, _context: Any) -> int:
    await update.message.reply_text(texts.ASK_MOOD, reply_markup=MOOD_KEYS)
    return MOOD


async def mood(update: Update, context: Any) -> int:
    context.user_data["mood"] = int(update.message.text)
    await update.message.reply_text(texts.ASK_LOW if context.user_data["mood"] <= 2 else texts.ASK_HIGH)
    return NOTE


async def note(update: Update, context: Any) -> int:
    context.user_data["note"] = update.message.text
    await update.message.reply_text(texts.ASK_CONFIRM.format(**context.user_data), reply_markup=YES_NO_KEYS)
    return CONFIRM


async def confirm(update: Update, _context: Any) -> int:
    await update.message.reply_text(texts.THANKS)
    return ConversationHandler.END


def build(persistence: PicklePersistence | None = None) -> Any:
    """The application, as its own documentation builds one."""
    unsent = Unsent()
    builder = Application.builder().token("42:TEST").request(unsent).get_updates_request(unsent)
    builder = builder.job_queue(None).updater(None)
    if persistence is not None:
        builder = builder.persistence(persistence)
    application = builder.build()
    handler = ConversationHandler(
        entry_points=[CommandHandler("checkin", begin)],
        states={
            READY: [MessageHandler(filters.Regex("^ready$"), ready)],
            MOOD: [MessageHandler(filters.Regex("^[1-5]$"), mood)],
            NOTE: [MessageHandler(filters.TEXT & ~filters.COMMAND, note)],
            CONFIRM: [MessageHandler(filters.Regex("^yes$"), confirm)],
        },
        fallbacks=[],
        name="checkin",
        persistent=persistence is not None,
    )
    application.add_handler(handler)
    return application


async def main(students: int, kept: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pickle = PicklePersistence(Path(folder) / "kept", on_flush=False) if kept == "step" else None
        application = build(pickle)
        await application.initialize()

        async def take(raw: bytes) -> None:
            await application.process_update(Update.de_json(json.loads(raw), application.bot))
            if pickle is not None:
                await application.update_persistence()

        report(await converse(take, lambda: Unsent.sent, students))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
