"""Students split sentences: what three messages say together opens a case like any other, once."""

from __future__ import annotations

import pytest

from bot.turns import recent
from storage import conversations, tables
from tests.school import LEO, MAYA, NOON, RIVERA, House


async def test_a_crisis_over_two_messages_opens_one_case(house: House) -> None:
    await house.says(MAYA, "i want to")
    assert house.rows(tables.escalation) == []
    await house.says(MAYA, "die")
    case = house.case()
    assert (case.tier, case.status) == ("crisis", "open")
    first, second = house.rows(tables.message, direction="in")
    assert case.message_id == second.id
    marked = [(row.message_id, row.start, row.end, row.escalation_id) for row in house.rows(tables.finding)]
    assert sorted(marked) == [(first.id, 2, 9, case.id), (second.id, 0, 3, case.id)]
    assert "988" in house.newest(MAYA).text
    assert house.newest(RIVERA).text.startswith("CRISIS: M.T.")
    await house.says(MAYA, "please")
    assert len(house.rows(tables.finding)) == 2


async def test_messages_of_more_than_ten_minutes_ago_are_not_joined(house: House) -> None:
    await house.says(MAYA, "i want to")
    await house.pass_time(minutes=11)
    await house.says(MAYA, "die")
    assert house.rows(tables.escalation) == []


async def test_what_somebody_else_wrote_is_not_joined(house: House) -> None:
    await house.says(LEO, "i want to")
    await house.says(MAYA, "die")
    assert house.rows(tables.escalation) == []


async def test_split_messages_of_one_batch_are_joined(house: House) -> None:
    for number, text in enumerate(("i want", "to", "die")):
        await house.offer({"chat": str(MAYA), "text": text}, event=f"split-{number}")
    await house.app.turns.drain()
    assert house.case().tier == "crisis"


async def test_an_answer_that_splits_a_sentence_is_kept_and_joined(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "i just want to...")
    await house.says(MAYA, "die")
    assert house.case().tier == "crisis"
    assert house.rows(tables.answer, step="words")[0].text == "i just want to..."


async def test_what_we_offered_is_no_part_of_a_sentence(house: House) -> None:
    """A typed label is no free text: it is kept as ours, and never read together with what comes next."""
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "2")
    await house.says(MAYA, "die laughing")
    assert [row.kind for row in house.rows(tables.message, direction="in")] == ["ours", "text"]
    with house.app.database.read() as connection:
        written = conversations.written_since(connection, MAYA, NOON)
    assert [text for _, text in written] == ["die laughing"]


async def test_taps_labels_and_numbers_ask_for_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> object:
        raise AssertionError("asked what was written before")

    monkeypatch.setattr(recent.conversations, "written_since", never)
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "3")
    await house.begins(LEO, "mentee-weekly")
    await house.says(LEO, "Great")
    assert [row.kind for row in house.rows(tables.review_item)] == []
    assert len(house.rows(tables.answer)) == 2
    await house.says(MAYA, "/help")
    assert house.rows(tables.message, direction="in")[-1].kind == "ours"


async def test_what_stands_behind_a_command_is_read_with_what_comes_next(house: House) -> None:
    await house.says(MAYA, "/pause i want to")
    await house.says(MAYA, "die")
    assert house.case().tier == "crisis"


async def test_what_hangs_on_a_bare_command_is_read(house: House) -> None:
    await house.says(MAYA, "/help@want_to_die")
    assert house.rows(tables.message, direction="in")[-1].kind == "text"
