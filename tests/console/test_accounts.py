"""Staff accounts: the setup code, passwords, sign-ins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlmodel import SQLModel

from bot.domain import Role
from bot.errors import Refused
from storage import accounts, tables
from storage.database import Database

NOW = datetime(2026, 11, 3, 21, 0, tzinfo=UTC)
GOOD = "seven quiet otters"


@pytest.fixture(scope="module")
def good_hash() -> str:
    return accounts.hash_password(GOOD)


def _first(database: Database, token: str, password_hash: str, now: datetime = NOW) -> accounts.Staff:
    return database.write(
        lambda c: accounts.use_first_run(c, token, 1, "Ms. Rivera", "Rivera@School.example", password_hash, now)
    ).result()


def test_the_setup_code_makes_one_coordinator_and_is_spent(database: Database, good_hash: str) -> None:
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    staff = _first(database, token, good_hash)
    assert (staff.name, staff.login, staff.role) == ("Ms. Rivera", "rivera@school.example", Role.COORDINATOR)
    assert accounts.verify(database, "RIVERA@school.example ", GOOD) == staff
    with pytest.raises(Refused, match="used already"):
        _first(database, token, good_hash)


def test_the_setup_code_can_be_typed_with_other_case_and_without_dashes(database: Database) -> None:
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    with database.read() as connection:
        assert accounts.first_run_holds(connection, token.replace("-", "  ").upper(), NOW)
        assert not accounts.first_run_holds(connection, token[:-1], NOW)
        assert not accounts.first_run_holds(connection, "", NOW)


def test_the_setup_code_lives_a_day_and_a_new_one_replaces_it(database: Database, good_hash: str) -> None:
    old = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    with pytest.raises(Refused):
        _first(database, old, good_hash, NOW + timedelta(hours=24))
    new = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    with pytest.raises(Refused):
        _first(database, old, good_hash)
    assert _first(database, new, good_hash).id == 1


def test_no_secret_is_stored_as_it_is(database: Database, good_hash: str) -> None:
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    _first(database, token, good_hash)
    cookie = database.write(lambda c: accounts.sign_in(c, 1, NOW)).result()
    with database.read() as connection:
        stored = "".join(
            str(row)
            for table in ("first_run", "account", "sign_in")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        )
    assert token not in stored
    assert token.replace("-", "") not in stored
    assert cookie not in stored
    assert GOOD not in stored
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored


def test_the_adult_of_the_roster_with_that_address_is_who_signs_in(database: Database, good_hash: str) -> None:
    with database.engine.begin() as connection:
        for id_, role in ((7, "advisor"), (8, "mentee")):
            connection.execute(
                tables.person.insert().values(
                    id=id_, key=str(id_), name=str(id_), role=role, language="en", zone="America/Chicago",
                    email="Rivera@school.example", phone="", status="active", created_at=NOW,
                )
            )  # fmt: skip
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    assert _first(database, token, good_hash).person_id == 7


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 129, "Password1234", "passwordpassword", "QWERTYUIOP12", "123456789012", "098765432109",
     "aaaaaaaaaaaa", "ababababababab", "Nearpeer2026!", "rivera@school.example"],
)  # fmt: skip
def test_an_easy_password_is_refused_with_advice(password: str) -> None:
    with pytest.raises(Refused, match=r"unrelated words"):
        accounts.hash_password(password, "Ms. Rivera", "Rivera@school.example")


@pytest.mark.parametrize(
    "password", [GOOD, "siete nutrias calladas", "🦦🌧️🎺🧦🪁🍉🚲🌵🧊🎈🪴🦉", "Zq7!Zq7!Zq7!Zr", "x" * 100 + "yzvwu"]
)
def test_a_good_password_needs_no_special_signs(password: str) -> None:
    assert accounts.hash_password(password).startswith("$argon2id$")


@settings(max_examples=10, deadline=None)
@given(st.text(min_size=12, max_size=128).filter(lambda word: len(set(word)) > 8))
def test_any_unicode_password_works_unmodified(word: str) -> None:
    try:
        hashed = accounts.hash_password(word)
    except Refused:
        return
    assert accounts._HASHER.verify(hashed, word.encode("utf-8", "surrogatepass"))


def test_a_wrong_password_an_unknown_login_and_a_disabled_account_look_the_same(
    database: Database, good_hash: str
) -> None:
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    _first(database, token, good_hash)
    assert accounts.verify(database, "rivera@school.example", GOOD + "!") is None
    assert accounts.verify(database, "nobody@school.example", GOOD) is None
    database.write(lambda c: accounts.disable(c, 1, NOW)).result()
    assert accounts.verify(database, "rivera@school.example", GOOD) is None


def test_a_login_is_given_once_and_an_advisor_must_be_a_person(database: Database, good_hash: str) -> None:
    def create(id_: int, role: Role) -> accounts.Staff:
        return database.write(
            lambda c: accounts.create_account(
                c, id_, name="Mr. Okafor", login="okafor", password_hash=good_hash, now=NOW, role=role
            )
        ).result()

    create(1, Role.COORDINATOR)
    with pytest.raises(Refused, match="taken"):
        create(2, Role.COORDINATOR)
    with pytest.raises(Refused, match="roster"):
        create(3, Role.ADVISOR)
    with pytest.raises(Refused, match="roster"):
        create(4, Role.MENTEE)


@pytest.fixture
def account(database: Database, good_hash: str) -> Database:
    token = database.write(lambda c: accounts.mint_first_run(c, NOW)).result()
    _first(database, token, good_hash)
    return database


def _holds(database: Database, cookie: str, now: datetime) -> bool:
    with database.read() as connection:
        return accounts.signed_in(connection, cookie, now) is not None


def test_every_sign_in_is_new_and_long(account: Database) -> None:
    cookies = {account.write(lambda c: accounts.sign_in(c, 1, NOW)).result() for _ in range(20)}
    assert len(cookies) == 20
    assert all(len(cookie) == 43 for cookie in cookies)  # 256 bits
    assert all(_holds(account, cookie, NOW) for cookie in cookies)
    assert not _holds(account, "x" * 43, NOW)
    assert not _holds(account, "", NOW)


def test_a_sign_in_ends_after_thirty_idle_minutes_and_after_twelve_hours_at_work(account: Database) -> None:
    cookie = account.write(lambda c: accounts.sign_in(c, 1, NOW)).result()
    assert _holds(account, cookie, NOW + timedelta(minutes=29))
    assert not _holds(account, cookie, NOW + timedelta(minutes=30))
    busy = NOW
    while busy < NOW + timedelta(hours=12) - timedelta(minutes=20):
        busy += timedelta(minutes=20)
        account.write(lambda c, busy=busy: accounts.touch(c, cookie, busy)).result()
    assert _holds(account, cookie, NOW + timedelta(hours=12) - timedelta(seconds=1))
    assert not _holds(account, cookie, NOW + timedelta(hours=12))


def test_signing_out_disabling_and_everywhere_end_sign_ins(account: Database) -> None:
    one, two, three = (account.write(lambda c: accounts.sign_in(c, 1, NOW)).result() for _ in range(3))
    account.write(lambda c: accounts.sign_out(c, one)).result()
    assert [_holds(account, cookie, NOW) for cookie in (one, two, three)] == [False, True, True]
    account.write(lambda c: accounts.sign_out_everywhere(c, 1)).result()
    assert not _holds(account, two, NOW)
    four = account.write(lambda c: accounts.sign_in(c, 1, NOW)).result()
    account.write(lambda c: accounts.disable(c, 1, NOW)).result()
    assert not _holds(account, four, NOW)


def test_sign_ins_that_are_over_are_cleared_away(account: Database) -> None:
    account.write(lambda c: accounts.sign_in(c, 1, NOW)).result()
    account.write(lambda c: accounts.sign_in(c, 1, NOW + timedelta(hours=1))).result()
    with account.read() as connection:
        assert len(connection.execute(select(SQLModel.metadata.tables["sign_in"])).all()) == 1
