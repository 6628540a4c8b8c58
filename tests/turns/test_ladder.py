"""The ladder as adults live it: who is told, who answers, and what happens when nobody does."""

from __future__ import annotations

import pytest

from bot.domain import ActionKind, Address
from bot.errors import Refused, TryLater, Unreachable
from bot.program import Program
from bot.turns.adults import _verb
from storage import people, tables
from tests.school import CANARY, MAYA, OKAFOR, RIVERA, House, on_sqlite


async def crisis(house: House) -> None:
    await house.says(MAYA, "I want to die")


def alerts(house: House, person: int) -> int:
    return sum(outbound.kind == "alert" for outbound in house.platform.journal if outbound.address.chat == str(person))


def state(house: House) -> tuple[str, str]:
    return house.case().status, house.case().acknowledged_by


# --- nobody answers ---


async def test_while_nobody_answers_the_next_adult_is_told_and_then_all_again_for_ever(house: House) -> None:
    await crisis(house)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (1, 0)
    await house.pass_time(minutes=5)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (1, 1)
    await house.pass_time(minutes=10)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (2, 2)
    await house.pass_time(hours=1)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (8, 8)
    assert house.newest(OKAFOR).text.startswith("Still open, 75 min. CRISIS: M.T.")


@on_sqlite
async def test_a_long_stop_of_the_house_ends_in_one_alert_not_in_a_storm(house: House) -> None:
    await crisis(house)
    await house.jump(hours=5)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (1, 1)


# --- taking a case ---


async def test_a_button_takes_the_case_and_the_student_reads_who_has_seen_it(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")
    assert state(house) == ("acknowledged", "Ms. Rivera")
    assert house.newest(MAYA).text == house.text("seen", adult="Ms. Rivera")
    code = house.code(RIVERA)
    assert house.newest(RIVERA).text == house.text("taken", code=code, initials="M.T.")
    await house.pass_time(minutes=29)
    assert alerts(house, OKAFOR) == 0


@on_sqlite
@pytest.mark.parametrize(
    "words",
    ["ACK {}", "ok ack {} on my way", "i have it {}", "{}", "Lo tengo {}.", "ACK {}, I can help her close the door"],
)
async def test_a_code_anywhere_in_a_text_takes_the_case(house: House, words: str) -> None:
    await crisis(house)
    code = house.code(RIVERA)
    await house.says(RIVERA, words.format(code.lower() if words.startswith("i have") else code))
    assert state(house) == ("acknowledged", "Ms. Rivera")


@pytest.mark.parametrize("words", ["ok", "yes", "got it", "ACK", "👍", f"on my way {CANARY}"])
@on_sqlite
async def test_without_a_code_nothing_is_taken_and_the_open_codes_are_listed(house: House, words: str) -> None:
    await crisis(house)
    await house.says(RIVERA, words)
    assert state(house) == ("open", "")
    assert house.newest(RIVERA).text == house.text("which_case", codes=house.code(RIVERA))
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 1


async def test_a_code_of_another_case_or_adult_takes_nothing(house: House) -> None:
    await crisis(house)
    await house.says(OKAFOR, f"ACK {house.code(RIVERA)}")
    assert house.newest(OKAFOR).text == house.text("no_such_code", code=house.code(RIVERA))
    await house.says(RIVERA, "ACK 2222")
    assert house.newest(RIVERA).text == house.text("no_such_code", code="2222")
    await house.says(MAYA, f"ACK {house.code(RIVERA)}")
    assert state(house) == ("open", "")


async def test_of_two_who_answer_at_once_one_has_the_case_and_the_other_is_told_so(house: House) -> None:
    await crisis(house)
    await house.pass_time(minutes=5)
    for adult in (OKAFOR, RIVERA):
        await house.offer(house.button(adult, "I have it"))
    await house.settle()
    assert state(house) == ("acknowledged", "Mr. Okafor")
    assert "Mr. Okafor already has this case." in house.phone(RIVERA)
    assert house.text("taken_by_other", adult="Mr. Okafor", code=house.code(RIVERA), initials="M.T.") in house.phone(
        RIVERA
    )
    assert house.phone(MAYA).count(house.text("seen", adult="Mr. Okafor")) == 1


async def test_alerts_still_on_their_way_are_not_sent_after_somebody_took_the_case(house: House) -> None:
    await crisis(house)
    house.platform.plan(OKAFOR, TryLater("busy", 60))
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 0
    await house.taps(RIVERA, "I have it")
    await house.pass_time(minutes=20)
    assert alerts(house, OKAFOR) == 0


@on_sqlite
async def test_nobody_from_before_can_take_a_closed_case(house: House) -> None:
    await crisis(house)
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="not-a-concern", note="A song")
    await house.taps(RIVERA, "I have it")
    assert house.case().status == "closed"
    assert house.newest(RIVERA).text.startswith("This case was closed by Ms. Chen (console).")


# --- passing on, help, holding ---


@on_sqlite
async def test_passing_on_tells_the_next_adult_at_once(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "Pass on")
    assert (state(house), alerts(house, OKAFOR)) == (("open", ""), 1)
    assert house.newest(RIVERA).text == house.text("passed_on", code=house.code(RIVERA))


@on_sqlite
async def test_who_needs_help_keeps_the_case_and_the_next_adult_is_told_too(house: House) -> None:
    await crisis(house)
    await house.says(RIVERA, f"HELP {house.code(RIVERA)}")
    assert (state(house), alerts(house, OKAFOR)) == (("acknowledged", "Ms. Rivera"), 1)
    assert house.newest(OKAFOR).text.startswith("Ms. Rivera asks for help with M.T.")


async def test_who_has_a_case_is_asked_and_silence_opens_it_again(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")
    await house.pass_time(minutes=30)
    assert house.newest(RIVERA).text == house.text(
        "still_with_it", code=house.code(RIVERA), initials="M.T.", minutes="10"
    )
    assert house.labels(RIVERA)[0].startswith("Still with it")
    assert state(house)[0] == "acknowledged"
    asked = alerts(house, RIVERA)
    await house.pass_time(minutes=10)
    assert (state(house), alerts(house, RIVERA)) == (("open", ""), asked + 1)
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 1
    assert "re-opened" in [row.action for row in house.rows(tables.audit)]


@on_sqlite
async def test_who_is_still_with_it_holds_it_longer(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")
    for _ in range(3):
        await house.pass_time(minutes=30)
        await house.taps(RIVERA, "Still with it")
    assert state(house) == ("acknowledged", "Ms. Rivera")
    await house.pass_time(minutes=29)
    assert (alerts(house, OKAFOR), house.phone(MAYA).count(house.text("seen", adult="Ms. Rivera"))) == (0, 1)


# --- closing ---


async def test_closing_asks_for_an_outcome_and_then_nobody_is_told_any_more(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Close")
    assert house.case().status == "acknowledged"
    await house.taps(RIVERA, "Spoke with the student")
    case = house.case()
    assert (case.status, case.outcome, case.closed_by) == ("closed", "spoke-with-student", "Ms. Rivera")
    told = alerts(house, RIVERA) + alerts(house, OKAFOR)
    await house.pass_time(days=2)
    assert alerts(house, RIVERA) + alerts(house, OKAFOR) == told


@on_sqlite
async def test_an_outcome_that_needs_a_note_closes_with_the_note(house: House) -> None:
    await crisis(house)
    await house.says(RIVERA, f"CLOSE {house.code(RIVERA)}")
    await house.taps(RIVERA, "Not a concern")
    assert house.case().status == "open"
    assert house.newest(RIVERA).text == house.text("note_ask", code=house.code(RIVERA))
    await house.says(RIVERA, f"A song in the {CANARY} play")
    assert (house.case().status, house.case().note) == ("closed", f"A song in the {CANARY} play")


async def test_closing_cancels_alerts_that_are_still_on_their_way(house: House) -> None:
    house.platform.plan(RIVERA, *[TryLater("busy", 60)] * 3)
    await crisis(house)
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="not-a-concern", note="A song")
    await house.pass_time(hours=1)
    assert house.phone(RIVERA) == []
    assert {row.status for row in house.rows(tables.message, kind="alert")} == {"cancelled"}


@on_sqlite
async def test_a_closed_case_can_be_opened_again_and_climbs_from_its_beginning(house: House) -> None:
    await crisis(house)
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="not-a-concern", note="A song")
    await house.staff(ActionKind.REOPEN, house.case().id)
    assert (house.case().status, alerts(house, RIVERA)) == ("open", 2)
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 1


@on_sqlite
async def test_staff_who_do_what_no_longer_fits_are_told_why(house: House) -> None:
    await crisis(house)
    case = house.case().id
    with pytest.raises(Refused, match="choose what came of it"):
        await house.staff(ActionKind.CLOSE, case, outcome="forgot")
    await house.staff(ActionKind.CLOSE, case, outcome="not-a-concern", note="A song")
    with pytest.raises(Refused, match="was closed by"):
        await house.staff(ActionKind.TAKE, case)
    with pytest.raises(Refused, match="does not exist"):
        await house.staff(ActionKind.TAKE, 123)


# --- adults who cannot be reached ---


async def test_an_adult_who_cannot_be_reached_is_passed_over_at_once(house: House) -> None:
    house.platform.plan(RIVERA, Unreachable("no_listener"))
    await crisis(house)
    assert alerts(house, OKAFOR) == 1
    assert "nobody reached" in [row.action for row in house.rows(tables.audit)]
    assert house.rows(tables.message, person_id=RIVERA)[0].news == ""


async def test_an_adult_without_any_address_is_passed_over_at_once(house: House) -> None:
    address = tables.address
    house.write(lambda c: c.execute(address.delete().where(address.c.person_id == RIVERA)))
    await crisis(house)
    assert alerts(house, OKAFOR) == 1
    (row,) = house.rows(tables.message, person_id=RIVERA)
    assert (row.status, row.error) == ("failed", "no_address")


@on_sqlite
async def test_with_nobody_in_reach_the_house_tries_again_for_ever(house: House) -> None:
    for adult in (RIVERA, OKAFOR):
        house.platform.plan(adult, *[Unreachable("no_listener")] * 4)
    await crisis(house)
    assert house.case().status == "open"
    await house.pass_time(hours=1)
    assert alerts(house, OKAFOR) >= 1
    assert alerts(house, RIVERA) >= 1


async def test_one_address_that_works_is_enough(house: House) -> None:
    pager = Address("web", "web", "pager")
    house.write(lambda c: people.add_address(c, RIVERA, pager, 999, position=200))
    house.platform.plan(RIVERA, Unreachable("no_listener"))
    await crisis(house)
    assert alerts(house, OKAFOR) == 0
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 1


async def test_a_student_who_cannot_be_reached_is_shown_to_staff(house: House) -> None:
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.begins(MAYA, "mentee-weekly")
    (item,) = house.rows(tables.review_item)
    assert (item.kind, item.person_id) == ("unreachable", MAYA)


# --- verbs ---


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_label_typed_as_text_means_its_button(program: Program, language: str) -> None:
    kinds = {
        "label_take": ActionKind.TAKE,
        "label_still": ActionKind.TAKE,
        "label_pass": ActionKind.PASS_ON,
        "label_help": ActionKind.NEED_HELP,
        "label_close": ActionKind.CLOSE,
    }
    texts = program.texts[language]
    assert {key: _verb(texts[key].format(code="4F7K")) for key in kinds} == kinds


@on_sqlite
async def test_an_adult_reads_and_answers_in_their_own_language(house: House) -> None:
    await house.says(RIVERA, "/language es")
    await crisis(house)
    code = house.code(RIVERA)
    assert house.labels(RIVERA)[0] == house.text("label_take", "es", code=code)
    await house.says(RIVERA, house.text("label_take", "es", code=code))
    assert house.newest(RIVERA).text == house.text("taken", "es", code=code, initials="M.T.")
    await house.says(RIVERA, house.text("label_close", "es", code=code))
    assert house.labels(RIVERA)[0] == house.text("outcome_spoke-with-student", "es")


@on_sqlite
async def test_an_adult_without_a_case_is_told_so(house: House) -> None:
    await house.says(RIVERA, "hello")
    assert house.newest(RIVERA).text == house.text("no_cases")
    await house.says(RIVERA, "/help")
    assert house.newest(RIVERA).text == house.text("adult_help")
