"""P12: a message's whole way on Slack, in a school with few flows or many, beside slack-bolt with as many listeners.

python -m bench.slack_way --students 600 --flows 50
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bench.conversation import TEAM, envelope
from bench.measure import Case, Figures, interleaved, medians, ratio, report
from bench.peers.slack_unsent import ANSWER
from bench.result import Claim, Result, Size
from bench.way import WARM, measured, running
from bot.adapters.base import Port
from bot.adapters.slack.adapter import Adapter as Slack
from bot.adapters.slack.reading import NAME, chat_of
from bot.adapters.slack.web import Heard
from bot.domain import Address

FEW, MANY = 5, 50
BOLT, BOLT_MANY = f"slack-bolt, {FEW} listeners", f"slack-bolt, {MANY} listeners"
OURS, OURS_FEW = f"Nearpeer, {MANY} flows", f"Nearpeer, {FEW} flows"


class Wire(Slack):
    """Slack, but for the network: envelopes in, acknowledged once stored; what would be posted is encoded."""

    def __init__(self) -> None:
        super().__init__(TEAM, "xoxb-bench", per_second=1e9, per_chat_second=1e9, look=1e9)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self.started = asyncio.Event()
        self.sent = 0
        self._web.post = self._taken  # type: ignore[method-assign]

    async def start(self, port: Port) -> None:
        await super().start(port)
        self.started.set()

    async def exchange(self, body: bytes) -> None:
        """One message of a student; returns when the reply has left."""
        request = SocketModeRequest.from_dict(json.loads(body))
        assert request is not None
        replied = self._waiting[chat_of(request.payload)] = asyncio.get_running_loop().create_future()
        await self.take(request.payload, request.envelope_id)
        json.dumps(SocketModeResponse(request.envelope_id).to_dict())
        await replied

    async def _taken(self, method: str, body: bytes, _kind: str, /) -> Heard:
        if method == "chat.postMessage":
            self.sent += 1
            chat = body.partition(b'"channel": "')[2].partition(b'"')[0]
            self._waiting.pop(chat.decode()).set_result(None)
        return 200, {}, ANSWER


def chat(student: int) -> Address:
    return Address(NAME, TEAM, f"U{student}")


def way(students: int, flows: int) -> Figures:
    """CPU microseconds of one message's whole way, sixteen in flight."""
    numbers = range(WARM + 1, WARM + 1 + students)
    with running((range(1, WARM + 1), numbers), flows, chat, Wire) as (app, wire):
        figures: Figures = asyncio.run(measured(app, wire, numbers, in_flight=16, written=envelope))
    return figures


def goal(size: Size) -> Result:
    """P12."""
    students = size.of(600, 20)
    cases = [
        *(_case(name, "bench.slack_way", "--students", students, "--flows", many) for name, many in OF_OURS.items()),
        *(_case(name, "bench.peers.bolt_app", students, many) for name, many in OF_BOLT.items()),
    ]
    found = interleaved(cases, size.rounds)
    claims = (
        Claim(f"CPU of a message with {MANY} flows, against Bolt with {FEW} listeners, which keeps nothing",
              ratio(found[OURS], found[BOLT]), 1.2, "x"),
        Claim(f"against ours with {FEW} flows", ratio(found[OURS], found[OURS_FEW]), 1.2, "x"),
    )  # fmt: skip
    figures = medians(found, "cpu_us")
    ours = {f"{many} flows": figures[name] for name, many in OF_OURS.items()}
    return Result(claims, ours, {name: figures[name] for name in OF_BOLT})


OF_OURS, OF_BOLT = {OURS: MANY, OURS_FEW: FEW}, {BOLT: FEW, BOLT_MANY: MANY}


def _case(name: str, module: str, *arguments: Any) -> Case:
    return Case(name, module, tuple(map(str, arguments)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=600)
    parser.add_argument("--flows", type=int, default=MANY)
    arguments = parser.parse_args()
    report(way(arguments.students, arguments.flows))
