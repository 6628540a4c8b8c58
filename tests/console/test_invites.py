"""How adults of the roster get their staff account: a code from the command line, which works once, for them alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot import school
from bot.domain import Role
from bot.errors import Refused
from storage import accounts
from storage.accounts import Staff
from storage.database import Database
from tests.fakes.memory import Hands
from tests.school import MAYA, NOON, OKAFOR, RIVERA, move_in

PASSWORD = "seven quiet otters"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return accounts.hash_password(PASSWORD)


@pytest.fixture
def lincoln(database: Database) -> Database:
    database.write(move_in).result()
    return database


def invited(lincoln: Database, key: str) -> str:
    return school.invite(lincoln, Hands(NOON), key)[1]


def made(lincoln: Database, code: str, id_: int, hash_: str, login: str = "r@lincoln.example", days: int = 0) -> Staff:
    now = NOON + timedelta(days=days)
    return lincoln.write(lambda c: accounts.use_first_run(c, code, id_, "Somebody", login, hash_, now)).result()


def sign_ins(lincoln: Database) -> Sequence[tuple[str, str]]:
    return [(person.key, login) for person, login in school.sign_ins(lincoln)]


def test_an_adult_makes_their_account_as_the_roster_knows_them(lincoln: Database, password_hash: str) -> None:
    rivera = made(lincoln, invited(lincoln, "rivera"), 1, password_hash, days=6)
    okafor = made(lincoln, invited(lincoln, "okafor"), 2, password_hash, "o@lincoln.example")
    assert (rivera.name, rivera.role, rivera.person_id) == ("Ms. Rivera", Role.ADVISOR, RIVERA)
    assert rivera.caseload_of == RIVERA, "and sees her own students"
    assert (okafor.name, okafor.role, okafor.person_id) == ("Mr. Okafor", Role.COORDINATOR, OKAFOR)
    assert sign_ins(lincoln) == [("okafor", "o@lincoln.example"), ("rivera", "r@lincoln.example")]
    assert accounts.verify(lincoln, "r@lincoln.example", PASSWORD) == rivera


def test_a_code_works_once_for_a_week_and_until_the_next_one_for_the_same_adult(
    lincoln: Database, password_hash: str
) -> None:
    old, other = invited(lincoln, "rivera"), invited(lincoln, "okafor")
    code = invited(lincoln, "Rivera")
    for refused, days in ((old, 0), (code, 7)):
        with pytest.raises(Refused, match="mistyped, used already, or too old"):
            made(lincoln, refused, 1, password_hash, days=days)
    made(lincoln, code, 1, password_hash)
    with pytest.raises(Refused, match="used already"):
        made(lincoln, code, 2, password_hash)
    with pytest.raises(Refused, match="taken"):
        made(lincoln, other, 2, password_hash)
    made(lincoln, other, 2, password_hash, "o@lincoln.example")


def test_who_forgot_their_password_begins_anew_and_is_signed_in_nowhere_else(
    lincoln: Database, password_hash: str
) -> None:
    made(lincoln, invited(lincoln, "rivera"), 1, password_hash)
    cookie = lincoln.write(lambda c: accounts.sign_in(c, 1, NOON)).result()
    again = made(lincoln, invited(lincoln, "rivera"), 2, accounts.hash_password("three other words"))
    assert (again.role, again.person_id) == (Role.ADVISOR, RIVERA)
    assert accounts.verify(lincoln, "r@lincoln.example", PASSWORD) is None
    assert accounts.verify(lincoln, "r@lincoln.example", "three other words") == again
    with lincoln.read() as connection:
        assert accounts.signed_in(connection, cookie, NOON) is None


def test_the_first_coordinator_stays_one_with_a_new_password(lincoln: Database, password_hash: str) -> None:
    """Whatever the roster calls them: else nobody might be left who sees the whole program."""
    lincoln.write(
        lambda c: accounts.create_account(
            c, 1, name="Ms. Rivera", login="r", password_hash=password_hash, now=NOON, person_id=RIVERA
        )
    ).result()
    assert made(lincoln, invited(lincoln, "rivera"), 2, password_hash).role is Role.COORDINATOR


def test_students_and_who_has_left_get_none(lincoln: Database, password_hash: str) -> None:
    with pytest.raises(Refused, match="no adult of the program"):
        invited(lincoln, "maya")
    made(lincoln, invited(lincoln, "rivera"), 1, password_hash)
    code = invited(lincoln, "rivera")
    school.leave(lincoln, Hands(NOON), "rivera")
    assert accounts.verify(lincoln, "r@lincoln.example", PASSWORD) is None, "their account is closed"
    with pytest.raises(Refused, match="no longer an adult"):
        made(lincoln, code, 2, password_hash)
    with pytest.raises(Refused, match="no adult of the program"):
        invited(lincoln, "rivera")
    assert sign_ins(lincoln) == [("okafor", "")]


def test_a_student_cannot_use_a_code_that_was_made_in_their_name(lincoln: Database, password_hash: str) -> None:
    code = lincoln.write(lambda c: accounts.mint_first_run(c, NOON, MAYA)).result()
    with pytest.raises(Refused, match="no longer an adult"):
        made(lincoln, code, 1, password_hash)
