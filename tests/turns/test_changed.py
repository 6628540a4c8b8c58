"""Messages that are changed after they were sent, answers to what was asked before, and people who block the bot."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import InboundKind
from storage import tables
from tests.school import CANARY, LEO, MAYA, RIVERA, House, on_sqlite


def answers(house: House) -> list[tuple[str, str, object]]:
    return [(row.step, row.kind, row.value) for row in house.rows(tables.answer)]


def reviews(house: House) -> list[tuple[str, str]]:
    return [(row.kind, row.reason) for row in house.rows(tables.review_item)]


async def writes(house: House, text: str, name: str, person: int = MAYA) -> None:
    await house.offer({"chat": str(person), "text": text, "provider_id": name})
    await house.settle()


async def comes_late(house: House, text: str, name: str) -> None:
    sent = (house.clock.now() - timedelta(minutes=1)).timestamp()
    await house.offer({"chat": str(MAYA), "text": text, "provider_id": name, "sent_at": sent})
    await house.settle()


async def changes(house: House, text: str, name: str, person: int = MAYA) -> None:
    await house.offer({"chat": str(person), "text": text, "provider_id": name, "kind": InboundKind.EDIT})
    await house.settle()


async def test_f23_an_edit_is_kept_beside_what_was_written_and_answers_nothing(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await writes(house, "Great", "m1")
    said = len(house.phone(MAYA))
    await changes(house, f"Hard {CANARY}", "m1")
    assert answers(house) == [("mood", "answer", 3)]
    assert len(house.phone(MAYA)) == said, "nobody is asked or told anything because of it"
    first, now = house.rows(tables.message, direction="in")
    assert (first.text, first.replaces) == ("Great", None)
    assert (now.text, now.kind, now.replaces) == (f"Hard {CANARY}", "edit", first.id)
    assert reviews(house) == [("unsolicited", "Changed what they had written")]
    await writes(house, "It was fine", "m2")
    assert answers(house)[-1] == ("words", "answer", "It was fine")


async def test_f23_an_edit_that_adds_an_urgent_word_alerts(house: House) -> None:
    await writes(house, "I am fine", "m1")
    await changes(house, f"I am fine but I want to die {CANARY}", "m1")
    assert house.case().tier == "crisis"
    assert house.case().message_id == house.rows(tables.message, kind="edit")[0].id
    assert house.code(RIVERA) in house.newest(RIVERA).text
    assert "988" in house.newest(MAYA).text


async def deletes(house: House, name: str, person: int = MAYA) -> None:
    await house.offer({"chat": str(person), "text": "", "provider_id": name, "kind": InboundKind.DELETED})
    await house.settle()


async def test_f24_what_is_deleted_stays_as_it_was_and_staff_see_that_it_was_taken_back(house: House) -> None:
    await writes(house, f"I want to die {CANARY}", "m1")
    case, said = house.case(), len(house.phone(MAYA))
    await deletes(house, "m1")
    first, gone = house.rows(tables.message, direction="in")
    assert first.text == f"I want to die {CANARY}"
    assert (gone.text, gone.kind, gone.replaces) == ("", "deleted", first.id)
    assert house.case() == case, "and the case goes on"
    assert len(house.phone(MAYA)) == said, "nobody is told anything because of it"
    assert reviews(house)[-1] == ("unsolicited", "Deleted what they had written; our copy stays")


async def test_f24_a_deletion_answers_no_question(house: House) -> None:
    await writes(house, "hello", "m1")
    await house.begins(MAYA, "mentee-weekly")
    await deletes(house, "m1")
    assert answers(house) == []
    await house.taps(MAYA, "Great")
    assert answers(house) == [("mood", "answer", 3)]


@on_sqlite
async def test_f24_what_an_adult_or_nobody_we_know_deletes_or_what_we_never_had_is_passed_over(house: House) -> None:
    await writes(house, "hello", "m1", RIVERA)
    before = len(house.rows(tables.message)), reviews(house)
    await deletes(house, "m1", RIVERA)
    await deletes(house, "m1", 99)
    await deletes(house, "before our time")
    assert (len(house.rows(tables.message)), reviews(house)) == before


@on_sqlite
async def test_an_edit_of_what_we_never_saw_is_kept_all_the_same(house: House) -> None:
    await changes(house, "I want to die", "before our time")
    assert house.case().tier == "crisis"
    (now,) = house.rows(tables.message, direction="in")
    assert now.replaces is None


@on_sqlite
async def test_an_edit_of_what_we_never_saw_answers_the_open_question(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await changes(house, "Great", "written and changed while we were down")
    assert answers(house) == [("mood", "answer", 3)]


async def test_f19_what_comes_after_its_own_change_is_kept_beside_it_and_answers_nothing(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await changes(house, "Great", "m1")
    told = len(house.phone(MAYA))
    await comes_late(house, "Hard", "m1")
    assert (answers(house), len(house.phone(MAYA))) == ([("mood", "answer", 3)], told)
    now, before = house.rows(tables.message, direction="in", person_id=MAYA)
    assert [(row.text, row.kind, row.replaces) for row in (now, before)] == [
        ("Great", "edit", None),
        ("Hard", "edit", now.id),
    ]
    assert reviews(house) == [("unsolicited", "Changed what they had written")]


@on_sqlite
async def test_f19_an_urgent_word_that_was_changed_before_we_saw_it_alerts_all_the_same(house: House) -> None:
    await changes(house, "I am fine", "m1")
    await comes_late(house, "I want to die", "m1")
    assert house.case().tier == "crisis"


@on_sqlite
async def test_f19_a_late_message_of_its_own_is_read_like_any(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await writes(house, "Great", "m1", LEO)
    await comes_late(house, "Great", "m1")
    assert answers(house) == [("mood", "answer", 3)]


@on_sqlite
async def test_an_edit_of_somebody_else_changes_nothing_of_mine(house: House) -> None:
    await writes(house, "Great", "m1")
    await changes(house, "Hard", "m1", LEO)
    assert house.rows(tables.message, kind="edit")[0].replaces is None


async def test_an_adult_may_mend_a_code(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await writes(house, "ACK", "m1", RIVERA)
    assert house.case().status == "open"
    await changes(house, f"ACK {house.code(RIVERA)}", "m1", RIVERA)
    assert house.case().status == "acknowledged"


async def test_f21_a_reply_belongs_to_the_question_that_it_names(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    asked = house.rows(tables.message, step="mood")[0].provider_id
    await house.taps(MAYA, "Great")
    await house.offer({"chat": str(MAYA), "text": "Hard", "replies_to": asked})
    await house.settle()
    assert answers(house) == [("mood", "answer", 3), ("mood", "late", 1)]
    await house.says(MAYA, "It was fine")
    assert answers(house)[-1] == ("words", "answer", "It was fine")


async def test_f41_who_blocks_the_bot_is_not_written_to_until_they_unblock_it(house: House) -> None:
    await house.offer({"chat": str(MAYA), "kind": InboundKind.BLOCKED})
    await house.offer({"chat": str(MAYA), "kind": InboundKind.BLOCKED})
    await house.settle()
    (address,) = house.rows(tables.address, person_id=MAYA)
    assert address.unreachable_at is not None
    assert reviews(house) == [("unreachable", "Blocked the bot on web")]
    assert house.rows(tables.message, direction="in") == []
    await house.offer({"chat": str(MAYA), "kind": InboundKind.UNBLOCKED})
    await house.settle()
    (address,) = house.rows(tables.address, person_id=MAYA)
    assert address.unreachable_at is None


@on_sqlite
async def test_a_stranger_who_blocks_the_bot_concerns_nobody(house: House) -> None:
    await house.offer({"chat": "999", "kind": InboundKind.BLOCKED})
    await house.settle()
    assert reviews(house) == []
    assert [row.status for row in house.rows(tables.inbox)] == ["done"]


@on_sqlite
async def test_f25_what_is_not_text_is_shown_to_staff_by_its_kind(house: House) -> None:
    await house.offer({"chat": str(MAYA), "kind": InboundKind.MEDIA, "media": "voice"})
    await house.settle()
    assert reviews(house) == [("media", "Sent something that is not text: voice")]
    assert house.phone(MAYA) == [house.text("media")]


@on_sqlite
async def test_f26_a_hundred_thousand_characters_in_pieces_are_all_kept_and_answered_once(house: House) -> None:
    pieces = [f"{number:03} " + "word " * 818 for number in range(25)]
    for piece in pieces:
        await house.offer({"chat": str(MAYA), "text": piece})
    await house.settle()
    assert [row.text for row in house.rows(tables.message, direction="in")] == pieces
    assert house.phone(MAYA) == [house.text("unsolicited")]
