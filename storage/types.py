"""Column types that all tables share: moments, ids, JSON, and text that people wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer(), "sqlite")
"""Ids come from the Clock. On SQLite INTEGER makes the primary key the row id itself."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment as milliseconds since 1970: the same order and the same arithmetic on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return milliseconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


class Sealed(TypeDecorator[str]):
    """Text that a person wrote. Plain for now; encryption will come here and nowhere else (decisions.md 15).

    NUL and lone surrogates, which PostgreSQL and UTF-8 refuse, become visible signs; the raw event keeps them true.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return sealed(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return value


class Json(TypeDecorator[Any]):
    """A small JSON value, escaped to ASCII so that any text survives on any database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class SealedJson(Json):
    """JSON that holds what a person wrote: sealed like their texts (see Sealed)."""

    cache_ok = True


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware moment."""
    return round(moment.timestamp() * 1000)


def milliseconds_of(moment: datetime | None) -> int | None:
    """Whole milliseconds of a moment, None for none."""
    return None if moment is None else milliseconds(moment)


def sealed(text: str | None) -> str | None:
    """What is stored of a text (see Sealed)."""
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.replace("\x00", "\u2400").encode("utf-8", "replace").decode("utf-8")


_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_text(value: Any) -> str | None:
    """What is stored of a JSON value (see Json)."""
    return None if value is None else _encode(value)


WRITERS: dict[type[Any], Any] = {Instant: milliseconds_of, Sealed: sealed, Json: json_text, SealedJson: json_text}
"""What makes the driver's value of ours, for statements that reach the driver directly (storage/hot.py)."""
