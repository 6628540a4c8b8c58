"""Adults who are reached by e-mail, SMS or webhook as well: they are told, and whoever reads along learns nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import Address
from bot.program import Program
from storage import joining, people, tables
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import MAYA, OKAFOR, RIVERA, House, house, on_sqlite

PHONE, MAILBOX = "+15550100", "rivera@lincoln.example"
CRISIS = "I want to die"


@pytest.fixture
def told(database: Database, program: Program) -> House:
    """Ms. Rivera is reached by SMS, then by e-mail, then on the web."""
    made = house(database, program, Platform("sms", "sms"), Platform("email", "email"))
    ways = [Address("sms", "sms", PHONE), Address("email", "email", MAILBOX)]
    for position, way in enumerate(ways):
        made.write(lambda c, way=way, position=position: people.add_address(c, RIVERA, way, 900 + position, position))
    return made


def arrived(house: House, platform: str) -> list[str]:
    return [sent.text for one in house.platforms if one.name == platform for sent in one.journal]


@on_sqlite
async def test_what_leaves_the_house_says_nothing_of_the_student(told: House) -> None:
    await told.says(MAYA, CRISIS)
    code, case = told.code(RIVERA), told.case().id
    link = f"{told.program.base_url}/staff/escalations/{case}"
    words = told.text("alert_outside", tier="CRISIS", program=told.program.school, code=code, link=link)
    assert arrived(told, "email") == [words]
    assert arrived(told, "sms") == [f"{words}\n{told.text('reply_to_take', code=code)}"]
    assert told.newest(RIVERA).text.startswith("CRISIS: M.T.")
    for text in (*arrived(told, "email"), *arrived(told, "sms")):
        assert "M.T." not in text
        assert "Wish to be dead" not in text
        assert "Maya" not in text


@on_sqlite
async def test_an_sms_takes_the_case_by_its_code_and_is_answered_there(told: House) -> None:
    await told.says(MAYA, CRISIS)
    sms = told.platforms[1]
    await told.offer({"chat": PHONE, "text": f"ack {told.code(RIVERA).lower()} on my way"}, platform=sms)
    await told.settle()
    assert told.case().acknowledged_by == "Ms. Rivera"
    assert sms.journal[-1].address == Address("sms", "sms", PHONE)
    assert sms.journal[-1].text == told.text("taken_outside", code=told.code(RIVERA))


@on_sqlite
async def test_who_need_not_come_any_more_reads_that_without_a_name(told: House) -> None:
    await told.says(MAYA, CRISIS)
    await told.pass_time(minutes=5)
    await told.says(OKAFOR, f"ACK {told.code(OKAFOR)}")
    assert arrived(told, "sms")[-1] == told.text(
        "taken_by_other_outside", adult="Mr. Okafor", code=told.code(RIVERA), program=told.program.school
    )


@on_sqlite
async def test_a_concern_goes_to_the_first_way_alone(told: House) -> None:
    await told.says(MAYA, "nobody likes me")
    assert len(arrived(told, "sms")) == 1
    assert arrived(told, "email") == []
    assert told.phone(RIVERA) == []


@on_sqlite
async def test_who_writes_is_answered_where_they_wrote(told: House) -> None:
    await told.says(RIVERA, "hello")
    assert told.newest(RIVERA).text == told.text("no_cases")
    assert arrived(told, "sms") == []


@on_sqlite
@pytest.mark.parametrize("reply", ["1", "spoke with the student"])
async def test_what_was_done_is_told_by_number_or_in_words_where_there_are_no_buttons(told: House, reply: str) -> None:
    await told.says(MAYA, CRISIS)
    sms, code = told.platforms[1], told.code(RIVERA)
    for text in (f"ACK {code}", f"CLOSE {code}", reply, "1"):
        await told.offer({"chat": PHONE, "text": text}, platform=sms)
        await told.settle()
    assert (told.case().status, told.case().outcome) == ("closed", "spoke-with-student")
    ending = [
        told.text("closed_outside", code=code),
        told.text("resume_ask_outside"),
        told.text("resumed_adult_outside"),
    ]
    assert [sent.text for sent in sms.journal[-3:]] == ending


def test_whatever_names_a_student_or_a_reason_has_words_for_outside(program: Program) -> None:
    for texts in program.texts.values():
        said = {key: text for key, text in texts.items() if not key.startswith("reason_")}
        telling = {key for key, text in said.items() if "{initials}" in text or "{reason}" in text}
        assert telling
        assert telling <= {key.removesuffix("_outside") for key in texts if key.endswith("_outside")}
        assert not telling & {key for key in texts if key.endswith("_outside")}


@on_sqlite
async def test_an_sms_that_did_not_arrive_moves_the_ladder_on_at_once_and_the_number_stays(told: House) -> None:
    await told.says(MAYA, "nobody likes me")
    (alert,) = told.rows(tables.message, kind="alert")
    for platform, code in (("email", "not_delivered"), ("sms", "not_delivered"), ("sms", "not_delivered")):
        await told.app.port.bounced(alert.id, platform, "sms", code)
    await told.settle()
    (alert,) = told.rows(tables.message, id=alert.id)
    assert (alert.status, alert.error) == ("failed", "not_delivered")
    assert told.phone(OKAFOR), "the next adult is told now, not at their time"
    (way,) = told.rows(tables.address, platform="sms")
    assert way.unreachable_at is None


@on_sqlite
@pytest.mark.parametrize("reply", ["1", "2"])
async def test_a_number_never_takes_or_passes_on_a_case_that_came_in_between(told: House, reply: str) -> None:
    await told.says(MAYA, "nobody likes me")
    sms, code = told.platforms[1], told.code(RIVERA)
    for text in (f"ACK {code}", f"CLOSE {code}"):
        await told.offer({"chat": PHONE, "text": text}, platform=sms)
        await told.settle()
    await told.says(MAYA, CRISIS)
    await told.offer({"chat": PHONE, "text": reply}, platform=sms)
    await told.settle()
    crisis = told.rows(tables.escalation, tier="crisis")[0]
    assert (crisis.status, crisis.rung, crisis.acknowledged_by) == ("open", 0, "")
    assert sms.journal[-1].text.startswith("Which case do you mean?")


@on_sqlite
async def test_nobody_joins_by_sms_and_the_code_stays_good_and_out_of_the_log(told: House) -> None:
    now = told.clock.now()
    code = told.write(lambda c: joining.mint(c, MAYA, now, now + timedelta(days=14), platform="telegram"))
    await told.offer({"chat": "+15559999", "text": f"link {code}"}, platform=told.platforms[1])
    await told.settle()
    assert told.rows(tables.address, chat="+15559999") == []
    assert told.rows(tables.join_code)[0].used_at is None
    assert code not in str(told.rows(tables.message))
    assert arrived(told, "sms") == [told.text("link_gone")]
