"""The way out, as rows: claim, look again, record. Only delivery uses this door.

pending -> sending (with a lease and its token) -> sent | failed | pending again | cancelled | expired. A lease that ran
out means that the outcome is unknown: `requeue_expired` counts it as ambiguous and the message is sent again (law 10).
Leases and back-off are wall time; whether a message has expired is program time (decisions.md 16).

The statements are text that both databases read. States stand in them as literals: with parameters neither database
would use the partial indexes, and each look would read the whole log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Dialect

from bot.domain import Address, Choice, MessageKind, Outbound, PageKind, Priority
from bot.failpoints import failpoint
from storage.hot import Text
from storage.types import Instant, Json, Sealed, milliseconds

LEASE = timedelta(seconds=60)
"""Longer than any send may take (delivery's own deadline is 30 s), so that a live sender never meets its successor."""

_LONGEST_PROVIDER_ID = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this sender may send now, until the lease ends."""

    outbound: Outbound
    token: int
    attempt: int
    ambiguous: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed message, for `record`. The functions below make the kinds that there are."""

    claim: Claim
    status: str
    ended: datetime
    outcome: str = ""
    """What the record of attempts says; empty: the platform was not asked, or it is no attempt that counts."""
    code: str = ""
    started: datetime | None = None
    sent_at: datetime | None = None
    provider_id: str = ""
    not_before: datetime | None = None
    news: str = ""


def sent(claim: Claim, provider_id: str, started: datetime, now: datetime, wall: datetime) -> Result:
    """The platform took it."""
    return Result(claim, "sent", wall, "sent", started=started, sent_at=now, provider_id=provider_id)


def later(
    claim: Claim, code: str, started: datetime, wall: datetime, *, wait: float, ambiguous: bool = False
) -> Result:
    """It is tried again after `wait` seconds."""
    outcome = "ambiguous" if ambiguous else "later"
    return Result(claim, "pending", wall, outcome, code, started, not_before=wall + timedelta(seconds=wait))


def failed(claim: Claim, code: str, started: datetime, wall: datetime) -> Result:
    """This address will not take it; the news makes sure that somebody acts on that."""
    return Result(claim, "failed", wall, "failed", code, started, news="failed")


def left(claim: Claim, code: str, started: datetime, wall: datetime) -> Result:
    """Perhaps it arrived, more than once already: it is left as it is, and staff see that."""
    return Result(claim, "failed", wall, "ambiguous", code, started)


def put_back(claim: Claim, wall: datetime, *, code: str = "", wait: float | None = None) -> Result:
    """It was not sent and that counts for nothing: it waits for its turn again (`wait`: not before so many seconds)."""
    not_before = None if wait is None else wall + timedelta(seconds=wait)
    return Result(claim, "pending", wall, code=code, not_before=not_before)


def dropped(claim: Claim, status: str, wall: datetime) -> Result:
    """The reason no longer holds: `status` is cancelled or expired."""
    return Result(claim, status, wall)


def claim(
    connection: Connection,
    platform: str,
    account: str,
    token: int,
    wall: datetime,
    limit: int,
    *,
    below: int = max(Priority) + 1,
) -> Sequence[Claim]:
    """Take up to `limit` messages to send: urgent first, one in flight per chat, alerts exempt (decisions.md 11).

    `below`: only what is more urgent than this priority.
    """
    asked = {"platform": platform, "account": account, "wall": milliseconds(wall), "below": int(below)}
    asked |= {"token": token, "until": milliseconds(wall + LEASE), "limit": limit}
    if not _ANY_PENDING.rows(connection):
        return []
    rows: Sequence[Any] = _CLAIM.rows(connection, **asked)
    if rows:
        failpoint("send.claimed_uncommitted")
    claims = []
    for row in sorted(rows):
        priority, id_, attempts, ambiguous = row[:4]
        try:
            outbound = _outbound(connection.dialect, platform, account, id_, priority, row[4:])
            claims.append(Claim(outbound, token, attempts, ambiguous))
        except (ValueError, KeyError, TypeError):
            # No word of it can be read: somebody must know, and the others go on.
            _UNREADABLE.run(connection, [{"id": id_}])
    return claims


def under_way(
    connection: Connection, platform: str, account: str, now: datetime, token: int | None = None
) -> dict[int, tuple[int | None, str]]:
    """What this account has under way: id -> (token of its lease, why it must not be sent any more).

    Why: "cancelled" or "expired"; empty when its reason still holds. `token`: only what was claimed with it.
    """
    rows: Sequence[Any] = _UNDER_WAY.rows(connection, platform=platform, account=account, token=token)
    moment = milliseconds(now)
    return {row[0]: (row[1], "expired" if row[2] is not None and row[2] < moment else _fate(row[3:])) for row in rows}


def record(connection: Connection, results: Sequence[Result]) -> int:
    """Write down what became of messages. Gives how many came too late: who lost the lease has no say any more."""
    if not results:
        return 0
    rows = [_row(result) for result in results]
    tried = [row for row in rows if row["outcome"]]
    _ATTEMPT.run(connection, tried)
    held = _RECORD.run(connection, rows)
    if tried:
        failpoint("send.recorded_uncommitted")
    return len(rows) - held


def bounced(connection: Connection, id_: int, platform: str, account: str, code: str) -> bool:
    """A message that its platform took did not arrive; False when we know of none such.

    It may say so before we have written down that it took it.
    """
    given = {"id": id_, "platform": platform, "account": account, "code": code}
    return bool(_BOUNCED.run(connection, [given]))


def requeue_expired(connection: Connection, wall: datetime) -> int:
    """Return messages whose sender vanished to pending, as ambiguous. Gives their number."""
    return _REQUEUE_EXPIRED.run(connection, [{"wall": milliseconds(wall)}])


def requeue_all(connection: Connection) -> int:
    """Return every message under way to pending, as ambiguous: only for whoever knows that no sender lives."""
    return _REQUEUE_ALL.run(connection, [{}])


def unsent(connection: Connection, wall: datetime) -> int:
    """How many messages are under way or may be sent now."""
    return int(_UNSENT.rows(connection, wall=milliseconds(wall))[0][0])


def choices_of(value: Any) -> tuple[Choice, ...]:
    """Choices as the message row keeps them."""
    return tuple(Choice(one["label"], one["token"], one["value"]) for one in value or ())


# --- statements ----------------------------------------------------------------------------------------------------

_MAY_GO = """
    m.status = 'pending' AND m.platform = :platform AND m.account = :account AND m.priority < :below
    AND (m.not_before IS NULL OR m.not_before <= :wall)
"""
_FIRST_OF_ITS_CHAT = """
    NOT EXISTS (
        SELECT 1 FROM message AS other
        WHERE other.platform = m.platform AND other.account = m.account AND other.chat = m.chat
          AND other.status = 'sending' AND other.priority > 0)
    AND NOT EXISTS (
        SELECT 1 FROM message AS other
        WHERE other.platform = m.platform AND other.account = m.account AND other.chat = m.chat
          AND other.status = 'pending' AND other.priority > 0 AND (other.priority, other.id) < (m.priority, m.id))
"""
_ANY_PENDING = Text("SELECT 1 FROM message WHERE status = 'pending' LIMIT 1")
_CLAIM = Text(
    f"""
    WITH heads AS MATERIALIZED (
        SELECT m.id FROM message AS m
        WHERE {_MAY_GO} AND (m.priority = 0 OR ({_FIRST_OF_ITS_CHAT}))
        ORDER BY m.priority, m.id LIMIT :limit /*locked*/)
    UPDATE message SET status = 'sending', lease_token = :token, lease_until = :until, attempts = attempts + 1
    WHERE id IN (SELECT id FROM heads)
    RETURNING priority, id, attempts, ambiguous, chat, kind, text, choices, created_at,
        (SELECT earlier.provider_id FROM message AS earlier WHERE earlier.id = message.replaces)
""",  # noqa: S608  (our own words)
    "FOR UPDATE OF m SKIP LOCKED",
)
_UNREADABLE = Text("""
    UPDATE message SET status = 'failed', error = 'unreadable', news = 'failed', lease_token = NULL, lease_until = NULL
    WHERE id = :id
""")
_UNDER_WAY = Text("""
    SELECT m.id, m.lease_token, m.expires_at, m.kind, m.priority, m.created_at, m.dedupe_key,
        escalation.status, escalation.acknowledged_at, escalation.asked_at, person.status, conversation.status,
        m.kind = 'question' AND EXISTS (
            SELECT 1 FROM message AS newer
            WHERE newer.conversation_id = m.conversation_id AND newer.kind = 'question' AND newer.id > m.id
              AND newer.direction = 'out' AND newer.step <> ''
        ) AS asked_since,
        m.kind = 'alert' AND EXISTS (
            SELECT 1 FROM escalation AS beside
            WHERE beside.person_id = escalation.person_id AND beside.id <> escalation.id AND beside.status = 'open'
              AND REPLACE(m.choices, '"take:' || beside.id || '"', '') <> m.choices
        ) AS tells_of_open,
        REPLACE(escalation.left_out, ',' || m.person_id || ',', '') <> escalation.left_out AS is_left_out,
        m.replaces IS NOT NULL AND escalation.status = 'open' AS says_taken
    FROM message AS m
    LEFT JOIN escalation ON escalation.id = m.escalation_id
    LEFT JOIN person ON person.id = m.person_id
    LEFT JOIN conversation ON conversation.id = m.conversation_id
    WHERE m.status = 'sending' AND m.platform = :platform AND m.account = :account
      AND (m.lease_token = :token OR :token IS NULL)
""")
_HELD = "lease_token = :token AND status = 'sending'"
_ATTEMPT = Text(f"""
    INSERT INTO delivery_attempt (message_id, number, started_at, ended_at, result, code)
    SELECT id, :number, :started, :ended, :outcome, :code FROM message WHERE id = :id AND {_HELD}
""")  # noqa: S608  (our own words)
_RECORD = Text(f"""
    UPDATE message SET status = :status, error = :code, news = :news, lease_token = NULL, lease_until = NULL,
        sent_at = :sent_at, provider_id = :provider_id, attempts = :attempts, ambiguous = ambiguous + :doubt,
        not_before = COALESCE(:not_before, not_before)
    WHERE id = :id AND {_HELD}
""")  # noqa: S608  (our own words)
_BOUNCED = Text("""
    UPDATE message SET status = 'failed', error = :code, news = 'failed', lease_token = NULL, lease_until = NULL
    WHERE id = :id AND platform = :platform AND account = :account AND status IN ('sent', 'sending')
""")
_REQUEUE = """
    UPDATE message SET status = 'pending', lease_token = NULL, lease_until = NULL, ambiguous = ambiguous + 1
    WHERE status = 'sending'
"""
_REQUEUE_ALL, _REQUEUE_EXPIRED = Text(_REQUEUE), Text(_REQUEUE + " AND lease_until < :wall")
_UNSENT = Text("""
    SELECT (SELECT COUNT(*) FROM message WHERE status = 'sending')
         + (SELECT COUNT(*) FROM message WHERE status = 'pending' AND (not_before IS NULL OR not_before <= :wall))
""")
_AT, _TEXT, _CHOICES = Instant(), Sealed(), Json()
_STILL = f"{PageKind.STILL}:"
_KINDS = {kind.value: kind for kind in MessageKind}
_PRIORITIES = {priority.value: priority for priority in Priority}


def _row(result: Result) -> dict[str, Any]:
    """The parameters of what is written down about a message."""
    claim, started = result.claim, result.started or result.ended
    return {
        "id": claim.outbound.id,
        "token": claim.token,
        "status": result.status,
        "code": result.code,
        "news": result.news,
        "outcome": result.outcome,
        "number": claim.attempt,
        "attempts": claim.attempt if result.outcome else claim.attempt - 1,
        "doubt": int(result.outcome == "ambiguous"),
        "started": milliseconds(started),
        "ended": milliseconds(result.ended),
        "sent_at": None if result.sent_at is None else milliseconds(result.sent_at),
        "not_before": None if result.not_before is None else milliseconds(result.not_before),
        # The platform's word: whatever it is, it must not keep the results beside it from being written.
        "provider_id": _TEXT.process_bind_param(result.provider_id[:_LONGEST_PROVIDER_ID], None),  # type: ignore[arg-type]
    }


def _fate(row: Any) -> str:
    """Empty while the reason to send it holds, else "cancelled"."""
    kind, priority, created_at, dedupe_key, case, acknowledged_at, asked_at, person, conversation, *more = row
    asked_since, tells_of_open, is_left_out, says_taken = more
    if is_left_out or says_taken:  # by now the case is about whom it was to tell; or nobody has it any more
        return "cancelled"
    if kind == MessageKind.ALERT:
        if (dedupe_key or "").startswith(_STILL):
            holds = case == "acknowledged" and asked_at is not None
        else:
            # Somebody has the case; what was told after that (help wanted, still with it?) is still meant.
            taken = case == "acknowledged" and created_at < acknowledged_at
            # And it may be all that tells of another case of the student as well, which nobody has.
            holds = tells_of_open or (not taken and case != "closed")
    elif kind == MessageKind.QUESTION and (conversation != "waiting" or asked_since):
        holds = False
    else:
        wanted = priority < Priority.REMINDER or person == "active"
        holds = wanted and conversation not in ("suspended", "stopped")
    return "" if holds else "cancelled"


def _outbound(dialect: Dialect, platform: str, account: str, id_: int, priority: int, row: Any) -> Outbound:
    chat, kind, text, choices, created_at, replaces = row
    return Outbound(
        id=id_,
        address=Address(platform, account, chat),
        kind=_KINDS[kind],
        priority=_PRIORITIES[priority],
        text=_TEXT.process_result_value(text, dialect) or "",
        choices=choices_of(_CHOICES.process_result_value(choices, dialect)) if choices else (),
        replaces=replaces or "",
        created_at=_AT.process_result_value(created_at, dialect),
    )
