"""The small notations inside a flow: names, time spans, texts per language, values. Nothing about steps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def read_span(text: Any) -> timedelta:
    """`30m`, `4h`, `3d`, `2w` -> timedelta. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"([1-9][0-9]{0,3}) ?([mhdw])", str(text).strip())
    if match is None:
        raise ValueError(f'"{str(text)[:20]}" is not a time span; write for example 30m, 4h, 3d or 2w')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _name(text: str) -> str:
    if len(text) > 60 or re.fullmatch(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*", text) is None:
        raise ValueError(
            f'"{text[:40]}" is not a name; write small letters and digits, joined by - or _, like what_is_hard'
        )
    return text


def _placeholder(text: str) -> str:
    if len(text) > 30 or re.fullmatch(r"[a-z][a-z_]*", text) is None:
        raise ValueError(f'"{text[:40]}" is not a placeholder; write small letters, without braces, like name')
    return text


def _language(text: str) -> str:
    if re.fullmatch(r"[a-z]{2,3}", text) is None:
        raise ValueError(f'"{text[:20]}" is not a language; write its code, like en or es')
    return text


def _sensitivity(text: str) -> str:
    if re.fullmatch(r"none|wellbeing|protected:[a-z]+(-[a-z]+)*", text) is None:
        raise ValueError(f'sensitivity "{text[:30]}" is not known; write none, wellbeing or protected:<area>')
    return text


def _value(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "" or str(value).startswith("__"):
        raise ValueError(f'an answer\'s value is a word or a whole number, not "{str(value)[:30]}"')
    return value


MINIMUM_WINDOW = timedelta(hours=24)
"""Answers should be waited for at least as long (mission L50): some students see their phone once a day."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Texts = dict[str, Text]
"""One text per language code."""
Name = Annotated[str, AfterValidator(_name)]
Placeholder = Annotated[str, AfterValidator(_placeholder)]
Language = Annotated[str, AfterValidator(_language)]
Span = Annotated[timedelta, BeforeValidator(read_span)]
Sensitivity = Annotated[str, AfterValidator(_sensitivity)]
Value = Annotated[int | str, BeforeValidator(_value)]
