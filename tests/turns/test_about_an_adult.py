"""What may be about an adult of the program: that adult is told nothing and sees nothing, the bypass person is told."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.domain import SOME_ADULT, ActionKind, Address, DeliveryNews, InboundKind, News, Person, Role, Tier
from bot.errors import Refused, TryLater
from bot.program import Program
from bot.safety.rules import Case
from bot.school import leave
from bot.turns import cases
from bot.turns.draft import Draft
from bot.turns.handle import Turns
from bot.turns.rungs import standing
from storage import answers, people, review, tables, timeline
from storage.batch import Batch
from storage.database import Database
from tests.school import CANARY, LEO, MAYA, NOON, OKAFOR, PACK, PLAN, RIVERA, House, house, on_sqlite, tiny_program
from tests.turns.test_ladder import alerts

CHEN = 15
ABUSE = """
  - {id: touched, tier: crisis, category: abuse, label: Was touched, phrases: [touched me], negation: false}
"""


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    """The little school with Ms. Chen, whom it named for what may be about one of the others."""
    program = tiny_program(tmp_path, plan=f"{PLAN}bypass: Chen\n", pack=PACK + ABUSE)
    made = house(database, program)
    chen = Person(CHEN, "chen", "Ms. Chen", Role.COORDINATOR, "en", "")
    made.write(lambda connection: people.add(connection, chen, made.clock.now(), CHEN + 100))
    return made


def opened(house: House, case: Case) -> None:
    """A case about Maya, as something other than a text brings it."""
    turns: Turns = house.app.turns

    def unit(connection: object) -> None:
        draft: Draft = turns._draft(Batch(connection), f"test:{case.category}")  # type: ignore[arg-type]
        maya = people.load(draft.connection, MAYA)
        assert maya is not None
        cases.open_or_join(draft, maya, case)
        turns._save(draft)

    house.write(unit)


async def test_who_is_named_in_words_about_abuse_is_never_told_and_the_bypass_person_is_at_once(school: House) -> None:
    await school.says(MAYA, f"Ms Rivera touched me {CANARY}")
    assert (alerts(school, RIVERA), alerts(school, CHEN)) == (0, 1)
    await school.pass_time(hours=2)
    assert alerts(school, RIVERA) == 0
    assert alerts(school, OKAFOR) > 3
    assert "Rivera" not in school.phone(MAYA)[0], "the card sends nobody to whom it is about"
    assert "Ms. Chen" in school.phone(MAYA)[0]


async def test_who_it_is_about_reads_nothing_of_it_on_the_staff_pages(school: House) -> None:
    await school.says(MAYA, f"Ms Rivera touched me {CANARY}")
    case = school.case().id
    with school.database.read() as connection:
        for reader, sees in ((RIVERA, False), (None, False), (OKAFOR, True), (CHEN, True)):
            caseload = RIVERA if reader == RIVERA else None
            assert bool(review.waiting_cases(connection, caseload, reader)) is sees
            assert (review.case_history(connection, case, caseload, reader) is not None) is sees
            assert bool(review.items(connection, caseload, reader)[1]) is sees
            entries, _ = timeline.timeline(connection, MAYA, reader)
            assert (CANARY in str([entry.text for entry in entries])) is sees
            assert any(entry.status == "crisis" or "988" in entry.text for entry in entries) is sees
            counted = {line.name: line.open_cases for line in timeline.people(connection, caseload, reader)}
            assert counted["Maya Torres"] == int(sees)
            assert CANARY not in str([one.reply for one in answers.page(connection, caseload, RIVERA)[0]])
    with pytest.raises(Refused, match="does not exist"):
        await school.staff(ActionKind.TAKE, case, actor_person_id=RIVERA)


async def test_who_has_a_case_that_turns_out_to_be_about_them_has_it_no_longer_and_hears_no_more(
    school: House,
) -> None:
    await school.says(MAYA, f"he touched me {CANARY}")
    await school.taps(RIVERA, "I have it")
    told, code = alerts(school, RIVERA), school.code(RIVERA)
    await school.says(MAYA, f"Ms Rivera touched me {CANARY}")
    case = school.case()
    assert (case.status, case.left_out, alerts(school, CHEN)) == ("open", f",{RIVERA},", 1)
    await school.pass_time(hours=2)
    await school.says(RIVERA, f"ACK {code}")
    assert school.newest(RIVERA).text == "This case does not exist."
    await school.says(RIVERA, "ok")
    assert code not in school.newest(RIVERA).text
    assert (alerts(school, RIVERA), school.case().status) == (told, "open")


@on_sqlite
async def test_what_is_written_later_stays_hidden_from_who_was_left_out(school: House) -> None:
    await school.says(MAYA, f"Ms Rivera touched me {CANARY}")
    await school.says(MAYA, f"he touched me again {CANARY}")
    assert school.case().left_out == f",{RIVERA},"
    assert alerts(school, RIVERA) == 0


@on_sqlite
async def test_where_nobody_said_which_adult_only_those_are_told_whom_the_school_named_for_it(school: House) -> None:
    opened(school, Case(Tier.URGENT, "mentor-worried", "About an adult here", about_adult=SOME_ADULT))
    await school.settle()
    await school.pass_time(hours=3)
    assert (alerts(school, RIVERA), alerts(school, CHEN) > 0, alerts(school, OKAFOR) > 0) == (0, True, True)


@on_sqlite
async def test_the_bypass_person_and_the_safety_contact_are_left_out_of_what_is_about_them(school: House) -> None:
    for adult, other in ((CHEN, OKAFOR), (OKAFOR, CHEN)):
        before = alerts(school, adult)
        opened(school, Case(Tier.CRISIS, f"about-{adult}", "About an adult here", about_adult=adult))
        await school.pass_time(hours=1)
        assert (alerts(school, adult), alerts(school, other) > 0) == (before, True)
        for row in school.rows(tables.escalation, status="open"):
            await school.staff(ActionKind.CLOSE, row.id, outcome="handed-to-counselor")


@on_sqlite
async def test_all_are_told_at_once_where_somebody_is_with_the_student_and_waits(school: House) -> None:
    opened(school, Case(Tier.CRISIS, "danger", "Somebody is with them", everyone=True))
    await school.settle()
    assert (alerts(school, RIVERA), alerts(school, OKAFOR)) == (1, 1)


@on_sqlite
async def test_all_are_told_at_once_also_of_a_case_that_somebody_has(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.taps(RIVERA, "I have it")
    opened(school, Case(Tier.CRISIS, "suicide", "Somebody is with them", everyone=True))
    await school.settle()
    assert (alerts(school, OKAFOR), school.case().acknowledged_by) == (1, "Ms. Rivera")


def test_without_a_bypass_person_the_case_stays_with_everybody_else(program: Program, database: Database) -> None:
    made = house(database, program)
    opened(made, Case(Tier.CRISIS, "danger", "About an adult here", about_adult=RIVERA))
    rungs = made.case().ladder["rungs"]
    assert [rung["people"] for rung in rungs] == [[OKAFOR]]


async def test_the_safety_contact_can_be_named_where_there_is_no_bypass_person_and_others_are_told(
    program: Program, database: Database
) -> None:
    made = house(database, program)
    await made.says(LEO, "/tell")
    await made.taps(LEO, "It is about an adult here")
    told = len(made.phone(OKAFOR))
    await made.taps(LEO, "Mr. Okafor")
    assert (made.case().left_out, alerts(made, RIVERA)) == (f",{OKAFOR},", 1)
    await made.pass_time(hours=2)
    assert (len(made.phone(OKAFOR)), alerts(made, RIVERA) > 1) == (told, True)


@on_sqlite
async def test_who_names_one_adult_after_the_other_cannot_make_that_nobody_is_told(school: House) -> None:
    for number, name in enumerate(("Rivera", "Okafor", "Chen")):
        await school.says(MAYA, f"{name} touched me")
        told = {one for rung in school.case().ladder["rungs"] for one in rung["people"]}
        assert told, f"nobody after {number + 1} names"
        assert not told & {int(one) for one in school.case().left_out.split(",") if one}
    assert school.case().left_out == f",{CHEN},", "the newest word counts"


@on_sqlite
async def test_where_only_who_was_left_out_is_still_there_they_are_told(school: House) -> None:
    await school.says(MAYA, "Ms Rivera touched me")
    for key in ("chen", "okafor"):
        leave(school.database, school.clock, key)
    await school.pass_time(hours=1)
    assert (alerts(school, RIVERA) > 0, school.case().left_out) == (True, "")
    await school.taps(RIVERA, "I have it")
    assert school.case().status == "acknowledged"


@on_sqlite
async def test_a_crisis_in_which_an_adult_is_named_later_climbs_as_fast_as_before(school: House) -> None:
    await school.says(LEO, "/tell")
    await school.taps(LEO, "Someone is in danger")
    before = school.case().ladder
    await school.taps(LEO, "Somebody else")
    await school.taps(LEO, "Skip")
    await school.taps(LEO, "Ms. Rivera")
    after = school.case().ladder
    assert (school.case().tier, school.case().left_out) == ("crisis", f",{RIVERA},")
    assert {one: after[one] for one in ("hold", "repeat", "grace", "hours")} == {
        one: before[one] for one in ("hold", "repeat", "grace", "hours")
    }
    assert {rung["wait"] for rung in after["rungs"][:-1]} <= {rung["wait"] for rung in before["rungs"]}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Mr. O'Brien", "mr o'brien touched me"),
        ("Mr. O\u2019Brien", "mr O'Briens hand touched me"),
        ("Mr. O'Brien", "obrien touched me"),
        ("Mr. O'Brien", "mr O\u2019Brien's friend touched me"),
        ("Ms. Lopez-Garcia", "ms lopez-garcia touched me"),
        ("Ana Green (she/her)", "ms greens husband, touched me"),
        ("Ms. Lopez-Garcia", "ms lopez garcia touched me"),
        ("Sr. Mu\u00f1oz", "munoz touched me"),
    ],
)
@on_sqlite
async def test_a_name_is_known_however_it_is_written(school: House, name: str, written: str) -> None:
    obrien = Person(16, "obrien", name, Role.COORDINATOR, "en", "")
    school.write(lambda connection: people.add(connection, obrien, school.clock.now(), 116))
    await school.says(MAYA, written)
    assert school.case().left_out == ",16,"


@on_sqlite
async def test_an_alert_that_is_stuck_on_its_way_to_whom_it_is_about_goes_nowhere_else(school: House) -> None:
    opened(school, Case(Tier.URGENT, "danger", "Something is wrong"))
    (alert,) = school.rows(tables.message, person_id=RIVERA, kind="alert")
    school.write(lambda c: people.add_address(c, RIVERA, Address("telegram", "123", "77"), 900, 0))
    opened(school, Case(Tier.URGENT, "danger", "It is about her", about_adult=RIVERA))
    await school.app.turns.handle(DeliveryNews(alert.id, News.LATE))
    assert len(school.rows(tables.message, person_id=RIVERA)) == 1


@on_sqlite
async def test_old_buttons_say_nothing_to_whom_the_case_is_about_by_now(school: House) -> None:
    await school.says(MAYA, "he touched me")
    await school.taps(RIVERA, "I have it")
    await school.says(MAYA, "Ms Rivera touched me")
    for label in ("Close", "Pass on", "Need help"):
        await school.taps(RIVERA, label)
        assert school.newest(RIVERA).text == "This case does not exist."


@pytest.mark.parametrize(
    "words", [("Ms Rivera tuched me", "Ms Rivera touched me"), ("Ms Rivera touched me", "nothing")]
)
async def test_no_wording_of_a_message_that_was_changed_is_shown_to_whom_it_is_about(
    school: House, words: tuple[str, str]
) -> None:
    for number, text in enumerate((*words, "oh well")):
        kind = InboundKind.EDIT if number else InboundKind.TEXT
        await school.offer({"chat": str(MAYA), "text": f"{text} {CANARY}", "provider_id": "m1", "kind": kind})
        await school.settle()
    assert school.case().left_out == f",{RIVERA},"
    with school.database.read() as connection:
        seen = {one: str(timeline.timeline(connection, MAYA, one)[0]) for one in (RIVERA, OKAFOR)}
        texts = {one: str([e.text for e in timeline.timeline(connection, MAYA, one)[0]]) for one in (RIVERA, OKAFOR)}
    assert (texts[RIVERA].count(CANARY), texts[OKAFOR].count(CANARY)) == (0, 3), seen


@on_sqlite
async def test_who_it_is_about_does_not_read_that_another_adult_has_seen_it(school: House) -> None:
    await school.says(MAYA, "Ms Rivera touched me")
    await school.taps(CHEN, "I have it")
    with school.database.read() as connection:
        shown = {one: str([e.text for e in timeline.timeline(connection, MAYA, one)[0]]) for one in (RIVERA, OKAFOR)}
    assert ("Ms. Chen has seen" in shown[RIVERA], "Ms. Chen has seen" in shown[OKAFOR]) == (False, True)


@on_sqlite
async def test_whom_a_mentors_line_about_abuse_names_is_not_called_to_them(school: House) -> None:
    await school.says(LEO, "/tell")
    await school.taps(LEO, "I am worried about someone")
    await school.taps(LEO, "Maya")
    before = alerts(school, RIVERA)
    await school.says(LEO, "she says Ms Rivera touched me")
    await school.says(LEO, "/tell")
    await school.taps(LEO, "Someone is in danger")
    assert {row.left_out for row in school.rows(tables.escalation)} == {f",{RIVERA},"}
    assert (alerts(school, RIVERA), alerts(school, CHEN) > 0) == (before, True)


@pytest.mark.parametrize("words", ["he touched me", "I want to die"])
async def test_a_message_that_is_being_tried_while_the_case_turns_out_to_be_about_its_reader_is_not_tried_again(
    school: House, words: str
) -> None:
    school.platform.plan(RIVERA, *[TryLater("busy", 60)] * 2)
    school.platform.plan(OKAFOR, *[TryLater("busy", 60)] * 2)
    await school.says(MAYA, "he touched me")
    await school.says(MAYA, words)
    message = tables.message
    mine = (message.c.person_id == RIVERA, message.c.status == "pending")
    school.write(lambda c: c.execute(update(message).where(*mine).values(status="sending", lease_token=-1)))
    await school.says(MAYA, "Ms Rivera touched me")
    school.write(lambda c: c.execute(update(message).where(message.c.lease_token == -1).values(status="pending")))
    await school.pass_time(minutes=30)
    told = [text for text in school.phone(RIVERA) if "Was touched" in text]
    assert (told, alerts(school, CHEN) > 0) == ([], True)


@pytest.mark.parametrize("bypass", ["", "bypass: Chen\n"])
@on_sqlite
def test_whoever_is_left_out_has_left_or_is_off_duty_somebody_stands_at_the_end(
    database: Database, tmp_path: Path, bypass: str
) -> None:
    plan = PLAN.replace("tell: [advisor]", "tell: [on-duty]")
    gap = "duty: {start: 2026-09-28, weeks: [rivera], instead: [{first: 2026-10-05, who: []}]}\n"
    school = house(database, tiny_program(tmp_path, plan=plan + gap + bypass))
    school.write(lambda c: people.add(c, Person(CHEN, "chen", "Ms. Chen", Role.COORDINATOR, "en", ""), NOON, 115))
    keys = {RIVERA: "rivera", OKAFOR: "okafor", CHEN: "chen"}
    some = [group for size in range(4) for group in combinations(keys, size)]

    def look(connection: object) -> None:
        draft = school.app.turns._draft(Batch(connection), "test")  # type: ignore[arg-type]
        maya = people.load(draft.connection, MAYA)
        assert maya is not None
        for tier, about, known in product((Tier.CRISIS, Tier.CONCERN), (None, SOME_ADULT, *keys), some):
            who = standing(draft, maya, Case(tier, "danger", "", about_adult=about), known)
            told = {one for rung in who.ladder.rungs for one in rung.people}
            present = set(keys) - set(gone)
            assert told <= present
            assert bool(told) is bool(present), (gone, about, known)
            assert not told & set(who.left_out)
            assert all(rung.people for rung in who.ladder.rungs)
            assert not present - {about, *known} or about not in told

    for gone in some:
        for id_, key in keys.items():
            leave(school.database, school.clock, key, back=id_ not in gone)
        school.write(look)


async def test_what_the_student_writes_while_the_case_is_open_is_not_shown_to_whom_it_is_about(school: House) -> None:
    await school.says(MAYA, f"before {CANARY}")
    await school.pass_time(minutes=1)
    await school.says(MAYA, "Ms Rivera touched me")
    await school.pass_time(minutes=1)
    await school.begins(MAYA, "mentee-weekly")
    for text in ("please do not tell her", "I am afraid of tomorrow", "/adult because of her"):
        await school.says(MAYA, f"{text} {CANARY}")
    await school.says(LEO, f"from Leo {CANARY}")
    with school.database.read() as connection:
        for reader, seen in ((RIVERA, ["before", "from Leo"]), (OKAFOR, None)):
            lines = [entry.text for who in (MAYA, LEO) for entry in timeline.timeline(connection, who, reader)[0]]
            items, count = review.items(connection, None, reader)
            lines += [item.words.text for item in items if item.words]
            lines += [one.reply for one in answers.page(connection, None, reader)[0]]
            assert count == len(items)
            found = {text.partition(f" {CANARY}")[0] for text in lines if CANARY in text}
            assert sorted(found) == (
                seen
                or ["/adult because of her", "I am afraid of tomorrow", "before", "from Leo", "please do not tell her"]
            )
    await school.taps(CHEN, "I have it")
    abuse = school.rows(tables.escalation, category="abuse")[0]
    await school.staff(ActionKind.CLOSE, abuse.id, outcome="report-made", note="October 5, county, 17")
    await school.pass_time(minutes=1)
    await school.says(MAYA, f"after {CANARY}")
    with school.database.read() as connection:
        lines = [entry.text for entry in timeline.timeline(connection, MAYA, RIVERA)[0]]
    assert [text for text in lines if CANARY in text] == [f"after {CANARY}", f"before {CANARY}"]
