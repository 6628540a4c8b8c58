"""The nouns that are made quickly stay what they are: frozen, equal by content, with defaults of their own."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from bot.domain import Reply
from bot.making import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Note:
    about: str
    text: str = field(default="", repr=False)
    marks: list[str] = field(default_factory=list)


def test_what_is_made_quickly_cannot_be_changed() -> None:
    note = Note("Maya")
    assert type(note) is Note
    with pytest.raises(FrozenInstanceError):
        note.about = "Leo"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del note.about


def test_it_is_equal_shown_and_replaced_as_any_dataclass() -> None:
    note = Note("Maya", text="my own words")
    assert note == Note("Maya", "my own words")
    assert repr(note) == "Note(about='Maya', marks=[])"
    assert replace(note, about="Leo") == Note("Leo", "my own words")
    assert hash(Reply("a")) == hash(Reply("a"))


def test_each_has_a_default_of_its_own() -> None:
    one, other = Note("Maya"), Note("Maya")
    one.marks.append("seen")
    assert other.marks == []


@pytest.mark.parametrize("fields", [{}, {"about": "Maya", "unknown": 1}])
def test_a_missing_or_unknown_field_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="argument"):
        Note(**fields)
