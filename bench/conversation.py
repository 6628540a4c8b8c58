"""The one conversation that everybody is measured with: its texts, and the updates as the platforms send them.

Five messages in and five out: "/checkin" is greeted; "ready" is asked for a mood; the mood branches; a free text is
read back; "yes" is thanked. All students are in the middle of theirs at once. Standard library only: peers import it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

GREETING = "Hi {name}! Time for your weekly check-in. Ready?"
ASK_MOOD = "How are you feeling this week, from 1 (very low) to 5 (great)?"
ASK_LOW = "Sorry to hear that. What has been the hardest thing?"
ASK_HIGH = "Good to hear! What went well?"
ASK_CONFIRM = "You said mood {mood} and: {note}. Save this?"
THANKS = "Thank you, your mentor will read this."
READY = ("ready",)
MOODS = ("1", "2", "3", "4", "5")
YES_NO = ("yes", "no")
NOTE = "I had two tests this week and slept badly, but the group project is going fine now."

SENT = int(time.time()) + 600
"""When messages are sent: none of them is late when it is handled, as in an ordinary hour."""
TEAM = "T0BENCH"
BOT = {"id": 42, "is_bot": True, "first_name": "bot", "username": "check_bot"}


def written_by(student: int) -> tuple[str, ...]:
    """What a student writes, message by message."""
    return ("/checkin", "ready", MOODS[student % 5], NOTE, "yes")


STEPS = len(written_by(0))


def update(update_id: int, student: int, text: str) -> bytes:
    """A student's message, as getUpdates or a webhook brings it."""
    message = {
        "message_id": update_id,
        "date": SENT + update_id // 1000,
        "chat": {"id": student, "type": "private", "first_name": f"Student{student}"},
        "from": {"id": student, "is_bot": False, "first_name": f"Student{student}", "language_code": "en"},
        "text": text,
    }
    if text.startswith("/"):
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
    return json.dumps({"update_id": update_id, "message": message}).encode()


def envelope(number: int, student: int, text: str) -> bytes:
    """The same message, as Slack's Socket Mode brings it: a slash command, or an event."""
    user = f"U{student}"
    about = {"token": "legacy", "team_id": TEAM, "api_app_id": "A0"}
    if text.startswith("/"):
        payload: dict[str, object] = {
            "command": text,
            "text": "",
            "user_id": user,
            "channel_id": f"D{student}",
            **about,
        }
        return _enveloped(number, "slash_commands", payload | {"user_name": user, "trigger_id": f"{number}.1"})
    ts = f"{SENT + number // 1000}.{number % 1000:06}"
    event = {"type": "message", "channel": f"D{student}", "channel_type": "im", "user": user, "text": text, "ts": ts}
    payload = {"type": "event_callback", "event_id": f"Ev{number}", "event_time": SENT, **about}
    return _enveloped(number, "events_api", payload | {"event": event | {"event_ts": ts, "team": TEAM}})


def _enveloped(number: int, kind: str, payload: dict[str, object]) -> bytes:
    about = {"envelope_id": f"env-{number}", "type": kind, "accepts_response_payload": False}
    return json.dumps(about | {"payload": payload}).encode()


Written = Callable[[int, int, str], bytes]
"""(number, student, text): a message as a platform brings it."""


def updates(students: range, first_id: int = 1, written: Written = update) -> list[list[bytes]]:
    """For each step of the conversation the message of every student."""
    return [
        [
            written(first_id + step * len(students) + place, student, written_by(student)[step])
            for place, student in enumerate(students)
        ]
        for step in range(STEPS)
    ]


def taken(chat: int, text: str, message_id: int) -> bytes:
    """What Telegram answers to sendMessage."""
    result = {
        "message_id": message_id,
        "date": 1_760_000_000,
        "chat": {"id": chat, "type": "private", "first_name": "S"},
        "from": BOT,
        "text": text,
    }
    return json.dumps({"ok": True, "result": result}).encode()
