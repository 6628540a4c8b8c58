"""What a student's message is taken for: a button, a command, an answer, or something nobody asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import InboundKind
from storage import tables
from tests import school
from tests.school import CANARY, LEO, MAYA, OKAFOR, House, on_sqlite

WORDS = f"We had a {CANARY} day in math and it was nice"


def answers(house: House) -> list[tuple[str, str, object]]:
    return [(row.step, row.kind, row.value) for row in house.rows(tables.answer)]


def conversations(house: House) -> list[tuple[str, str]]:
    return [(row.flow, row.status) for row in house.rows(tables.conversation)]


def reviews(house: House) -> list[str]:
    return [row.kind for row in house.rows(tables.review_item)]


async def test_a_check_in_from_the_first_question_to_the_last(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, WORDS)
    await house.taps(MAYA, "No, thanks")
    assert house.phone(MAYA) == [
        "How is your week, Maya?",
        "What was it like?",
        "Would you like an adult to talk with you?",
        "Thank you, Maya.",
    ]
    assert answers(house) == [("mood", "answer", 3), ("words", "answer", WORDS), ("adult", "answer", "no")]
    assert conversations(house) == [("mentee-weekly", "done")]
    assert reviews(house) == []
    log = house.rows(tables.message, direction="in")
    assert [(row.text, row.step) for row in log] == [("Great", "mood"), (WORDS, "words"), ("No, thanks", "adult")]


@pytest.mark.parametrize(("typed", "value"), [("great", 3), ("2", 2), (" HARD! ", 1), ("muy bien", 3)])
@on_sqlite
async def test_a_typed_answer_counts_like_its_button(house: House, typed: str, value: int) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, typed)
    assert answers(house) == [("mood", "answer", value)]


async def test_a_command_is_obeyed_while_a_question_waits_and_the_question_stays_open(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "/privacy")
    assert "can read what you write here" in house.newest(MAYA).text
    assert len(answers(house)) == 1
    await house.says(MAYA, WORDS)
    assert answers(house)[1] == ("words", "answer", WORDS)


async def test_a_late_answer_is_kept_and_the_open_question_stays(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.taps(MAYA, "So-so")
    assert answers(house) == [("mood", "answer", 3), ("mood", "late", 2)]
    await house.says(MAYA, WORDS)
    assert answers(house)[2] == ("words", "answer", WORDS)


@on_sqlite
async def test_f21_a_late_answer_by_reply_is_kept_with_the_question_it_replies_to(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    first = house.newest(MAYA).id
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "so-so", reply_to=first)
    assert answers(house)[1] == ("mood", "late", 2)
    await house.says(MAYA, WORDS, reply_to=house.rows(tables.message, step="words")[0].id)
    assert answers(house)[2] == ("words", "answer", WORDS)


@on_sqlite
async def test_f22_an_answer_after_the_deadline_is_kept_as_late(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.pass_time(hours=25)
    assert conversations(house)[0] == ("mentee-weekly", "lapsed")
    await house.offer(house.button(MAYA, "Hard"))
    await house.settle()
    assert answers(house)[0] == ("mood", "late", 1)


@on_sqlite
async def test_an_answer_that_asks_for_an_adult_counts_however_late_it_comes(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    for label in ("Great", "Skip"):
        await house.taps(MAYA, label)
    await house.taps(MAYA, "No, thanks")
    await house.taps(MAYA, "Yes, today")
    assert answers(house)[-1] == ("adult", "late", "today")
    assert (house.case().tier, house.case().category) == ("urgent", "adult-requested")


async def test_f20_two_taps_at_once_are_both_kept_and_the_first_answers_the_question(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    for label in ("Great", "Hard"):
        await house.offer(house.button(MAYA, label))
    await house.settle()
    assert answers(house) == [("mood", "answer", 3), ("mood", "late", 1)]
    assert house.phone(MAYA).count("What was it like?") == 1


async def test_a_tap_that_is_delivered_twice_counts_once(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    tap = house.button(MAYA, "Great")
    for _ in range(2):
        await house.offer(tap, event="the same")
    await house.settle()
    await house.offer(tap, event="the same")
    await house.settle()
    assert answers(house) == [("mood", "answer", 3)]
    assert house.phone(MAYA) == ["How is your week, Maya?", "What was it like?"]


async def test_what_nobody_asked_for_is_kept_and_shown_to_staff_and_answered_once_in_ten_minutes(house: House) -> None:
    for _ in range(3):
        await house.says(MAYA, WORDS)
    assert [row.text for row in house.rows(tables.message, direction="in")] == [WORDS] * 3
    assert reviews(house) == ["unsolicited"] * 3
    assert house.phone(MAYA) == [house.text("unsolicited")]
    await house.pass_time(minutes=11)
    await house.says(MAYA, WORDS)
    assert len(house.phone(MAYA)) == 2


async def test_a_photo_is_kept_asked_again_and_shown_to_staff(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    for _ in range(2):
        await house.offer({"chat": str(MAYA), "kind": InboundKind.MEDIA})
        await house.settle()
    assert answers(house) == [("mood", "unread", None)]
    assert reviews(house) == ["media", "media", "unreadable"]
    assert house.newest(MAYA).text.endswith("What was it like?")


@on_sqlite
async def test_a_photo_that_nobody_asked_for_is_not_nothing(house: House) -> None:
    await house.offer({"chat": str(MAYA), "kind": InboundKind.MEDIA})
    await house.settle()
    assert (reviews(house), house.phone(MAYA)) == (["media"], [house.text("media")])


@on_sqlite
async def test_what_is_twice_not_understood_is_kept_in_its_own_words_for_staff(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    for _ in range(2):
        await house.says(MAYA, WORDS)
    (row,) = house.rows(tables.answer)
    assert (row.kind, row.text) == ("unread", WORDS)
    assert reviews(house) == ["unreadable"]
    assert house.newest(MAYA).text.endswith("What was it like?")


async def test_a_button_of_somebody_else_is_no_answer(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    stolen = house.button(MAYA, "Hard") | {"chat": str(LEO)}
    await house.offer(stolen)
    await house.settle()
    assert answers(house) == []
    assert reviews(house) == ["unsolicited"]


@pytest.mark.parametrize("token", ["", "x", "1.9", "ffffffffffffffffffffffff.0", "1.-1", ".", "٣.0", "1.0.0"])
async def test_a_button_that_is_none_of_ours_is_read_like_any_text(house: House, token: str) -> None:
    await house.offer({"chat": str(MAYA), "kind": "button", "token": token, "text": "I want to die"})
    await house.settle()
    assert house.case().tier == "crisis"


async def test_another_conversation_waits_until_the_first_is_over(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.begins(MAYA, "mentee-reflection")
    assert conversations(house) == [("mentee-weekly", "waiting"), ("mentee-reflection", "queued")]
    assert house.phone(MAYA) == ["How is your week, Maya?"]
    for label in ("Great", "Skip", "No, thanks"):
        await house.taps(MAYA, label)
    assert conversations(house) == [("mentee-weekly", "done"), ("mentee-reflection", "waiting")]
    assert house.phone(MAYA)[-2:] == ["Thank you, Maya.", "Did you and Leo meet?"]


@on_sqlite
async def test_another_conversation_begins_when_the_first_was_never_answered(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.pass_time(hours=15)
    await house.begins(MAYA, "mentee-reflection")
    await house.pass_time(hours=10)
    assert conversations(house)[:2] == [("mentee-weekly", "lapsed"), ("mentee-reflection", "waiting")]


async def test_a_conversation_that_waited_too_long_behind_another_is_not_begun_any_more(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.begins(MAYA, "mentee-reflection")
    await house.pass_time(hours=23)
    for label in ("Great", "Skip", "No, thanks"):
        await house.taps(MAYA, label)
    assert conversations(house)[:2] == [("mentee-weekly", "done"), ("mentee-reflection", "lapsed")]
    assert house.newest(MAYA).text == "Thank you, Maya."


async def test_the_same_check_in_takes_the_place_of_the_unanswered_one(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    old = house.button(MAYA, "Hard")
    await house.begins(MAYA, "mentee-weekly")
    assert conversations(house) == [("mentee-weekly", "lapsed"), ("mentee-weekly", "waiting")]
    await house.offer(old)
    await house.settle()
    assert answers(house) == [("mood", "late", 1)]
    assert conversations(house)[1] == ("mentee-weekly", "waiting")


@on_sqlite
async def test_a_nudge_comes_once_and_then_the_conversation_lapses(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.pass_time(hours=23)
    assert len(house.phone(MAYA)) == 2
    assert house.phone(MAYA)[1].endswith("How is your week, Maya?")
    await house.pass_time(hours=2)
    assert len(house.phone(MAYA)) == 2
    assert conversations(house)[0] == ("mentee-weekly", "lapsed")


async def test_a_conversation_ends_on_the_flow_that_it_began_with(house: House, tmp_path: Path) -> None:
    await house.begins(MAYA, "mentee-weekly")
    changed = school.WEEKLY.replace("What was it like?", "Anything else?").replace("Thank you,", "Bye,")
    house = house.restarted(school.tiny_program(tmp_path, weekly=changed))
    for label in ("Great", "Skip", "No, thanks"):
        await house.taps(MAYA, label)
    assert house.phone(MAYA)[1:] == [
        "What was it like?",
        "Would you like an adult to talk with you?",
        "Thank you, Maya.",
    ]
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    assert house.newest(MAYA).text == "Anything else?"


async def test_an_unknown_chat_gets_no_answer_from_the_flows_and_staff_see_what_it_wrote(house: House) -> None:
    await house.offer({"chat": "999", "text": f"I want to die {CANARY}"})
    await house.settle()
    assert reviews(house) == ["stranger"]
    assert (house.case().tier, house.case().person_id) == ("crisis", OKAFOR)
    assert CANARY not in house.case().reason
    (log,) = house.rows(tables.message, direction="in")
    assert (log.person_id, log.chat) == (None, "999")
    assert CANARY in log.text


@on_sqlite
async def test_what_concerns_nobody_is_done_with(house: House) -> None:
    await house.offer({"nothing": True})
    await house.settle()
    (row,) = house.rows(tables.inbox)
    assert row.status == "done"
    assert house.rows(tables.message) == []


async def test_a_restart_in_the_middle_changes_nothing(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.offer({"chat": str(MAYA), "text": WORDS})
    house = house.restarted()
    house.clock.set(house.clock.now() + timedelta(seconds=1))
    await house.settle()
    assert answers(house)[1] == ("words", "answer", WORDS)
    assert house.newest(MAYA).text == "Would you like an adult to talk with you?"
