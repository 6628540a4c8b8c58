"""The goals P1 to P16: what each one measures, beside which peers, and what it may come to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import alerting, cold, due, engine, fanout, growth, lost, planning, restart, screening, sending, slack_way
from bench.measure import Case, Figures, interleaved, median, medians, ratio, run
from bench.result import Claim, Result, Size

OURS = "Nearpeer"
PTB = "python-telegram-bot, nothing kept"
PTB_STEP = "python-telegram-bot, a pickle each step"
AIOGRAM = "aiogram, in memory"
AIOGRAM_SQLITE = "aiogram, SQLite package"
CROWD = "Nearpeer, 10,000 open"
BARE = "bare SQLite, one commit each"
STEP = "Nearpeer, a durable step"


@dataclass(frozen=True, slots=True)
class Goal:
    """`why` says in one plain line what it is good for."""

    name: str
    why: str
    measure: Callable[[Size], Result]


def _way(students: int, in_flight: int) -> Case:
    return Case(OURS, "bench.way", ("--students", str(students), "--in-flight", str(in_flight)))


def _telegram_bot(students: int) -> Case:
    return Case(PTB, "bench.peers.telegram_bot", (str(students), "none"), peer=True)


def _aiogram(name: str, students: int, storage: str) -> Case:
    return Case(name, "bench.peers.aiogram_bot", (str(students), storage), peer=True)


def engine_step(size: Size) -> Result:
    """P1."""
    figures = engine.measure(size.rounds, size.of(1_000, 5))
    claims = [Claim("CPU of an engine step against `transitions`", figures["of_transitions"], 1.0, "x")]
    peers = {"transitions": {"cpu_us": figures["transitions_cpu_us"]}}
    if figures["of_floip"] is not None:
        claims.append(Claim("against FLOIP's flow-runner", figures["of_floip"], 0.1, "x"))
        peers["FLOIP flow-runner"] = {"cpu_us": figures["floip_cpu_us"]}
    left_out = "" if figures["of_floip"] is not None else "FLOIP's flow-runner: needs Node and @floip/flow-runner"
    return Result(claims, {"cpu_us": figures["cpu_us"]}, peers, left_out)


def message(size: Size) -> Result:
    """P2."""
    students = size.of(1_000, 20)
    cases = (_way(students, 16), _telegram_bot(students), _aiogram(AIOGRAM, size.of(600, 5), "memory"))
    found = interleaved(cases, size.rounds)
    claims = (
        Claim("CPU of a message against python-telegram-bot, which keeps nothing", _times(found, PTB), 0.8, "x"),
        Claim("the same against aiogram in memory", _times(found, AIOGRAM), 0.4, "x"),
    )
    return _conversed(claims, found)


def message_alone(size: Size) -> Result:
    """P3."""
    with tempfile.TemporaryDirectory() as folder:
        open_, writing = size.of(10_000, 100), size.of(200, 5)
        crowd = growth.crowd(Path(folder), open_ + size.rounds * (growth.WARM + writing), open_)
        cases = (
            _way(size.of(600, 5), 1),
            _telegram_bot(size.of(1_000, 5)),
            _aiogram(AIOGRAM_SQLITE, size.of(200, 5), "sqlite"),
            growth.walking(CROWD, crowd, open_ + 1, writing, in_flight=1),
            Case(PTB_STEP, "bench.peers.telegram_pickle", ("steps", str(open_)), peer=True),
        )
        found = interleaved(cases, size.rounds)
    durable = ratio(found[CROWD], found[PTB_STEP])
    claims = (
        Claim("CPU of a message, one in flight, against python-telegram-bot", _times(found, PTB), 3.5, "x"),
        Claim("against aiogram with its SQLite package", _times(found, AIOGRAM_SQLITE), 0.3, "x"),
        Claim("with 10,000 open, against python-telegram-bot made durable", durable, 0.05, "x"),
    )
    return _conversed(claims, found)


def storm(size: Size) -> Result:
    """P4."""
    steps = str(size.of(5_000, 100))
    cases = (
        _way(size.of(1_000, 64), 64),
        Case(STEP, "bench.storage", ("ours", steps)),
        Case(BARE, "bench.storage", ("bare", steps)),
    )
    found = interleaved(cases, size.rounds)
    claims = (
        Claim("durable steps a second, 64 in flight, against bare SQLite with a commit each",
              ratio(found[STEP], found[BARE], "per_second"), 2.0, "x", at_least=True),
        Claim("99 of 100 steps are done within", median(found[STEP], "p99_us") / 1e3, 50.0, "ms"),
        Claim("99 of 100 messages are answered within", median(found[OURS], "p99_us") / 1e3, 50.0, "ms"),
    )  # fmt: skip
    return _conversed(claims, found)


def killed(size: Size) -> Result:
    """P8."""
    rounds = min(size.rounds, 3)
    conversations = size.of(10_000, 50)
    ours, shipped = [], []
    for _ in range(rounds):
        ours.append(run(Case(OURS, "bench.restart", (str(conversations),))))
        shipped.append(restart.as_shipped())
    claims = (
        Claim("acknowledged lines that are gone, all rounds together", sum(one["lost"] for one in ours), 0, "lines"),
        Claim("alerts that are gone", sum(one["lost_alerts"] for one in ours), 0, "alerts"),
        Claim("from answering again to the first send, the slowest", max(one["claim_ms"] for one in ours), 250, "ms"),
    )
    lost = sum(one["lost"] for one in shipped) / sum(one["acknowledged"] for one in shipped)
    figures = medians({OURS: ours}, "acknowledged", "ready_ms", "claim_ms")[OURS] | {"conversations": conversations}
    return Result(claims, figures, {"python-telegram-bot, pickle as shipped": {"lost_share": lost}})


GOALS: dict[str, Goal] = {
    "P1": Goal("An engine step", "the conversation itself is the smallest part of the bill", engine_step),
    "P2": Goal("A message's whole way", "keeping everything costs less than the peer spends keeping nothing", message),
    "P3": Goal("A message alone", "a quiet hour is cheap too", message_alone),
    "P4": Goal("A storm of replies", "a whole school may answer at once", storm),
    "P5": Goal("Planning and firing", "a school is planned and asked while everything else goes on", planning.goal),
    "P6": Goal("A fan-out", "ten thousand are asked as fast as the platform allows, and it never minds", fanout.paced),
    "P7": Goal("An alert in a fan-out", "an adult hears at once, whatever else is waiting", fanout.overtaking),
    "P8": Goal("Killed at any moment", "what was acknowledged is there, and sending goes on at once", killed),
    "P9": Goal("Everybody at once", "whoever is due is asked, and the rest goes on meanwhile", due.goal),
    "P10": Goal("Growth", "the fifth year costs what the first day did", growth.goal),
    "P11": Goal("A cold start", "a restart is over before anybody notices", cold.goal),
    "P12": Goal("A message on Slack", "a school may have as many flows as it likes", slack_way.goal),
    "P13": Goal("A message on its way out", "the network's share is the platform's, not ours", sending.goal),
    "P14": Goal("Killed while messages wait", "what a student wrote is handled, whatever happens to us", lost.goal),
    "P15": Goal("Screening", "every word is looked at, and nobody waits for it", screening.goal),
    "P16": Goal("From words to an alert", "an adult is told before the next one is asked", alerting.goal),
}


def _times(found: Mapping[str, Sequence[Figures]], peer: str, key: str = "cpu_us") -> float:
    return ratio(found[OURS], found[peer], key)


def _conversed(claims: Sequence[Claim], found: Mapping[str, Sequence[Figures]]) -> Result:
    """The figures of a conversation, ours and the peers'."""
    figures = medians(found, "cpu_us")
    for name, rounds in found.items():
        figures[name] |= {key: median(rounds, key) for key in ("per_second", "p99_us") if key in rounds[0]}
    return Result(claims, figures.pop(OURS), figures)
