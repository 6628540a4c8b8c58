"""python-telegram-bot's AIORateLimiter with a few hundred messages waiting, and an urgent one each second meanwhile.

`python -m bench.peers.telegram_limiter MESSAGES RETRIES`: over real HTTP to the strict platform of bench.fanout.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import urllib.request

from telegram.error import RetryAfter
from telegram.ext import AIORateLimiter, ExtBot

from bench.measure import Figures, cpu, percentile, report
from tests.fakes.strict import alone, worst_second

URGENT = 5


async def _send(bot: ExtBot[None], chat: int, text: str) -> bool:
    try:
        await bot.send_message(chat, text)
    except RetryAfter:
        return False
    return True


async def _urgent(bot: ExtBot[None], raised: dict[str, float]) -> bool:
    """One each second for as long as half of the others take at the full rate."""
    sent = []
    for number in range(URGENT):
        await asyncio.sleep(1)
        text = f"urgent {number}"
        raised[text] = time.monotonic()
        sent.append(asyncio.create_task(_send(bot, 10 + number, text)))
    return all(await asyncio.gather(*sent))


async def _measured(port: int, messages: int, retries: int) -> tuple[Figures, dict[str, float]]:
    bot: ExtBot[None] = ExtBot(
        "42:TEST", base_url=f"http://127.0.0.1:{port}/bot", rate_limiter=AIORateLimiter(max_retries=retries)
    )
    await bot.initialize()
    used, raised = cpu(), dict[str, float]()
    sends = [_send(bot, 1000 + number, "hello") for number in range(messages)]
    sent = await asyncio.gather(_urgent(bot, raised), *sends)
    used = cpu() - used
    await bot.shutdown()
    return {"messages": messages, "lost": sent.count(False), "cpu_us": used / messages * 1e6}, raised


def limiter(messages: int, retries: int) -> Figures:
    """How long urgent messages took to arrive, what was refused, and what was lost."""
    logging.disable(logging.CRITICAL)
    with alone() as port:
        figures, raised = asyncio.run(_measured(port, messages, retries))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/journal") as answer:
            journal = json.loads(answer.read())["result"]
    taken = [entry["at"] for entry in journal if not entry["refused"]]
    arrived = {entry["text"]: entry["at"] for entry in journal if not entry["refused"]}
    waited = sorted(arrived[text] - at for text, at in raised.items() if text in arrived)
    return figures | {
        "refused": len(journal) - len(taken),
        "rate": (len(taken) - 1) / (taken[-1] - taken[0]),
        "worst_second": worst_second(taken),
        "alert_count": len(waited),
        "alert_p50_ms": percentile(waited, 0.5) * 1e3,
        "alert_longest_ms": waited[-1] * 1e3,
    }


if __name__ == "__main__":
    report(limiter(int(sys.argv[1]), int(sys.argv[2])))
