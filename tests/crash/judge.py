"""What the outside record says of a school that came to rest: what is lost, what is double, what came twice or late.

Invariants of reliability.md 7, by their names: I1 every event once, I2 every answer kept, I3 no silent end, I4 every
message in a known state. I5 and I6 are judged elsewhere (tests of the logs, and the state machine).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.crash.scene import Scene

CARD = "HOME to 741741"
"""A word of every crisis card, and of nothing else that these students are sent."""
LAST_WORDS = 0.05
"""Seconds in which the platform reads what the dead had sent when they died."""
FAILURE = "Nearpeer could not"
"""Words of every case that a failure of ours opens."""
FINAL = {"sent", "cancelled", "expired"}


@dataclass
class Verdict:
    """What was looked at and what was wrong with it. `problems` is empty when the promise held."""

    answers: int = 0
    alerts: int = 0
    messages: int = 0
    kills: int = 0
    steps: int = 0
    """Of the state machine."""
    in_flight: int = 0
    """Kills while work was under way, as the outside saw it."""
    duplicates: int = 0
    most_at_once: int = 0
    """The most messages that came twice because of one kill, alerts aside: they go out side by side."""
    most_with_alerts: int = 0
    """The same with alerts."""
    lost_answers: list[str] = field(default_factory=list)
    lost_alerts: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        return [*self.lost_answers, *self.lost_alerts, *self.double, *self.other]

    def __add__(self, other: Verdict) -> Verdict:
        joined = Verdict()
        for name in ("most_at_once", "most_with_alerts"):
            setattr(joined, name, max(getattr(self, name), getattr(other, name)))
        for name in ("answers", "alerts", "messages", "kills", "steps", "in_flight", "duplicates"):
            setattr(joined, name, getattr(self, name) + getattr(other, name))
        for name in ("lost_answers", "lost_alerts", "double", "other"):
            setattr(joined, name, getattr(self, name) + getattr(other, name))
        return joined

    def __str__(self) -> str:
        flight = f"; kills {self.kills}, {self.in_flight} with work in flight" if self.kills else ""
        return (
            f"answers {self.answers}, lost {len(self.lost_answers)}; "
            f"alerts {self.alerts}, lost {len(self.lost_alerts)}; "
            f"double {len(self.double)}; messages {self.messages}, came twice {self.duplicates} (at most "
            f"{self.most_at_once} of one kill, {self.most_with_alerts} with alerts); other {len(self.other)}{flight}"
        )


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: whether work was under way, and what was being sent: whatever of it came is not recorded."""

    in_flight: bool
    sender: bool
    """Whether the dead could send."""
    window: frozenset[int]
    taken: int
    """How many messages the platform had taken until the last of the dead was read."""


async def look_at_the_dead(scene: Scene, unconfirmed: int, unanswered: int, *, is_sender: bool = True) -> Kill:
    """What a kill cut off: asked right after it, before anybody lives again."""
    await asyncio.sleep(LAST_WORDS)
    sending = {row.id for row in scene.rows("SELECT id FROM message WHERE status = 'sending'")}
    unhandled = scene.rows("SELECT count(*) FROM inbox WHERE status = 'new'")[0][0]
    in_flight = bool(unconfirmed or unanswered or unhandled)
    return Kill(in_flight, is_sender, frozenset(sending), len(scene.line.taken))


def judge(
    scene: Scene, kills: Iterable[Kill] = (), *, doubts: int = 0, faults: bool = False, rested: bool = True
) -> Verdict:
    """Compare what the people did and saw with what the house holds.

    `doubts`: how many messages may come twice without a kill, because the house could not know that they had come.
    `faults`: something of ours was made to fail. What failed steps aside for a moment, and adults may be told of it.
    `rested`: whether everything came to its end. If not, that is what is wrong: what is under way is not called lost.
    """
    line, crowd = scene.line, scene.crowd
    verdict = Verdict(answers=len(crowd.said), alerts=sum(crowd.in_need.values()), messages=len(line.times))
    verdict.other += crowd.broken
    _twice(scene, list(kills), doubts, verdict)
    if not rested:
        verdict.other.append("it did not come to rest, so nobody knows what is lost")
        return verdict
    if not line.calm:
        verdict.other.append("I1: updates are left on the platform")
    _events(scene, verdict, faults)
    _answers(scene, verdict)
    _alerts(scene, verdict, FAILURE if faults else "")
    _messages(scene, verdict)
    if not faults:
        _order(scene, verdict)
    return verdict


def _events(scene: Scene, verdict: Verdict, faults: bool) -> None:
    """I1: every event that was offered is in the inbox once, and once in the log, in the order of its chat."""
    offered = [str(update.number) for update in scene.line.offered]
    inbox = Counter({row.event_id: row.n for row in scene.rows("SELECT event_id, count(*) n FROM inbox GROUP BY 1")})
    verdict.lost_answers += [f"event {number} is not in the inbox" for number in offered if not inbox[number]]
    verdict.double += [f"event {number} is stored twice" for number, times in inbox.items() if times > 1]
    left = scene.rows("SELECT event_id, status FROM inbox WHERE status <> 'done'")
    verdict.lost_answers += [f"event {row.event_id} is {row.status}" for row in left]
    said = defaultdict(list)
    for update in scene.line.offered:
        said[update.body["chat"]].append(update.body["text"])
    logged = defaultdict(list)
    for row in scene.rows("SELECT chat, text FROM message WHERE direction = 'in' ORDER BY id"):
        logged[row.chat].append(row.text)
    for chat, texts in said.items():
        missing, more = Counter(texts) - Counter(logged[chat]), Counter(logged[chat]) - Counter(texts)
        verdict.lost_answers += [f"{chat}: {count} of a line are not in the log" for count in missing.values()]
        verdict.double += [f"{chat}: a line is {count} times too often in the log" for count in more.values()]
        if not faults and not missing and not more and texts != logged[chat]:
            verdict.other.append(f"{chat}: the log is not in the order in which it was written")


def _answers(scene: Scene, verdict: Verdict) -> None:
    """I2: every reply to a question is one answer, and no question of a conversation is answered twice."""
    query = (
        "SELECT i.chat, i.text, count(a.id) AS n FROM message i LEFT JOIN answer a ON a.message_id = i.id "
        "WHERE i.direction = 'in' GROUP BY i.id, i.chat, i.text"
    )
    kept: Counter[tuple[str, str]] = Counter()
    for row in scene.rows(query):
        kept[row.chat, row.text] += row.n
    owed = Counter((update.body["chat"], update.body["text"]) for update in scene.crowd.said)
    verdict.lost_answers += [f"{chat}: {count} answers are not kept" for (chat, _), count in (owed - kept).items()]
    verdict.double += [f"{chat}: {count} answers too many" for (chat, _), count in (kept - owed).items()]
    twice = "SELECT conversation_id, step FROM answer WHERE kind <> 'late' GROUP BY 1, 2 HAVING count(*) > 1"
    verdict.double += [
        f"{row.step} of conversation {row.conversation_id} is answered twice" for row in scene.rows(twice)
    ]


def _alerts(scene: Scene, verdict: Verdict, beside: str) -> None:
    """I3: who asked for an adult got the card, has a case, and of each case an alert was taken by the platform.

    `beside`: words of reasons for which there may be cases that nobody asked for.
    """
    line, crowd = scene.line, scene.crowd
    cards = Counter(taken.chat for taken in line.taken if CARD in taken.text and not taken.again)
    asked = dict(crowd.in_need)
    for chat in asked:
        if cards[chat] != asked[chat]:
            where = verdict.lost_alerts if cards[chat] < asked[chat] else verdict.double
            where.append(f"{chat}: asked {asked[chat]} times for an adult, got {cards[chat]} cards")
    noted: Counter[str] = Counter()
    query = (
        "SELECT a.chat, count(*) AS n FROM audit r JOIN address a ON a.person_id = r.person_id "
        "WHERE r.action IN ('opened', 'updated') AND (detail LIKE 'crisis:%' OR detail LIKE 'urgent:%') "
        "AND (:beside = '' OR detail NOT LIKE '%' || :beside || '%') GROUP BY a.chat"
    )
    for row in scene.rows(query, beside=beside):
        noted[row.chat] += row.n
    for chat in {*asked, *noted}:
        if noted[chat] != asked.get(chat, 0):
            where = verdict.lost_alerts if noted[chat] < asked.get(chat, 0) else verdict.double
            where.append(f"{chat}: asked {asked.get(chat, 0)} times for an adult, {noted[chat]} are in a case")
    found = "SELECT count(*) FROM finding JOIN escalation ON escalation.id = escalation_id WHERE rule = 'wish-to-die'"
    if (texts := scene.rows(found)[0][0]) != len(crowd.crises):
        verdict.lost_alerts.append(f"{len(crowd.crises)} crisis texts, {texts} of them in a case")
    told = defaultdict(set)
    for row in scene.rows("SELECT id, escalation_id FROM message WHERE kind = 'alert'"):
        told[row.escalation_id].add(row.id)
    for row in scene.rows("SELECT id, status, acknowledged_by FROM escalation"):
        if not told[row.id] & line.times.keys():
            verdict.lost_alerts.append(f"case {row.id}: no alert was taken by the platform")
        if row.status != "closed":
            verdict.lost_alerts.append(f"case {row.id} is {row.status}, and everybody has gone home")


def _messages(scene: Scene, verdict: Verdict) -> None:
    """I4: what is recorded as sent was taken by the platform, and everything has come to its end."""
    taken = scene.line.times
    for row in scene.rows("SELECT id, kind, status FROM message WHERE direction = 'out'"):
        if row.status not in FINAL:
            verdict.other.append(f"{row.kind} {row.id} is {row.status}")
        if row.status == "sent" and row.id not in taken:
            verdict.lost_answers.append(f"{row.kind} {row.id} is recorded as sent and never was")
    known = {row.id for row in scene.rows("SELECT id FROM message WHERE direction = 'out'")}
    verdict.double += [f"message {id_} was sent by a turn that never was" for id_ in taken.keys() - known]
    again = (
        "SELECT conversation_id, step, count(*) AS n FROM message WHERE kind = 'say' AND direction = 'out' "
        "AND conversation_id IS NOT NULL AND text LIKE 'Thank you, Maya.' GROUP BY 1, 2 HAVING count(*) > 1"
    )
    verdict.double += [f"conversation {row.conversation_id} ended {row.n} times" for row in scene.rows(again)]


def _order(scene: Scene, verdict: Verdict) -> None:
    """What a chat's own events caused arrives in their order; within one urgency, for an alert waits for nothing.

    What others cause at the same time (an adult, a beat) has no order among itself: several workers commit as they can.
    """
    events = {str(row.id): row for row in scene.rows("SELECT id, event_id, chat FROM inbox")}
    query = "SELECT id, chat, priority, dedupe_key FROM message WHERE direction = 'out' AND dedupe_key LIKE 'inbox:%'"
    places: dict[int, tuple[int, tuple[int, int]]] = {}
    for row in scene.rows(query):
        _, event, number = row.dedupe_key.split(":")
        if row.priority and events[event].chat == row.chat:
            places[row.id] = row.priority, (int(events[event].event_id), int(number))
    last: dict[tuple[str, int], tuple[int, int]] = {}
    for taken in scene.line.taken:
        if taken.again or taken.message not in places:
            continue
        priority, place = places[taken.message]
        if place < last.get((taken.chat, priority), (0, 0)):
            verdict.other.append(f"{taken.chat}: message {taken.message} was overtaken")
        last[taken.chat, priority] = place


def _twice(scene: Scene, kills: list[Kill], doubts: int, verdict: Verdict) -> None:
    """A message may come again only in a later life, when the kill between found unrecorded that it had come.

    Beside that: when the platform's answer did not come in time, which the house has then recorded as ambiguous.
    """
    senders = [kill for kill in kills if kill.sender]
    lives = [kill.taken for kill in senders]
    ordinary = {row.id for row in scene.rows("SELECT id FROM message WHERE direction = 'out' AND priority > 0")}
    came: dict[int, int] = {}
    unexplained: list[int] = []
    doubled: Counter[int] = Counter()
    doubled_ordinary: Counter[int] = Counter()
    for place, taken in enumerate(scene.line.taken):
        if taken.again:
            guilty = bisect_right(lives, came[taken.message])
            if bisect_right(lives, place) > guilty and taken.message in senders[guilty].window:
                doubled[guilty] += 1
                doubled_ordinary[guilty] += taken.message in ordinary
            else:
                unexplained.append(taken.message)
            verdict.duplicates += 1
        came[taken.message] = place
    doubts += scene.rows("SELECT count(*) FROM delivery_attempt WHERE result = 'ambiguous'")[0][0]
    if len(unexplained) > doubts:
        verdict.double += [f"message {id_} came again without a reason" for id_ in unexplained]
    verdict.most_at_once = max(doubled_ordinary.values(), default=0)
    verdict.most_with_alerts = max(doubled.values(), default=0)
    verdict.kills = len(kills)
    verdict.in_flight = sum(kill.in_flight for kill in kills)
