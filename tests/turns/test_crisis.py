"""When somebody must know: the card, the case and the alerts in one commit with the words that caused them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import ActionKind, Address
from bot.errors import TryLater
from bot.program import create, load_program
from storage import people, tables
from tests.school import CANARY, LEO, MAYA, RIVERA, House, on_sqlite

CRISIS = f"I want to die {CANARY}"


def kinds(house: House, person: int) -> list[str]:
    return [outbound.kind for outbound in house.platform.journal if outbound.address.chat == str(person)]


def statuses(house: House) -> list[str]:
    return [row.status for row in house.rows(tables.conversation)]


async def test_in_a_crisis_the_card_is_the_only_reply_and_the_words_are_kept(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, CRISIS)
    assert kinds(house, MAYA) == ["question", "question", "card"]
    assert "988" in house.newest(MAYA).text
    assert "Ms. Rivera" in house.newest(MAYA).text
    answers = [(row.step, row.text) for row in house.rows(tables.answer)]
    assert answers == [("mood", "Great"), ("words", CRISIS)]
    assert statuses(house) == ["suspended"]
    (row,) = house.rows(tables.person, id=MAYA)
    assert (row.status, row.paused_until) == ("paused", None)
    assert house.newest(RIVERA).text.startswith("CRISIS: M.T. (Lincoln High School)")
    assert CANARY not in " ".join(house.phone(RIVERA))
    assert house.phone(LEO) == []


async def test_the_case_and_its_alerts_are_in_the_commit_of_the_words(house: House) -> None:
    """Law 1: there is no moment at which the words are stored and nobody will be told."""
    await house.offer({"chat": str(MAYA), "text": CRISIS})
    await house.app.turns.drain()  # nothing is sent yet
    (log,) = house.rows(tables.message, direction="in")
    (finding,) = house.rows(tables.finding)
    (explanation,) = house.rows(tables.explanation)
    assert explanation.message_id == log.id
    assert [reason["rule"] for reason in explanation.record["reasons"]] == ["wish-to-die"]
    assert CANARY not in str(explanation.record)
    case = house.case()
    assert (case.message_id, case.status, case.tier) == (log.id, "open", "crisis")
    assert (finding.message_id, finding.escalation_id, finding.rule) == (log.id, case.id, "wish-to-die")
    assert log.text[finding.start : finding.end].casefold() == "want to die"
    assert case.next_action_at is not None
    alerts = house.rows(tables.message, kind="alert")
    assert [(row.person_id, row.status, row.priority, row.rung) for row in alerts] == [(RIVERA, "pending", 0, 0)]
    (card,) = house.rows(tables.message, kind="card")
    assert (card.priority, card.status, card.expires_at) == (0, "pending", None)
    assert [row.action for row in house.rows(tables.audit)] == ["paused check-ins", "opened"]


async def test_prompts_on_their_way_are_cancelled_and_none_come_until_an_adult_says_so(house: House) -> None:
    house.platform.plan(MAYA, TryLater("busy", 3600))
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, CRISIS)
    assert kinds(house, MAYA) == ["card"]
    assert [row.status for row in house.rows(tables.message, kind="question")] == ["cancelled"]
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="spoke-with-student")
    await house.pass_time(days=9)
    assert kinds(house, MAYA) == ["card", "reply", "reply"]
    assert house.newest(MAYA).text == house.text("talked_ask", name="Maya")


async def test_an_adult_resumes_and_the_question_is_asked_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, CRISIS)
    await house.says(MAYA, "are you there")
    assert statuses(house) == ["suspended"]
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.taps(RIVERA, "Close")
    await house.taps(RIVERA, "Spoke with the student")
    assert house.newest(RIVERA).text == house.text("resume_ask", initials="M.T.")
    await house.taps(RIVERA, house.text("label_resume_checkins"))
    assert house.phone(MAYA)[-2:] == [house.text("resumed_by_adult"), "How is your week, Maya?"]
    await house.taps(MAYA, "Great")
    assert house.newest(MAYA).text == "What was it like?"
    (row,) = house.rows(tables.person, id=MAYA)
    assert row.status == "active"


@on_sqlite
async def test_staff_resume_from_their_pages(house: House) -> None:
    await house.says(MAYA, CRISIS)
    await house.staff(ActionKind.RESUME, MAYA)
    assert house.newest(MAYA).text == house.text("resumed_by_adult")
    assert house.rows(tables.person, id=MAYA)[0].status == "active"


async def test_an_urgent_answer_gets_the_card_and_the_conversation_goes_on(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, f"they hit me {CANARY}")
    assert kinds(house, MAYA)[2:] == ["card", "question"]
    assert statuses(house) == ["waiting"]
    assert (house.case().tier, house.case().category) == ("urgent", "bullying")
    assert house.rows(tables.person, id=MAYA)[0].status == "active"


@on_sqlite
async def test_a_concern_tells_an_adult_and_shows_no_card(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "nobody likes me")
    assert kinds(house, MAYA) == ["question"] * 3
    assert house.newest(RIVERA).text.startswith("Concern: M.T.")


async def test_a_notice_is_a_review_item_and_wakes_nobody(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "I hate school")
    assert [(row.kind, row.reason) for row in house.rows(tables.review_item)] == [("notice", "Unhappy with school")]
    assert house.rows(tables.escalation) == []
    assert house.phone(RIVERA) == []


async def test_what_could_not_be_judged_is_a_review_item(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "мне очень плохо сегодня")
    assert [row.kind for row in house.rows(tables.review_item)] == ["unscreened"]
    assert [row.step for row in house.rows(tables.answer)] == ["mood", "words"]


@on_sqlite
async def test_our_own_words_are_not_screened(house: House) -> None:
    """A label that somebody taps or types is ours: whatever stands in it says nothing about them."""
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "Hard")
    await house.taps(MAYA, "Skip")
    await house.taps(MAYA, "No, thanks")
    assert house.rows(tables.finding) == []
    assert [row.kind for row in house.rows(tables.review_item)] == ["notice"]  # the answer's own mark


async def test_a_second_alarming_message_is_the_same_case(house: House) -> None:
    await house.says(MAYA, CRISIS)
    await house.says(MAYA, CRISIS)
    assert house.case().tier == "crisis"
    assert kinds(house, RIVERA) == ["alert"]
    assert kinds(house, MAYA) == ["card", "card"]
    assert len(house.rows(tables.finding, escalation_id=house.case().id)) == 2


@on_sqlite
async def test_more_from_a_student_whose_case_is_taken_reaches_who_has_it(house: House) -> None:
    await house.says(MAYA, CRISIS)
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    told = len(house.phone(RIVERA))
    await house.says(MAYA, CRISIS)
    assert len(house.phone(RIVERA)) == told + 1
    assert house.newest(RIVERA).kind == "alert"
    assert house.case().status == "acknowledged"


@on_sqlite
async def test_an_urgent_and_a_crisis_message_of_other_kinds_are_two_cases(house: House) -> None:
    await house.says(MAYA, "they hit me")
    await house.says(MAYA, CRISIS)
    assert [row.tier for row in house.rows(tables.escalation)] == ["urgent", "crisis"]
    assert len(house.phone(RIVERA)) == 2


@on_sqlite
async def test_a_mentor_who_is_in_danger_is_a_student_too(house: House) -> None:
    await house.says(LEO, CRISIS)
    assert kinds(house, LEO) == ["card"]
    assert house.newest(RIVERA).text.startswith("CRISIS: L.K.")


@pytest.mark.parametrize("words", ["I WANT TO DIE", "I want\nto die", "ok. i want to die!!! \x00"])
async def test_a_crisis_is_one_however_it_is_typed(house: House, words: str) -> None:
    await house.says(MAYA, words)
    assert house.case().tier == "crisis"


async def test_a_crisis_goes_to_every_address_of_an_adult_and_the_rest_to_the_first(house: House) -> None:
    pager = Address("web", "web", "pager of Ms. Rivera")
    house.write(lambda connection: people.add_address(connection, RIVERA, pager, 999, position=200))
    await house.says(MAYA, "they hit me")
    assert [row.chat for row in house.rows(tables.message, kind="alert")] == [str(RIVERA)]
    await house.says(MAYA, CRISIS)
    alerts = house.rows(tables.message, kind="alert", escalation_id=house.rows(tables.escalation)[1].id)
    assert sorted(row.chat for row in alerts) == [str(RIVERA), pager.chat]


@on_sqlite
async def test_a_crisis_in_a_language_without_a_card_is_answered_with_the_numbers_in_it(
    house: House, tmp_path: Path
) -> None:
    """Maya's roster says English; she writes in Vietnamese."""
    create(tmp_path / "lincoln")
    house = house.restarted(load_program(tmp_path / "lincoln"))
    await house.says(MAYA, "tôi muốn tự tử")
    assert house.case().tier == "crisis"
    assert house.newest(MAYA).text.startswith("Nếu đang gặp nguy hiểm: gọi 911.")
    assert "This chat is not watched round the clock" in house.newest(MAYA).text
