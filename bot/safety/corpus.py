"""What a file of labelled messages may say: which of them must be found, and at which tier. No reading of files."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from bot.domain import Tier


class Group(BaseModel):
    """Messages of one kind. `tier`: at least this one must be found; none where nothing should be."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    category: str
    tier: Tier | None = None
    messages: tuple[str, ...]

    @field_validator("messages", mode="before")
    @classmethod
    def _a_line_each(cls, written: str) -> tuple[str, ...]:
        return tuple(filter(None, map(str.strip, written.splitlines())))


class Corpus(BaseModel):
    """One file of labelled messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    language: str
    plain: bool = False
    """Whether none of them may be missed."""
    groups: tuple[Group, ...]
