"""Nobody is forgotten on hold: who is asked nothing since a crisis is missed by no rule, so staff are reminded."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import ActionKind
from storage import review, tables, timeline
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_ladder import crisis

REASON = "On hold, though no case is open: let check-ins go on, or say hello"


def reminders(house: House) -> list[int]:
    return [row.person_id for row in house.rows(tables.review_item) if row.reason == REASON]


async def closed(house: House, outcome: str = "spoke-with-student") -> None:
    """An adult takes the case and closes it on the staff pages, where no button asks whether check-ins go on."""
    (case,) = house.rows(tables.escalation)
    for kind in (ActionKind.TAKE, ActionKind.CLOSE):
        await house.staff(kind, case.id, actor_person_id=RIVERA, outcome=outcome, note="Talked at lunch")


async def test_after_a_closed_crisis_staff_are_reminded_of_who_is_still_on_hold(house: House) -> None:
    await crisis(house)
    await house.pass_time(hours=2)
    assert reminders(house) == [], "a case that is open is reminder enough"
    await closed(house)
    await house.pass_time(hours=23)
    assert reminders(house) == []
    await house.pass_time(days=2)
    assert reminders(house) == [MAYA]
    assert any("Waiting for you on the staff pages" in text for text in house.phone(RIVERA))
    await house.pass_time(days=4)
    assert reminders(house) == [MAYA]
    for _ in range(4):
        await house.pass_time(days=1)
    assert reminders(house) == [MAYA, MAYA], "once a week, until somebody lets them go on"
    await house.staff(ActionKind.RESUME, MAYA, actor_person_id=RIVERA)
    for _ in range(9):
        await house.pass_time(days=1)
    assert reminders(house) == [MAYA, MAYA]


@on_sqlite
async def test_who_paused_or_stopped_by_themselves_is_left_alone(house: House) -> None:
    await house.says(MAYA, "/pause")
    await house.says(LEO, "/stop")
    for _ in range(5):
        await house.pass_time(days=1)
    assert reminders(house) == []


@on_sqlite
async def test_a_mentee_whose_contact_rests_after_a_report_is_not_forgotten_either(house: House) -> None:
    await house.says(MAYA, "/report")
    await closed(house)
    for _ in range(3):
        await house.pass_time(days=1)
    assert reminders(house) == [MAYA], "and nothing is said of the mentor"


async def test_a_closed_case_says_that_its_student_is_on_hold_until_they_are_not(house: House) -> None:
    def rests() -> bool:
        with house.database.read() as connection:
            (case,) = review.closed_cases(connection, None, house.clock.now() - timedelta(days=7), OKAFOR)
            profile = timeline.profile(connection, MAYA, None, OKAFOR)
            maya = next(one for one in timeline.people(connection, None, OKAFOR) if one.id == MAYA)
        assert profile is not None
        assert [one.status == "paused" for one in (profile, maya)] == [case.rests, case.rests]
        return case.rests

    await crisis(house)
    await closed(house)
    assert rests()
    await house.staff(ActionKind.RESUME, MAYA, actor_person_id=RIVERA)
    assert not rests()


@on_sqlite
async def test_whom_a_case_is_about_reads_no_reminder_of_it(house: House) -> None:
    def listed(adult: int) -> list[str]:
        with house.database.read() as connection:
            return [item.reason for item in review.items(connection, None, adult)[0] if item.reason == REASON]

    await crisis(house)
    await closed(house)
    left_out = tables.escalation.update().values(left_out=f",{RIVERA},")
    house.write(lambda connection: connection.execute(left_out))
    for _ in range(3):
        await house.pass_time(days=1)
    assert (listed(RIVERA), listed(OKAFOR)) == ([], [REASON])
