"""Rows of the little school for the staff pages, and a stand-in for turns that does what a page asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, insert, update
from starlette.applications import Starlette

from bot.clock import HandsClock
from bot.console.routes import routes
from bot.domain import ActionKind, Role, StaffAction
from bot.errors import Refused
from storage import accounts, tables
from storage.accounts import Staff
from storage.database import Database

NOW = datetime(2026, 11, 3, 21, 4, tzinfo=UTC)  # 3:04 PM in Chicago
MAYA, LEO, RIVERA, OKAFOR, SAM, CHEN = 1, 2, 3, 4, 5, 6
ROLES = {
    MAYA: ("Maya Torres", "mentee"),
    LEO: ("Leo Kim", "mentor"),
    RIVERA: ("Ms. Rivera", "advisor"),
    OKAFOR: ("Mr. Okafor", "coordinator"),
    SAM: ("Sam Abdi", "mentee"),
    CHEN: ("Ms. Chen", "advisor"),
}
PASSWORD = "seven quiet otters"
WORDS = "i cant do this anymore. nobody would even notice if i was gone"


def people(connection: Connection) -> None:
    """Maya with Leo under Ms. Rivera; Sam under Ms. Chen."""
    grades = {MAYA: "9", LEO: "11"}
    for id_, (name, role) in ROLES.items():
        connection.execute(
            insert(tables.person).values(
                id=id_, key=name, name=name, role=role, language="en", zone="America/Chicago",
                grade=grades.get(id_, ""), email="", phone="", status="active", created_at=NOW,
            )
        )  # fmt: skip
    for id_, advisor, members in ((1, RIVERA, ((MAYA, "mentee"), (LEO, "mentor"))), (2, CHEN, ((SAM, "mentee"),))):
        connection.execute(insert(tables.match).values(id=id_, advisor_id=advisor, meets="Wed 15:00 45m"))
        for person, side in members:
            connection.execute(insert(tables.match_member).values(match_id=id_, person_id=person, side=side))
    for name in ("turns", "delivery"):
        connection.execute(insert(tables.beat).values(name=name, at=datetime.now(UTC)))


def wrote(connection: Connection, id_: int, person: int, text: str, at: datetime = NOW, **values: Any) -> None:
    """A message from a student."""
    row = {
        "id": id_, "direction": "in", "person_id": person, "platform": "web", "account": "local", "chat": str(person),
        "kind": "text", "priority": 1, "text": text, "choices": [], "status": "received", "created_at": at,
    }  # fmt: skip
    connection.execute(insert(tables.message).values(row | values))


def sent(connection: Connection, id_: int, person: int, text: str, at: datetime = NOW, **values: Any) -> None:
    """A message from us."""
    row = {"direction": "out", "kind": "question", "status": "sent", "sent_at": at}
    wrote(connection, id_, person, text, at, **(row | values))


def case(
    connection: Connection, id_: int, person: int, tier: str, reason: str, opened: datetime, **values: Any
) -> None:
    """An open case with a ladder of two rungs."""
    row = {
        "id": id_, "person_id": person, "tier": tier, "category": "self-harm", "reason": reason, "status": "open",
        "opened_at": opened, "rung": 0, "round": 0, "next_action_at": opened + timedelta(minutes=5),
        "ladder": {"rungs": [{"people": [RIVERA], "wait": 300}, {"people": [OKAFOR], "wait": 300}]},
    }  # fmt: skip
    connection.execute(insert(tables.escalation).values(row | values))


def crisis(connection: Connection) -> None:
    """Maya's words, what screening saw in them, the case 900, and the alert to Ms. Rivera."""
    at = NOW - timedelta(minutes=4)
    wrote(connection, 100, MAYA, WORDS, at)
    case(connection, 900, MAYA, "crisis", "Words that may mean suicide", at, message_id=100)
    connection.execute(
        insert(tables.finding).values(
            id=1, message_id=100, escalation_id=900, tier="crisis", category="self-harm", rule="en.gone", pack="en-1",
            label="Wishing to be gone", about="self", start=WORDS.index("if i was"), end=len(WORDS), modifiers=[],
        )
    )  # fmt: skip
    sent(connection, 101, RIVERA, "Please look", at, kind="alert", priority=0, escalation_id=900, rung=0, round=0)
    connection.execute(
        insert(tables.delivery_attempt).values(message_id=101, number=1, started_at=at, ended_at=at, result="sent")
    )
    connection.execute(insert(tables.audit).values(id=1, at=at, actor="Nearpeer", action="opened", escalation_id=900))


def check_in(
    connection: Connection, first: int, person: int, at: datetime, mood: int, reply: str, *, reviewed: bool = False
) -> None:
    """A mood question and its answer; ids from `first` on."""
    connection.execute(
        insert(tables.conversation).values(
            id=first, person_id=person, flow="mentee-weekly", flow_hash="h", status="done", state="{}", started_at=at
        )
    )
    question = "How has your week been so far?"
    choices = [
        {"label": "😀 Great", "token": "a", "value": "5"},
        {"label": "😞 Hard", "token": "b", "value": "2"},
        {"label": "😢 Very hard", "token": "c", "value": "1"},
    ]
    sent(connection, first + 1, person, question, at, conversation_id=first, step="mood", choices=choices)
    wrote(connection, first + 2, person, reply, at + timedelta(minutes=1), conversation_id=first, step="mood")
    connection.execute(
        insert(tables.answer).values(
            id=first + 3, conversation_id=first, person_id=person, message_id=first + 2, flow="mentee-weekly",
            flow_hash="h", step="mood", topic="mood", sensitivity="wellbeing", kind="answer", value=mood, text=reply,
            at=at + timedelta(minutes=1), reviewed_at=NOW if reviewed else None,
            reviewed_by="Mr. Okafor" if reviewed else "",
        )
    )  # fmt: skip


def item(connection: Connection, id_: int, person: int | None, message_id: int | None, kind: str, reason: str) -> None:
    """A review item."""
    connection.execute(
        insert(tables.review_item).values(
            id=id_, kind=kind, reason=reason, at=NOW, person_id=person, message_id=message_id
        )
    )


@dataclass
class Turns:
    """Does what staff ask, as far as the pages can see it, and keeps what it was asked."""

    database: Database
    asked: list[StaffAction] = field(default_factory=list)
    refuse: str = ""

    async def __call__(self, action: StaffAction) -> None:
        self.asked.append(action)
        if self.refuse:
            raise Refused(self.refuse)
        table, values = self._change(action)
        self.database.write(
            lambda connection: connection.execute(update(table).where(table.c.id == action.object_id).values(**values))
        ).result()

    def _change(self, action: StaffAction) -> tuple[Any, dict[str, Any]]:
        reviewed = {"reviewed_at": NOW, "reviewed_by": action.actor}
        match action.kind:
            case ActionKind.REVIEW_ANSWER:
                return tables.answer, reviewed
            case ActionKind.REVIEW_ITEM:
                return tables.review_item, reviewed
            case ActionKind.RESUME:
                return tables.person, {"status": "active"}
            case ActionKind.CLOSE:
                closed = {"status": "closed", "outcome": action.outcome, "note": action.note, "next_action_at": None}
                return tables.escalation, closed | {"closed_by": action.actor, "closed_at": NOW}
            case ActionKind.TAKE | ActionKind.NEED_HELP:
                taken = {"status": "acknowledged", "acknowledged_by": action.actor, "acknowledged_at": NOW}
                taken |= {"acknowledged_person_id": action.actor_person_id, "plan": action.plan}
                return tables.escalation, taken | {"next_action_at": NOW + timedelta(minutes=30)}
            case ActionKind.PLAN:
                return tables.escalation, {"plan": action.plan}
            case _:
                return tables.escalation, {"status": "open", "next_action_at": NOW + timedelta(minutes=5)}


@dataclass
class Console:
    """The staff pages over a database, without the server around them."""

    database: Database
    clock: HandsClock
    turns: Turns
    app: Starlette

    def account(self, id_: int, name: str, role: Role, person_id: int | None = None) -> Staff:
        """A staff account with the usual password."""
        return self.database.write(
            lambda connection: accounts.create_account(
                connection, id_, name=name, login=name, password_hash=_HASH, now=NOW, role=role, person_id=person_id
            )
        ).result()

    def browser(self, staff: Staff | None = None) -> httpx.AsyncClient:
        """A browser, signed in if staff is given."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://127.0.0.1")
        if staff is not None:
            wall = self.clock.wall()
            token = self.database.write(lambda connection: accounts.sign_in(connection, staff.id, wall)).result()
            client.cookies.set("nearpeer-staff", token)
        return client

    def seed(self, *units: Any) -> None:
        """Run units of work, one after the other."""
        for unit in units:
            self.database.write(unit).result()


def console(database: Database, **settings: Any) -> Console:
    """The staff pages of the little school at 3:04 PM."""
    clock, turns = HandsClock(NOW), Turns(database)
    named = {"school": "Lincoln High School", "zone": "America/Chicago"} | settings
    return Console(database, clock, turns, Starlette(routes=routes(database, clock, turns, **named)))


_HASH = accounts.hash_password(PASSWORD)
