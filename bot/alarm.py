"""Tells the people who run the computer that Nearpeer itself is in trouble: the one exception to the one way out.

Fixed words without anybody's data, to the log and to the address of `[alarm]`, from a thread of its own: it needs
neither the database nor the event loop, and never holds anybody up. What it says is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bot.clock import Clock

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)
"""An alarm that lasts is repeated so often, and none comes oftener."""
_TRIES = (0.0, 2.0, 10.0, 30.0)
"""Seconds to wait before each try to post."""
_PATIENCE = 5.0
_WAITING = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where alarms are posted. `shape`: json, slack or ntfy."""

    url: str = ""
    shape: str = "json"


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told, and when last."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class _Alert:
    kind: str
    text: str
    over: bool = False


class Alarm:
    """Rings while something stands, at most every ten minutes for each kind, and says once that it is over.

    `marks`: a file that remembers over a restart what was told, so that a service that fails again and again does not
    ring again and again. A file that cannot be written is done without.
    """

    def __init__(self, school: str, place: Place, clock: Clock, marks: Path) -> None:
        self._school, self._place, self._clock, self._marks = school, place, clock, marks
        self._lock = threading.Lock()
        self._told = _read(marks)
        self._rung_at = {kind: told.at for kind, told in self._told.items()}
        self._waiting: queue.Queue[_Alert | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._post_all, name="alarm", daemon=True)
        self._thread.start()

    def stands(self, kind: str, text: str) -> None:
        """It is so now: say it as often as you look, from any thread. `text`: fixed words, with nobody's data."""
        wall = self._clock.wall()
        with self._lock:
            if self._is_fresh(self._rung_at.get(kind), wall):
                return
            self._rung_at[kind] = wall
            elsewhere = _read(self._marks).get(kind)
            if elsewhere is not None and self._is_fresh(elsewhere.at, wall):
                return  # another program of this school has told it
            self._told[kind] = _Told(wall, text)
            self._keep()
        self._ring(_Alert(kind, text))

    def over(self, kind: str) -> None:
        """It is not so (any more)."""
        with self._lock:
            told = self._told.pop(kind, None)
            if told is None:
                return
            self._keep()
        self._ring(_Alert(kind, f"It is over: {told.text}", over=True))

    def close(self, within: float = 10.0) -> None:
        """Post what waits, up to so many seconds."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(within)

    def _is_fresh(self, at: datetime | None, wall: datetime) -> bool:
        return at is not None and timedelta(0) <= wall - at < AGAIN

    def _ring(self, alert: _Alert) -> None:
        log.critical("alarm kind=%s %s", alert.kind, alert.text)
        if self._place.url:
            try:
                self._waiting.put_nowait(alert)
            except queue.Full:
                log.critical("alarm kind=%s not posted: too many wait", alert.kind)

    def _keep(self) -> None:
        with contextlib.suppress(OSError):
            marks = {kind: [told.at.isoformat(), told.text] for kind, told in self._told.items()}
            self._marks.write_text(json.dumps(marks))

    def _post_all(self) -> None:
        with _client() as client:
            while (alert := self._waiting.get()) is not None:
                self._post(client, alert)

    def _post(self, client: httpx.Client, alert: _Alert) -> None:
        wrong = ""
        for wait in _TRIES:
            time.sleep(wait)
            try:
                answer = client.post(self._place.url, **_request(self._place.shape, self._school, alert))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                wrong = type(error).__name__  # never its text: the address may be a secret
                continue
            if answer.is_success:
                return
            wrong = str(answer.status_code)
        log.critical("alarm kind=%s could not be posted: %s", alert.kind, wrong)


def _client() -> httpx.Client:
    try:
        return httpx.Client(timeout=_PATIENCE)
    except (ImportError, ValueError) as error:  # a proxy in the environment that it cannot use
        log.critical("alarms are posted without the proxy of the environment: %s", type(error).__name__)
        return httpx.Client(timeout=_PATIENCE, trust_env=False)


def _request(shape: str, school: str, alert: _Alert) -> dict[str, Any]:
    """What is posted, as httpx wants it."""
    line = f"Nearpeer at {school}: {alert.text}"
    if shape == "slack":
        return {"json": {"text": line}}
    if shape == "ntfy":
        # https://docs.ntfy.sh/publish/
        priority, tag = ("default", "white_check_mark") if alert.over else ("urgent", "rotating_light")
        headers = {"Title": f"Nearpeer: {alert.kind}", "Priority": priority, "Tags": tag}
        return {"content": line.encode(), "headers": headers}
    return {"json": {"school": school, "kind": alert.kind, "state": "over" if alert.over else "now", "text": line}}


def _read(marks: Path) -> dict[str, _Told]:
    try:
        found = json.loads(marks.read_text())
        # A moment without its zone is somebody's edit; ours are UTC.
        return {
            kind: _Told(datetime.fromisoformat(at).replace(tzinfo=UTC), str(text)) for kind, (at, text) in found.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
