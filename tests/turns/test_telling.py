"""A mentor tells an adult, each step as a story. Leo mentors Maya, Ms. Rivera advises them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import TryLater
from bot.program import create, load_program
from storage import review, tables, timeline
from storage.database import Database
from tests.school import CANARY, LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.school import house as house_of
from tests.turns.test_ladder import alerts

WHAT_TO_DO = "You were right to tell."


def case_of(house: House) -> tuple[str, str, str]:
    case = house.case()
    return case.tier, case.category, case.reason


def person(house: House, id_: int) -> tuple[str, bool]:
    (row,) = house.rows(tables.person, id=id_)
    return row.status, row.paused_until is not None


def buttons(house: House, id_: int) -> list[list[str]]:
    sent = [one for one in house.platform.journal if one.address.chat == str(id_)]
    return [[choice.label for choice in one.choices] for one in sent]


async def test_danger_is_told_at_the_first_press_though_nothing_more_is_answered(house: House) -> None:
    await house.says(LEO, "/tell")
    assert house.newest(LEO).text == house.text("tell_ask")
    await house.taps(LEO, "Someone is in danger")
    assert case_of(house) == ("crisis", "mentor-report", "A mentor says that someone is in danger")
    assert house.newest(RIVERA).text.startswith("CRISIS: L.K. (Lincoln High School) needs an adult.")
    texts = house.phone(LEO)
    assert texts[-1] == house.text("tell_who")
    assert texts[-2].startswith(WHAT_TO_DO)
    assert "911" in texts[-2]
    assert "988" in texts[-2]
    assert buttons(house, LEO)[-2:] == [["I am with them now"], ["Maya", "Somebody else", "I am with them now"]]
    await house.pass_time(minutes=5)
    assert house.phone(OKAFOR)[-1].startswith("Still open, 5 min. CRISIS")


async def test_who_and_what_join_the_case_and_the_mentee_reads_nothing_of_it(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "I am worried about someone")
    await house.taps(LEO, "Maya")
    assert house.newest(LEO).text == house.text("tell_line")
    await house.says(LEO, f"she does not come to lunch any more {CANARY}")
    await house.taps(LEO, "No")
    assert house.newest(LEO).text == house.text("tell_done")
    tier, category, reason = case_of(house)
    assert (tier, category) == ("concern", "mentor-report")
    assert reason.split("; ") == [
        "A mentor is worried about someone",
        "It is about M.T., whom they mentor",
        "A mentor wrote what they saw or heard",
    ]
    assert house.phone(MAYA) == []
    told = [one.text for one in house.platform.journal if one.address.chat not in (str(LEO),)]
    assert not any(CANARY in text for text in told)
    with house.database.read() as connection:
        case = review.case_history(connection, house.case().id, None)
    assert case is not None
    said = [words.text for words in case.case.words]
    assert said == ["I am worried about someone", "Maya", f"she does not come to lunch any more {CANARY}"]
    assert [row.reason for row in house.rows(tables.review_item, person_id=MAYA)] == [
        "A mentor has told an adult about this student"
    ]


async def test_what_is_written_behind_the_command_is_told_already(house: House) -> None:
    await house.says(LEO, f"/tell they hit me is what she says {CANARY}")
    tiers = {row.category: row.tier for row in house.rows(tables.escalation)}
    assert tiers == {"mentor-report": "urgent"}
    assert house.newest(LEO).text == house.text("tell_ask")
    assert any(text.startswith(WHAT_TO_DO) for text in house.phone(LEO))


async def test_alarming_words_in_the_line_open_a_crisis_of_their_own(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "I am worried about someone")
    await house.taps(LEO, "Maya")
    await house.says(LEO, f"i want to die {CANARY}")
    assert {row.tier: row.category for row in house.rows(tables.escalation)}["crisis"] == "suicide"
    assert "I am with them now" in buttons(house, LEO)[-1]
    assert "988" in house.newest(LEO).text


async def test_it_is_about_an_adult_here_can_be_said_first_and_by_name(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "It is about an adult here")
    assert case_of(house)[:2] == ("urgent", "mentor-report")
    assert "Ms. Rivera" not in next(text for text in house.phone(LEO) if text.startswith(WHAT_TO_DO))
    assert buttons(house, LEO)[-1] == ["Ms. Rivera", "Mr. Okafor", "Another adult", "I am with them now"]
    assert house.phone(RIVERA) == [], "nobody said yet that it is not about her"
    assert len(house.phone(OKAFOR)) == 1, "the safety contact"
    await house.taps(LEO, "Ms. Rivera")
    assert house.newest(LEO).text == house.text("tell_who")
    await house.taps(LEO, "Somebody else")
    await house.says(LEO, f"she shouts at the little ones {CANARY}")
    assert house.newest(LEO).text == house.text("tell_done")
    await house.taps(LEO, "I am with them now")
    await house.pass_time(hours=3)
    assert house.phone(RIVERA) == []
    with house.database.read() as connection:
        seen = {reader: timeline.timeline(connection, LEO, reader)[0] for reader in (RIVERA, OKAFOR)}
    said = {reader: [entry.text for entry in entries if entry.kind == "said"] for reader, entries in seen.items()}
    assert said[RIVERA] == ["/tell"]
    assert {"Ms. Rivera", "It is about an adult here", f"she shouts at the little ones {CANARY}"} <= set(said[OKAFOR])
    assert not any("adult" in entry.text and entry.kind == "case" for entry in seen[RIVERA])


async def test_i_am_with_them_now_pages_every_adult_at_once(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "I am worried about someone")
    assert house.phone(OKAFOR) == []
    await house.taps(LEO, "I am with them now")
    assert case_of(house)[0] == "crisis"
    for adult in (RIVERA, OKAFOR):
        assert house.newest(adult).text.startswith(
            "CRISIS: a mentor is with someone now and asks for an adult to come."
        )
        assert any(label.startswith("I have it") for label in house.labels(adult))
    assert "the counseling office" in house.newest(LEO).text or "911" in house.newest(LEO).text


async def test_whoever_has_the_case_keeps_it_and_hears_that_the_mentor_is_there(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(RIVERA, "I have it")
    await house.taps(LEO, "I am with them now")
    assert (house.case().status, house.case().acknowledged_by) == ("acknowledged", "Ms. Rivera")
    assert house.newest(RIVERA).text.startswith("CRISIS: a mentor is with someone now")
    assert house.newest(OKAFOR).text.startswith("CRISIS: a mentor is with someone now")


async def test_too_much_pauses_the_mentors_prompts_and_tells_an_adult(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "It is too much for me")
    assert case_of(house)[:2] == ("concern", "mentor-overload")
    assert person(house, LEO) == ("paused", True)
    assert house.newest(LEO).text == house.text("relieved")
    await house.says(LEO, "/resume")
    assert person(house, LEO) == ("active", False)


@on_sqlite
async def test_a_check_in_on_its_way_to_a_mentor_for_whom_it_is_too_much_does_not_arrive(house: House) -> None:
    house.platform.plan(LEO, TryLater("busy", 3600))
    await house.begins(LEO, "mentee-weekly")
    await house.says(LEO, "/tell")
    await house.taps(LEO, "It is too much for me")
    assert [row.status for row in house.rows(tables.message, kind="question")] == ["cancelled"]


async def test_the_third_worry_in_two_weeks_relieves_the_mentor(house: House) -> None:
    for _ in range(3):
        assert person(house, LEO) == ("active", False)
        await house.says(LEO, "/tell")
        await house.taps(LEO, "I am worried about someone")
        await house.pass_time(hours=25)
    assert person(house, LEO) == ("paused", True)
    assert "three worries" in house.rows(tables.escalation)[-1].reason


async def test_a_second_student_in_the_same_case_is_told_to_all_again(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(LEO, "Maya")
    before = len(house.phone(RIVERA))
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(LEO, "Somebody else")
    assert len(house.phone(RIVERA)) == before + 1
    assert len(house.phone(OKAFOR)) == 1


async def test_telling_pauses_no_check_in_of_the_mentor_and_ends_none(house: House) -> None:
    await house.begins(LEO, "mentee-weekly")
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    assert [row.status for row in house.rows(tables.conversation)] == ["waiting"]
    assert person(house, LEO) == ("active", False)


@on_sqlite
async def test_where_there_are_no_buttons_their_words_are_typed(house: House) -> None:
    await house.says(LEO, "/avisar")
    await house.says(LEO, "someone is in danger")
    await house.says(LEO, "Maya")
    await house.says(LEO, "skip")
    await house.says(LEO, "no")
    assert house.newest(LEO).text == house.text("tell_done")
    assert "It is about M.T., whom they mentor" in case_of(house)[2]


@on_sqlite
async def test_the_same_press_twice_is_one_case_and_one_card(house: House) -> None:
    await house.says(LEO, "/tell")
    press = house.button(LEO, "Someone is in danger")
    await house.offer(press, event="once")
    await house.offer(press, event="once")
    await house.settle()
    assert len(house.rows(tables.escalation)) == 1
    assert sum(text.startswith(WHAT_TO_DO) for text in house.phone(LEO)) == 1


@on_sqlite
async def test_from_a_mentee_the_same_command_asks_for_an_adult(house: House) -> None:
    await house.says(MAYA, "/tell")
    assert case_of(house)[:2] == ("urgent", "adult-requested")


@on_sqlite
@pytest.mark.parametrize("who", [LEO, MAYA])
async def test_the_help_shows_mentors_how_to_tell(house: House, who: int) -> None:
    await house.says(who, "/help")
    assert (house.text("label_tell") in house.labels(who)) is (who == LEO)
    assert ("/tell" in house.newest(who).text) is (who == LEO)


@on_sqlite
async def test_a_made_up_press_does_nothing_but_be_kept(house: House) -> None:
    await house.offer({"chat": str(LEO), "kind": "button", "token": "ffff.1", "text": "/tell danger"})
    await house.settle()
    assert house.rows(tables.escalation) == []


@on_sqlite
async def test_the_buttons_of_the_help_and_of_the_card_can_be_typed_as_well(house: House) -> None:
    await house.says(LEO, "/help")
    await house.says(LEO, house.text("label_tell"))
    await house.says(LEO, "Someone is in danger")
    await house.says(LEO, "i am with them now")
    assert house.newest(OKAFOR).text.startswith("CRISIS: a mentor is with someone now")


@on_sqlite
async def test_who_closes_the_case_is_asked_to_look_after_the_mentor_too(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Close")
    await house.taps(RIVERA, "Spoke with the student")
    code = house.code(RIVERA)
    assert house.newest(RIVERA).text == house.text("closed_mentor", code=code, initials="L.K.")


# --- in the check-in that ships --------------------------------------------------------------------------------------


@pytest.fixture
def shipped(database: Database, tmp_path: Path) -> House:
    """The little school with the program that ships."""
    create(tmp_path / "lincoln", "near-peer")
    return house_of(database, load_program(tmp_path / "lincoln"))


@on_sqlite
async def test_someone_is_in_danger_in_the_weekly_check_in(shipped: House) -> None:
    await shipped.begins(LEO, "mentor-weekly")
    await shipped.taps(LEO, "Yes")
    await shipped.taps(LEO, "Someone is in danger")
    assert shipped.newest(RIVERA).text.startswith("CRISIS: L.K.")
    card = next(text for text in shipped.phone(LEO) if text.startswith(WHAT_TO_DO))
    assert "911" in card
    assert shipped.text("tell_who") in shipped.phone(LEO)
    assert person(shipped, LEO) == ("active", False), "it is not the mentor who is in danger"
    await shipped.taps(LEO, "Maya")
    assert "It is about M.T." in shipped.case().reason
    assert not any("danger" in text or "Leo" in text for text in shipped.phone(MAYA))


@on_sqlite
async def test_too_much_in_the_weekly_check_in_pauses_what_comes_next_and_the_check_in_ends_well(
    shipped: House,
) -> None:
    await shipped.begins(LEO, "mentor-weekly")
    await shipped.taps(LEO, "Yes")
    await shipped.taps(LEO, "Yes")
    await shipped.taps(LEO, "Too much for me")
    assert person(shipped, LEO) == ("paused", True)
    assert shipped.text("relieved") in shipped.phone(LEO)
    await shipped.taps(LEO, "No, thanks")
    assert [row.status for row in shipped.rows(tables.conversation, flow="mentor-weekly")] == ["done"]
    assert shipped.case().category == "mentor-overload"


async def test_pressing_again_and_again_tells_everyone_once_a_minute(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    for _ in range(10):
        await house.taps(LEO, "I am with them now")
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (2, 1)
    await house.pass_time(minutes=2)
    await house.taps(LEO, "I am with them now")
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (3, 2)
    await house.taps(RIVERA, "I have it")
    await house.taps(LEO, "I am with them now")
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (4, 3), "what is new to whoever has it now is told at once"


@pytest.mark.parametrize("busy", [False, True])
async def test_an_adult_who_takes_the_case_at_once_is_not_in_the_way_of_the_one_line(house: House, busy: bool) -> None:
    if busy:
        await house.begins(LEO, "mentee-weekly")
    await house.says(LEO, "/tell")
    await house.taps(LEO, "I am worried about someone")
    await house.taps(LEO, "Maya")
    await house.taps(RIVERA, "I have it")
    assert "has seen" in house.newest(LEO).text
    await house.says(LEO, f"she gave her things away {CANARY}")
    assert "A mentor wrote what they saw or heard" in house.case().reason
    with house.database.read() as connection:
        whole = review.case_history(connection, house.case().id, None, RIVERA)
    assert whole is not None
    assert CANARY in "".join(words.text for words in whole.case.words)
    assert house.rows(tables.answer) == []
    await house.says(LEO, "No")
    assert house.newest(LEO).text == house.text("tell_done")
