"""The small notations inside a flow: names, time spans, texts per language, values. Nothing about steps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def read_span(text: Any) -> timedelta:
    """`30m`, `4h`, `3d`, `2w` -> timedelta. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"([1-9][0-9]{0,3}) ?([mhdw])", str(text).strip())
    if match is None:
        raise ValueError(f'"{str(text)[:20]}" is not a time span; write for example 30m, 4h, 3d or 2w')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


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
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$", max_length=60)]
Placeholder = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$", max_length=30)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Span = Annotated[timedelta, BeforeValidator(read_span)]
Sensitivity = Annotated[str, AfterValidator(_sensitivity)]
Value = Annotated[int | str, BeforeValidator(_value)]
