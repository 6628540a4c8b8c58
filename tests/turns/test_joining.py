"""A chat is bound to a person by a code: once, for a time, and staff see who did it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain import ActionKind, PersonStatus
from bot.errors import Refused, TryLater
from bot.flows.commands import read_command, read_join_code
from storage import joining, tables
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite

LIVES = timedelta(days=14)


def code_for(house: House, person: int) -> str:
    now = house.clock.now()
    code = house.write(
        lambda connection: joining.mint(connection, person, now, now + LIVES, platform="chat", renew=True)
    )
    assert isinstance(code, str)
    return code


async def opens(house: House, chat: int | str, code: str, **more: Any) -> None:
    await house.offer({"chat": str(chat), "text": f"/start {code}", **more})
    await house.settle()


def reviews(house: House, kind: str = "linked") -> list[tuple[str, int | None]]:
    return [(row.reason, row.person_id) for row in house.rows(tables.review_item) if row.kind == kind]


def chats(house: House, person: int) -> list[str]:
    rows = house.rows(tables.address, person_id=person)
    return [row.chat for row in sorted(rows, key=lambda row: row.position)]


async def test_a_code_binds_the_chat_and_check_ins_come_there(house: House) -> None:
    code = code_for(house, MAYA)
    await opens(house, 4100, code)
    assert chats(house, MAYA) == ["4100", str(MAYA)]
    assert house.phone(4100) == [house.text("linked", name="Maya", school=house.program.school)]
    assert reviews(house) == [("Linked a chat on Web: is it really theirs?", MAYA)]
    assert [(row.actor, row.action) for row in house.rows(tables.audit)] == [("Maya Torres", "linked a chat")]
    await house.begins(MAYA, "mentee-weekly")
    assert house.phone(4100)[-1] == "How is your week, Maya?"
    assert house.phone(MAYA) == []
    await house.says(4100, "Great")
    assert [(row.step, row.value) for row in house.rows(tables.answer)] == [("mood", 3)]


async def test_the_question_that_waits_is_asked_again_in_the_new_chat(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await opens(house, 4100, code_for(house, MAYA))
    assert house.phone(4100)[-1] == "How is your week, Maya?"


async def test_an_adult_who_joins_gets_alerts_there_as_well(house: House) -> None:
    await opens(house, 4300, code_for(house, RIVERA))
    assert house.phone(4300) == [house.text("linked_adult", name="Ms. Rivera", school=house.program.school)]
    await house.says(MAYA, "I want to die")
    assert house.code(RIVERA) in house.phone(4300)[-1]
    assert house.code(RIVERA) in house.phone(RIVERA)[-1]


async def test_f101_a_code_works_once_and_a_second_use_is_refused_and_told(house: House) -> None:
    code = code_for(house, MAYA)
    await opens(house, 4100, code)
    await opens(house, 6666, code)
    assert chats(house, MAYA) == ["4100", str(MAYA)]
    assert house.phone(6666) == [house.text("link_gone")]
    assert reviews(house)[-1] == ("Somebody else opened the link that this person has used", MAYA)
    await house.says(6666, "Who is there?")
    assert [row.person_id for row in house.rows(tables.message, direction="in", chat="6666")] == [None, None]


async def test_who_opens_their_own_link_again_is_told_that_all_is_well(house: House) -> None:
    code = code_for(house, MAYA)
    await opens(house, 4100, code)
    await opens(house, 4100, code)
    assert house.phone(4100)[-1] == house.text("link_again")
    assert len(reviews(house)) == 1


@on_sqlite
async def test_a_code_ends_after_two_weeks(house: House) -> None:
    code = code_for(house, MAYA)
    await house.jump(days=15)
    await opens(house, 4100, code, language="es-MX")
    assert house.phone(4100) == [house.text("link_gone", "es")]
    assert chats(house, MAYA) == [str(MAYA)]
    assert reviews(house) == [("Opened a link that is too old", MAYA)]


@on_sqlite
async def test_a_made_up_code_says_no_more_than_an_old_one(house: House) -> None:
    await opens(house, 4100, "A" * 22)
    assert house.phone(4100) == [house.text("link_gone")]
    assert reviews(house) == [("Opened a link that was never given", None)]


async def test_a_code_that_is_opened_in_somebody_elses_chat_binds_nobody_and_is_used_up(house: House) -> None:
    code = code_for(house, MAYA)
    await opens(house, LEO, code)
    assert (chats(house, MAYA), chats(house, LEO)) == ([str(MAYA)], [str(LEO)])
    assert reviews(house) == [("Their link was opened by Leo Kim, and no longer works", MAYA)]
    await opens(house, 4100, code)
    assert chats(house, MAYA) == [str(MAYA)]


async def test_a_code_is_nowhere_but_with_whom_it_was_given_to(house: House) -> None:
    code = code_for(house, MAYA)
    assert code not in str(house.rows(tables.join_code))
    await opens(house, 4100, code)
    assert code not in str(house.rows(tables.message)) + str(house.rows(tables.audit))
    assert house.rows(tables.message, direction="in")[0].text == "/start"


@on_sqlite
async def test_a_new_code_ends_the_one_before(house: House) -> None:
    old, new = code_for(house, MAYA), code_for(house, MAYA)
    await opens(house, 6666, old)
    await opens(house, 4100, new)
    assert chats(house, MAYA) == ["4100", str(MAYA)]


@on_sqlite
async def test_nobody_gets_a_second_code_unasked(house: House) -> None:
    def mint() -> str | None:
        now = house.clock.now()
        minted: str | None = house.write(
            lambda connection: joining.mint(connection, MAYA, now, now + LIVES, platform="web")
        )
        return minted

    house.write(
        lambda connection: connection.execute(tables.address.delete().where(tables.address.c.person_id == MAYA))
    )
    first = mint()
    assert first is not None
    assert mint() is None
    await opens(house, 4100, first)
    assert mint() is None


@on_sqlite
async def test_f32_a_stranger_is_answered_in_their_language_at_most_every_ten_minutes(house: House) -> None:
    for _ in range(3):
        await house.offer({"chat": "999", "text": "Hola", "language": "es"})
    await house.settle()
    assert house.phone(999) == [house.text("stranger", "es")]
    assert len(reviews(house, "stranger")) == 3


@on_sqlite
@pytest.mark.parametrize("text", ["/adult", "/adulto", "I need to talk to an adult"])
async def test_a_stranger_who_asks_for_an_adult_is_heard(house: House, text: str) -> None:
    await house.says(999, text)
    assert (house.case().tier, house.case().category, house.case().person_id) == ("urgent", "adult-requested", OKAFOR)
    assert house.phone(OKAFOR) or house.phone(RIVERA)


async def test_each_stranger_who_needs_help_is_told_of_by_themselves_and_at_once(house: House) -> None:
    for chat in (998, 999, 998):
        await house.says(chat, "I want to die")
    assert [(row.category, row.person_id) for row in house.rows(tables.escalation)] == [("suicide", OKAFOR)] * 2
    assert len(house.rows(tables.message, kind="alert", person_id=RIVERA)) == 2


@on_sqlite
async def test_start_alone_is_a_call_for_help(house: House) -> None:
    await house.says(MAYA, "/start")
    assert house.phone(MAYA) == [house.text("help")]
    (maya,) = house.rows(tables.person, id=MAYA)
    assert maya.status == PersonStatus.ACTIVE


@pytest.mark.parametrize(
    "text", ["/start", "/start abc", "start " + "A" * 22, "/start " + "A" * 23, "/start " + "ä" * 22]
)
def test_what_holds_no_code_is_none(text: str) -> None:
    assert read_join_code(text) is None


@pytest.mark.parametrize("text", ["/start {}", " /start@lincoln_peers_bot {}\n", "link {}", "/link {}"])
def test_a_code_is_found_as_links_and_people_say_it(text: str) -> None:
    code = "AZaz09_-" * 2 + "ABCDEF"
    assert read_join_code(text.format(code)) == code
    assert read_command("/start") is not None


async def test_staff_take_a_chat_away_that_is_not_its_persons(house: House) -> None:
    await opens(house, 4300, code_for(house, RIVERA))
    (item,) = [row for row in house.rows(tables.review_item) if row.kind == "linked"]
    await house.says(MAYA, "I want to die")
    assert house.code(RIVERA) in house.phone(4300)[-1]
    before = len(house.phone(4300))
    await house.staff(ActionKind.UNLINK, item.id)
    assert chats(house, RIVERA) == [str(RIVERA)]
    await house.pass_time(minutes=20)
    assert len(house.phone(4300)) == before, "nothing goes there any more"
    (item,) = house.rows(tables.review_item, id=item.id)
    assert item.reviewed_by == "Ms. Chen (console)"
    assert ("Ms. Chen (console)", "unlinked a chat") in {(row.actor, row.action) for row in house.rows(tables.audit)}
    with pytest.raises(Refused, match="not linked any more"):
        await house.staff(ActionKind.UNLINK, item.id)
    assert code_for(house, RIVERA), "and may get a new link"


async def test_an_alert_that_waited_for_a_chat_that_was_taken_away_moves_the_ladder_on(house: House) -> None:
    await opens(house, 4300, code_for(house, RIVERA))
    (item,) = [row for row in house.rows(tables.review_item) if row.kind == "linked"]
    house.platform.plan(4300, *[TryLater("busy", 3600)] * 3)
    await house.says(MAYA, "nobody likes me")
    assert house.phone(OKAFOR) == []
    await house.staff(ActionKind.UNLINK, item.id)
    assert len(house.phone(OKAFOR)) == 1


async def test_only_an_item_that_tells_of_a_link_takes_one_away(house: House) -> None:
    await opens(house, 4100, code_for(house, MAYA))
    await opens(house, 4999, code_for(house, MAYA))
    await house.says(MAYA, "hello")
    others = [row.id for row in house.rows(tables.review_item) if not row.reason.startswith("Linked a chat")]
    for item in (*others, 12345):
        with pytest.raises(Refused):
            await house.staff(ActionKind.UNLINK, item)
    assert chats(house, MAYA)[-1] == str(MAYA)


async def test_who_guesses_codes_fills_no_list_and_a_real_code_still_works(house: House) -> None:
    for number in range(5):
        await opens(house, 4666, f"guess-number-{number}-0123456")
    assert reviews(house) == [("Opened a link that was never given", None)]
    assert house.phone(4666) == [house.text("link_gone")]
    await opens(house, 4666, code_for(house, MAYA))
    assert "4666" in chats(house, MAYA)
    await house.jump(minutes=11)
    await opens(house, 4777, "guess-number-9-0123456")
    assert len(reviews(house)) == 3


async def test_what_only_looks_like_a_code_is_kept_and_what_alarms_in_it_alarms(house: House) -> None:
    looks_like_one = "link nobodycaresaboutme_all"
    await house.says(MAYA, looks_like_one)
    assert house.rows(tables.message, direction="in")[0].text == looks_like_one
    assert reviews(house) == [("Opened a link that was never given", MAYA)]
    await house.says(MAYA, "link i_want_to_die_i_cannot")
    assert house.case().tier == "crisis"
    assert house.rows(tables.message, direction="in")[1].text == "link i_want_to_die_i_cannot"
