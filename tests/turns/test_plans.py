"""What whoever has a case plans: said with a tap or a word, read by the student, and gone when the hold ends."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from bot.domain import SMS, ActionKind, Address, Plan
from bot.errors import Refused
from bot.program import Program
from storage import people, tables
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House, house, on_sqlite

NOBODY = "Nobody has this case now."


async def taken(house: House) -> None:
    """Ms. Rivera has a case of Maya's."""
    await house.says(MAYA, "I want to die")
    await house.taps(RIVERA, "I have it")


def read_by(house: House, person: int, language: str = "en", adult: str = "Ms. Rivera") -> list[str]:
    """The plans that somebody read, as they read them."""
    texts = {house.text(f"seen_plan_{one}", language, adult=adult): str(one) for one in Plan if one is not Plan.HOME}
    return [texts[text] for text in house.phone(person) if text in texts]


def record(house: House) -> list[str]:
    return [row.detail for row in house.rows(tables.audit) if row.action == "plan"]


# --- saying it ---


async def test_taking_is_complete_without_a_plan_and_promises_none(house: House) -> None:
    await taken(house)
    assert (house.case().status, house.case().plan) == ("acknowledged", "")
    assert house.newest(MAYA).text == house.text("seen", adult="Ms. Rivera")
    code = house.code(RIVERA)
    wanted = [f"Talk with them now {code}", f"Talk with them today {code}", f"Call home first {code}"]
    assert house.labels(RIVERA) == [*wanted, f"Close {code}", f"Pass on {code}", f"Need help {code}"]


async def test_a_tap_says_the_plan_and_the_student_reads_it_once(house: House) -> None:
    await taken(house)
    button = house.button(RIVERA, "Talk with them today")
    for _ in range(2):
        for _ in range(2):  # in one transaction as well
            await house.offer(button)
        await house.settle()
    assert house.case().plan == "today"
    assert read_by(house, MAYA) == ["today"]
    assert record(house) == ["today"]
    noted = house.text("planned", code=house.code(RIVERA), initials="M.T.", plan="Talk with them today")
    assert house.newest(RIVERA).text == noted
    assert not [label for label in house.labels(RIVERA) if label.startswith("Talk with them today")]


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ("Talk with them today {}", "today"),
        ("hablar ahora {}", "now"),
        ("PLAN {} today", "today"),
        ("plan {}: hoy.", "today"),
        ("Plan {} home first", "home-first"),
        ("2", "today"),
    ],
)
@on_sqlite
async def test_a_plan_can_be_typed(house: House, words: str, plan: str) -> None:
    await taken(house)
    await house.says(RIVERA, words.format(house.code(RIVERA)))
    assert house.case().plan == plan


@pytest.mark.parametrize("words", ["{} I plan to see her today", "ACK {} today", "plan {} is to ask her teacher"])
@on_sqlite
async def test_who_says_in_other_words_what_they_plan_takes_the_case(house: House, words: str) -> None:
    await house.says(MAYA, "I want to die")
    await house.says(RIVERA, words.format(house.code(RIVERA)))
    assert (house.case().status, house.case().plan) == ("acknowledged", "")


async def test_a_changed_plan_is_read_as_well_and_a_call_home_never(house: House) -> None:
    await taken(house)
    for label in ("Talk with them today", "Call home first", "Talk with them now", "Talk with them today"):
        await house.taps(RIVERA, label)
    assert read_by(house, MAYA) == ["today", "now", "today"]
    assert record(house) == ["today", "home-first", "now", "today"]
    assert not [text for text in house.phone(MAYA) if "home" in text]


@on_sqlite
async def test_a_student_reads_it_in_their_own_language(house: House) -> None:
    await house.says(MAYA, "/language es")
    await taken(house)
    await house.taps(RIVERA, "Talk with them now")
    assert read_by(house, MAYA, "es") == ["now"]


@on_sqlite
async def test_an_sms_says_it_by_its_number(database: Database, program: Program) -> None:
    made, phone = house(database, program, Platform("sms", "sms")), "+15550100"
    made.write(lambda c: people.add_address(c, RIVERA, Address(SMS, "sms", phone), 900, 0))
    await made.says(MAYA, "I want to die")
    sms = made.platforms[1]
    for words in (f"ACK {made.code(RIVERA)}", "2"):
        await made.offer({"chat": phone, "text": words}, platform=sms)
        await made.settle()
    assert (made.case().plan, read_by(made, MAYA)) == ("today", ["today"])
    assert sms.journal[-1].text == made.text("planned_outside", code=made.code(RIVERA), plan="Talk with them today")


# --- on a staff page ---


async def test_a_page_takes_a_case_and_says_the_plan_in_one(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.staff(ActionKind.TAKE, house.case().id, actor_person_id=OKAFOR, plan="now")
    assert (house.case().acknowledged_person_id, house.case().plan) == (OKAFOR, "now")
    adult = "Ms. Chen (console)"
    assert house.phone(MAYA)[-2:] == [house.text(key, adult=adult) for key in ("seen", "seen_plan_now")]
    assert [row.action for row in house.rows(tables.audit)][-2:] == ["take", "plan"]


@pytest.mark.parametrize("plan", ["next-day", "nonsense"])
@on_sqlite
async def test_a_plan_that_does_not_fit_by_now_holds_up_no_taking(house: House, plan: str) -> None:
    await house.says(MAYA, "I want to die")
    await house.staff(ActionKind.TAKE, house.case().id, actor_person_id=OKAFOR, plan=plan)
    assert (house.case().status, house.case().plan) == ("acknowledged", "")
    with pytest.raises(Refused, match="does not fit"):
        await house.staff(ActionKind.PLAN, house.case().id, actor_person_id=OKAFOR, plan=plan)


@on_sqlite
async def test_what_is_no_crisis_may_wait_for_the_next_school_day(house: House) -> None:
    await house.says(MAYA, "they hit me")
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Talk with them next school day")
    assert (house.case().plan, read_by(house, MAYA)) == ("next-day", ["next-day"])


# --- whose it is ---


async def test_who_does_not_have_the_case_plans_nothing(house: House) -> None:
    await taken(house)
    old = house.button(RIVERA, "Talk with them today")
    with pytest.raises(Refused, match=r"Ms\. Rivera has this case; only they can do that"):
        await house.staff(ActionKind.PLAN, house.case().id, actor_person_id=OKAFOR, plan="today")
    await house.says(RIVERA, f"PASS {house.code(RIVERA)}")
    await house.offer(old)
    await house.settle()
    assert house.newest(RIVERA).text.startswith(NOBODY)
    await house.taps(OKAFOR, "I have it")
    await house.says(RIVERA, f"PLAN {house.code(RIVERA)} today")
    assert house.newest(RIVERA).text.startswith("Mr. Okafor has this case")
    assert (house.case().plan, read_by(house, MAYA), record(house)) == ("", [], [])


@on_sqlite
async def test_whom_it_is_about_learns_nothing_from_an_old_button(house: House) -> None:
    await taken(house)
    house.write(lambda c: c.execute(update(tables.escalation).values(left_out=f",{RIVERA},")))
    await house.taps(RIVERA, "Talk with them today")
    assert house.newest(RIVERA).text == "This case does not exist."
    assert (house.case().plan, read_by(house, MAYA)) == ("", [])


@on_sqlite
async def test_an_adult_in_whose_name_a_case_stands_is_not_told_as_if_they_were_the_student(house: House) -> None:
    await house.says(MAYA, "I want to die")
    house.write(lambda c: c.execute(update(tables.escalation).values(person_id=OKAFOR)))
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Talk with them today")
    assert house.case().plan == "today"
    assert read_by(house, OKAFOR) + read_by(house, MAYA) == []


@on_sqlite
async def test_a_mentor_who_told_of_somebody_does_not_read_when_an_adult_talks_with_them(house: House) -> None:
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Talk with them today")
    assert house.case().plan == "today"
    assert (house.phone(LEO).count(house.text("seen", adult="Ms. Rivera")), read_by(house, LEO)) == (1, [])


@on_sqlite
async def test_a_drill_asks_for_no_plan(house: House) -> None:
    await house.staff(ActionKind.DRILL, 0)
    await house.taps(RIVERA, "Drill")
    assert house.labels(RIVERA) == []
    await house.says(RIVERA, f"PLAN {house.code(RIVERA)} today")
    assert house.newest(RIVERA).text.startswith("DRILL")
    assert (house.case().plan, record(house)) == ("", [])


# --- how it ends ---


async def test_at_expiry_the_plan_is_named_and_silence_ends_it(house: House) -> None:
    await taken(house)
    await house.taps(RIVERA, "Talk with them today")
    await house.pass_time(minutes=30)
    lines = house.newest(RIVERA).text.splitlines()
    assert lines[0] == "You planned: Talk with them today."
    assert lines[1] == house.text("still_with_it", code=house.code(RIVERA), initials="M.T.", minutes="10")
    assert house.case().plan == "today"
    await house.pass_time(minutes=10)
    assert (house.case().status, house.case().plan) == ("open", "")
    await house.taps(RIVERA, "I have it")
    assert house.newest(MAYA).text == house.text("seen", adult="Ms. Rivera")
    assert house.case().plan == ""


@on_sqlite
async def test_a_plan_answers_whether_they_are_still_with_it(house: House) -> None:
    await taken(house)
    await house.pass_time(minutes=35)
    await house.says(RIVERA, f"PLAN {house.code(RIVERA)} today")
    await house.pass_time(minutes=20)
    assert (house.case().status, house.case().plan) == ("acknowledged", "today")


@on_sqlite
async def test_still_with_it_keeps_the_plan_and_says_nothing_new(house: House) -> None:
    await taken(house)
    await house.taps(RIVERA, "Talk with them today")
    await house.pass_time(minutes=31)
    await house.taps(RIVERA, "Still with it")
    assert (house.case().plan, read_by(house, MAYA)) == ("today", ["today"])


@pytest.mark.parametrize(
    ("kind", "more"),
    [(ActionKind.PASS_ON, {}), (ActionKind.CLOSE, {"outcome": "spoke-with-student"})],
)
@on_sqlite
async def test_a_plan_ends_with_the_hold(house: House, kind: ActionKind, more: dict[str, str]) -> None:
    await taken(house)
    await house.taps(RIVERA, "Talk with them today")
    await house.staff(kind, house.case().id, actor_person_id=RIVERA, **more)
    assert house.case().plan == ""
