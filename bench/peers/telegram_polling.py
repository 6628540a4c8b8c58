"""A bot on python-telegram-bot's polling, built and run as its own documentation builds its first example.

`python -m bench.peers.telegram_polling URL TOKEN RECORD LAST`
"""

from __future__ import annotations

import sys
from typing import Any

from telegram import Update
from telegram.ext import Application, MessageHandler, filters

from bench.peers.record import Record


def main(url: str, token: str, record: Record) -> None:
    async def hear(update: Update, _context: Any) -> None:
        await record.handle(update.message.text)

    application = Application.builder().token(token).base_url(f"{url}/bot").build()
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, hear))
    application.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Record(sys.argv[3], int(sys.argv[4])))
