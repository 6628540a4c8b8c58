"""What the fairness report is counted from: students with language and grade, and when an adult first had a case."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from bot.domain import ActionKind
from bot.fairness import PERIOD
from storage import grades, tables
from storage.fairness import Student, cases, students
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House


async def test_the_first_adult_who_had_a_case_counts_however_often_it_was_opened_again(house: House) -> None:
    house.write(lambda connection: grades.put(connection, MAYA, "9"))
    with house.database.read() as connection:
        assert students(connection) == [Student(MAYA, "en", "9"), Student(LEO, "en", "")]
    await house.says(MAYA, "I want to die")
    case, opened_at = house.case().id, house.clock.now()
    house.clock.set(house.clock.now() + timedelta(minutes=4))
    await house.staff(ActionKind.TAKE, case, actor_person_id=RIVERA)
    house.clock.set(house.clock.now() + timedelta(minutes=10))
    await house.staff(ActionKind.CLOSE, case, actor_person_id=RIVERA, outcome="not-a-concern", note="song lyrics")
    with house.database.read() as connection:
        (found,) = cases(connection, opened_at, None)
        assert cases(connection, opened_at + PERIOD, None) == []
    assert (found.person_id, found.false_alarm, found.opened_at) == (MAYA, True, opened_at)
    assert found.taken_at == opened_at + timedelta(minutes=4)
    await house.staff(ActionKind.REOPEN, case, actor_person_id=OKAFOR)
    await house.staff(ActionKind.TAKE, case, actor_person_id=OKAFOR)
    with house.database.read() as connection:
        (again,) = cases(connection, opened_at, OKAFOR)
    assert (again.false_alarm, again.taken_at) == (None, opened_at + timedelta(minutes=4))


async def test_drills_and_what_a_reader_must_not_know_of_are_not_counted(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.says(LEO, "they hit me")
    case = tables.escalation
    house.write(lambda connection: connection.execute(update(case).where(case.c.person_id == LEO).values(drill=True)))
    about = update(case).where(case.c.person_id == MAYA).values(left_out=f",{OKAFOR},")
    house.write(lambda connection: connection.execute(about))
    with house.database.read() as connection:
        since = house.clock.now() - PERIOD
        assert [one.person_id for one in cases(connection, since, RIVERA)] == [MAYA]
        assert cases(connection, since, OKAFOR) == []
        assert cases(connection, since, None) == []
