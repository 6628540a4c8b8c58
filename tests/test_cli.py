"""The command words, as a school secretary or an author of flows gives them: what they say, and their exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import cli, linking, program, school
from bot.clock import SystemClock
from bot.domain import Message, MessageKind, Priority, Turn
from bot.errors import Refused
from bot.instance import alone
from bot.program import Program
from storage import accounts, outbox, people
from storage.database import Database
from storage.turns import save_turn
from tests.crash.outside import ROOT, School
from tests.fakes.telegram import TOKEN, beside

HEAVY = ("sqlalchemy", "sqlmodel", "starlette", "uvicorn", "pydantic", "ruamel", "apscheduler", "jinja2", "alembic")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Nearpeer = Callable[..., Said]


@pytest.fixture
def nearpeer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Nearpeer:
    """Give a command in this process."""

    def give(*words: str | Path, typed: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["nearpeer", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return give


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("seeded") / "school")


@pytest.fixture
def lincoln(seeded: School, tmp_path: Path) -> School:
    """A school whose roster is imported and whose links were handed out."""
    return seeded.moved_to(tmp_path / "lincoln")


@pytest.fixture
def new(tmp_path: Path, nearpeer: Nearpeer) -> Path:
    """A folder just made."""
    assert nearpeer("init", tmp_path / "new").code == 0
    return tmp_path / "new"


# --- help ----------------------------------------------------------------------------------------------------------


def test_help_loads_nothing_heavy() -> None:
    ask = "import sys; from bot.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    words = [sys.executable, "-c", ask, "--help"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    text, _, modules = said.stdout.strip().rpartition("\n")
    assert "bot.cli" in modules.split()
    assert not {name for name in modules.split() if name.partition(".")[0] in HEAVY or name.startswith("storage")}
    assert all(f"\n  {word} " in text for word in ("init", "check", "roster", "links", "run", "demo", "play", "screen"))


def test_an_unknown_command_says_so_without_a_traceback(nearpeer: Nearpeer) -> None:
    said = nearpeer("rooster")
    assert said.code == 2
    assert "No such command 'rooster'" in said.err


def test_a_forgotten_file_is_asked_for(nearpeer: Nearpeer, new: Path) -> None:
    said = nearpeer("roster", new)
    assert said.code == 2
    assert "FILE.csv" in said.err


# --- a school's folder ---------------------------------------------------------------------------------------------


def test_init_makes_a_folder_that_check_finds_nothing_wrong_with(nearpeer: Nearpeer, tmp_path: Path) -> None:
    made = nearpeer("init", tmp_path / "lincoln")
    assert made.code == 0
    assert f"nearpeer check {tmp_path / 'lincoln'}" in made.out
    checked = nearpeer("check", tmp_path / "lincoln")
    assert checked.code == 0
    looked_at = [line for line in checked.out.splitlines() if line.startswith("look")]
    assert looked_at == [
        "look Somebody is told of what may be about an adult of the program.",
        "look Adults are told in more than one way.",
        "look Somebody is told when Nearpeer itself is in trouble.",
    ]
    assert "Nothing stands in the way" in checked.out


def test_a_new_school_is_not_ready_for_real_students_and_reads_why(nearpeer: Nearpeer, tmp_path: Path) -> None:
    nearpeer("init", tmp_path / "lincoln")
    checked = nearpeer("check", tmp_path / "lincoln", "--live")
    assert checked.code == 1
    assert "NOT YET There was no drill yet" in checked.out
    assert "NOT YET Nobody hears when this computer is off" in checked.out
    assert "Not ready for real students" in checked.err


def test_init_leaves_a_folder_that_holds_something_alone(nearpeer: Nearpeer, new: Path) -> None:
    before = sorted(path.stat().st_mtime_ns for path in new.rglob("*"))
    said = nearpeer("init", new)
    assert said.code == 1
    assert "is not empty" in said.err
    assert sorted(path.stat().st_mtime_ns for path in new.rglob("*")) == before


@pytest.mark.parametrize("word", ["check", "links", "run"])
def test_a_folder_that_is_not_there_is_named(nearpeer: Nearpeer, tmp_path: Path, word: str) -> None:
    said = nearpeer(word, tmp_path / "lincon")
    assert said.code == 1
    assert said.err == (
        f"There is no folder {tmp_path / 'lincon'}. To make a school's folder: nearpeer init {tmp_path / 'lincon'}\n"
    )


def test_a_folder_of_something_else_is_no_schools_folder(nearpeer: Nearpeer, tmp_path: Path) -> None:
    said = nearpeer("links", tmp_path)
    assert said.code == 1
    assert "no nearpeer.toml in it" in said.err
    assert not list(tmp_path.iterdir())


def test_check_names_file_and_line_of_what_is_wrong(nearpeer: Nearpeer, new: Path) -> None:
    flow, settings = new / "flows" / "mentee-weekly.yaml", new / "nearpeer.toml"
    flow.write_text(flow.read_text().replace("audience: mentee", "audeince: mentee"))
    settings.write_text(settings.read_text().replace("port = 8700", "prot = 8700"))
    said = nearpeer("check", new)
    assert said.code == 1
    assert re.search(rf"{flow}:5:1: .*audeince.*audience", said.out)
    assert re.search(rf"{settings}:\d+:1: server.prot is not known; did you mean \"port\"", said.out)
    assert "to put right" in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_where_nothing_may_be_written_is_named(nearpeer: Nearpeer, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    said = nearpeer("init", tmp_path / "lincoln")
    tmp_path.chmod(0o700)
    assert (said.code, said.err) == (1, f"{tmp_path / 'lincoln'}: Permission denied\n")


# --- people --------------------------------------------------------------------------------------------------------


def count(folder: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(folder / "nearpeer.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_roster_is_reported_first_and_imported_when_asked(nearpeer: Nearpeer, new: Path) -> None:
    report = nearpeer("roster", new, new / "roster.csv")
    assert report.code == 0
    assert "add mentee Maya Torres (maya)" in report.out
    assert "Nothing was imported yet" in report.out
    assert count(new, "person") == 0
    assert nearpeer("roster", new, new / "roster.csv", "--import").code == 0
    assert (count(new, "person"), count(new, "match")) == (10, 4)


def test_one_bad_row_and_nothing_is_imported(nearpeer: Nearpeer, new: Path) -> None:
    file = new / "roster.csv"
    file.write_text(file.read_text().replace("noah,Noah Becker,mentee", "noah,Noah Becker,menteee"))
    said = nearpeer("roster", new, file, "--import")
    assert said.code == 1
    assert "line 8, role: write mentee, mentor, advisor or coordinator" in said.out
    assert "Nothing was imported." in said.err
    assert count(new, "person") == 0


def test_a_roster_that_is_not_there_or_is_a_folder_is_named(nearpeer: Nearpeer, new: Path) -> None:
    assert nearpeer("roster", new, new / "people.csv").err == f"{new / 'people.csv'}: No such file or directory\n"
    assert nearpeer("roster", new, new / "flows").err == f"{new / 'flows'}: Is a directory\n"


def test_links_are_shown_once_and_one_persons_can_be_renewed(nearpeer: Nearpeer, lincoln: School) -> None:
    again = nearpeer("links", lincoln.folder)
    assert again.code == 0
    assert "/l/" not in again.out
    assert again.out.count("has a link already") == 10
    renewed = nearpeer("links", lincoln.folder, "--renew", "--only", "Maya")
    assert re.fullmatch(rf"Maya Torres\tmentee\thttp://127.0.0.1:{lincoln.port}/l/[\w-]{{22}}\n", renewed.out)
    assert renewed.out.split("\t")[2].strip() != lincoln.links["maya"]


def test_links_for_nobody_say_what_comes_first(nearpeer: Nearpeer, new: Path, lincoln: School) -> None:
    assert "nearpeer roster" in nearpeer("links", new).err
    assert 'Nobody has the key "mia"' in nearpeer("links", lincoln.folder, "--only", "mia").err


def test_an_adult_gets_a_code_for_their_staff_account(nearpeer: Nearpeer, lincoln: School) -> None:
    assert nearpeer("account", lincoln.folder).out == (
        "okafor\tMr. Okafor\tcoordinator\tno account\nrivera\tMs. Rivera\tadvisor\tno account\n"
    )
    said = nearpeer("account", lincoln.folder, "rivera")
    assert re.fullmatch(
        rf"For Ms. Rivera, within seven days, at http://127.0.0.1:{lincoln.port}/staff/first-run\n"
        r"Setup code: [a-z2-7]{5}(-[a-z2-7]{1,5}){5}\n",
        said.out,
    )
    assert "Maya Torres is no adult" in nearpeer("account", lincoln.folder, "maya").err


# --- authors -------------------------------------------------------------------------------------------------------


def test_a_rehearsal_waits_for_each_reply_before_it_takes_the_next_line(nearpeer: Nearpeer) -> None:
    said = nearpeer("play", "mentee-weekly", typed="4\nArt class\n1\n1\n1\nnever read\n")
    assert said.code == 0
    assert "Did you and Jordan meet this week?" in said.out
    assert said.out.endswith("Thank you, Amina. Have a good rest of the week.\n\n(The conversation ends here.)\n")


def test_a_rehearsal_ends_where_the_lines_end(nearpeer: Nearpeer) -> None:
    said = nearpeer("play", "mentor-weekly", "--language", "es", typed="")
    assert said.code == 0
    assert "Hola, Ana" in said.out
    assert "ends here" not in said.out


def test_a_rehearsal_says_what_it_cannot_play(nearpeer: Nearpeer, tmp_path: Path) -> None:
    assert "no flow of that name ships; there is first-contact," in nearpeer("play", "weekly").err
    assert 'speaks en and es, not "fr"' in nearpeer("play", "mentee-weekly", "--language", "fr").err
    (tmp_path / "mine.yaml").write_text("flow: mine\nstps: []\n")
    said = nearpeer("play", tmp_path / "mine.yaml")
    assert said.code == 1
    assert re.search(rf"{tmp_path}/mine.yaml:2:1: .*steps", said.err)


def test_a_graph_is_mermaid_text(nearpeer: Nearpeer) -> None:
    said = nearpeer("graph", "mentee-weekly")
    assert said.code == 0
    assert said.out.startswith("flowchart TD\n")


def test_each_line_is_screened_whatever_stands_in_the_others(nearpeer: Nearpeer) -> None:
    lines = ['{"text": "we had lunch together today"}', "no JSON", '{"text": "i want to die"}']
    said = nearpeer("screen", typed="\n".join(lines))
    assert said.code == 0
    assert [json.loads(line)["tier"] for line in said.out.splitlines()] == ["none", "unscreened", "crisis"]


def test_a_second_look_is_screened_with_only_where_it_is_asked_for(nearpeer: Nearpeer) -> None:
    typed = json.dumps({"text": "it was good we talked about my classes"})
    plain, again = (json.loads(nearpeer("screen", *more, typed=typed).out) for more in ([], ["--second-look"]))
    look = again.pop("second_look")
    assert look["score"] < look["threshold"]
    assert again == plain


def test_nobody_minds_when_the_reader_of_a_pipe_has_gone() -> None:
    words = f"{sys.executable} -m bot graph mentee-weekly | true"
    said = subprocess.run(["sh", "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stderr == ""


# --- running -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(school: School) -> Iterator[subprocess.Popen[bytes]]:
    """Started as people start it, loading and all."""
    words = [sys.executable, "-m", "bot", "run", str(school.folder)]
    with school.log.open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while b"Started server" not in (school.log.read_bytes() if school.log.exists() else b""):
            assert process.poll() is None, school.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def test_run_prints_its_setup_code_keeps_others_out_and_ends_when_told(lincoln: School, nearpeer: Nearpeer) -> None:
    with running(lincoln) as process:
        second = nearpeer("run", lincoln.folder)
        assert (second.code, "already running" in second.err) == (1, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    said = lincoln.log.read_text()
    assert len(re.findall(r"staff/first-run and type (\w{5}-){5}\w$", said, re.MULTILINE)) == 1
    assert "Traceback" not in said
    assert "/l/" not in said


def test_a_rehearsal_ends_on_ctrl_c_without_a_traceback() -> None:
    words, pipe = [sys.executable, "-m", "bot", "play", "mentee-weekly"], subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as one:
        assert one.stdout
        assert one.stderr
        while b"Great" not in one.stdout.readline():
            assert one.poll() is None
        one.send_signal(signal.SIGINT)
        assert one.wait(30) == 130
        assert one.stderr.read() == b""


def test_no_setup_code_is_made_once_somebody_can_sign_in(lincoln: School) -> None:
    database, clock = school.open_database(loaded(lincoln)), SystemClock()
    try:
        assert school.setup_code(database, clock)
        made = accounts.hash_password("three unrelated words")
        database.write(
            lambda connection: accounts.create_account(
                connection, 1, name="Ms. Rivera", login="rivera", password_hash=made, now=clock.wall()
            )
        ).result()
        assert school.setup_code(database, clock) is None
    finally:
        database.close()


def test_run_refuses_a_newer_schema_and_touches_nothing(lincoln: School, nearpeer: Nearpeer) -> None:
    with contextlib.closing(sqlite3.connect(lincoln.folder / "nearpeer.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = (lincoln.folder / "nearpeer.db").read_bytes()
    said = nearpeer("run", lincoln.folder)
    assert said.code == 1
    assert "a newer Nearpeer made it" in said.err
    assert (lincoln.folder / "nearpeer.db").read_bytes() == before


def test_run_refuses_a_file_that_is_no_database(new: Path, nearpeer: Nearpeer) -> None:
    (new / "nearpeer.db").write_text("a letter to the parents")
    said = nearpeer("links", new)
    assert (said.code, said.out) == (1, "")
    assert "file is not a database" in said.err
    assert (new / "nearpeer.db").read_text() == "a letter to the parents"


def test_run_refuses_while_nobody_is_behind_the_first_adult(new: Path, nearpeer: Nearpeer) -> None:
    said = nearpeer("run", new)
    assert said.code == 1
    assert 'the safety contact "okafor" is no advisor or coordinator on the roster yet' in said.err
    assert f"nearpeer roster {new} FILE.csv --import" in said.err


def test_run_refuses_a_share_of_the_work_on_sqlite(lincoln: School, nearpeer: Nearpeer) -> None:
    said = nearpeer("run", lincoln.folder, "--role", "worker", "--role", "heartbeat")
    assert (said.code, said.out) == (1, "")
    assert "SQLite is a file for one program alone" in said.err
    assert f"storage.url in {lincoln.folder / 'nearpeer.toml'}" in said.err
    unknown = nearpeer("run", lincoln.folder, "--role", "janitor")
    assert unknown.code == 2
    assert "'ingress', 'worker', 'heartbeat', 'web', 'auditor'" in unknown.err


def test_run_says_which_port_is_taken(lincoln: School, nearpeer: Nearpeer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lincoln.port))
        taken.listen()
        said = nearpeer("run", lincoln.folder)
    assert said.code == 1
    assert f"Port {lincoln.port} is already in use" in said.err


def loaded(one: School) -> Program:
    return program.load_program(one.folder)


def test_the_lock_lies_beside_the_database_wherever_that_is(lincoln: School, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(lincoln.folder, other)
    settings = other / "nearpeer.toml"
    settings.write_text(
        settings.read_text().replace('\nurl = ""', f'\nurl = "sqlite:///{lincoln.folder}/nearpeer.db"', 1)
    )
    with alone(lincoln.folder), pytest.raises(Refused, match="already running"):  # noqa: SIM117
        with alone(other):
            pass


def test_a_second_program_is_refused_before_it_reads_what_the_school_has_written(
    lincoln: School, nearpeer: Nearpeer
) -> None:
    (lincoln.folder / "program.yaml").write_text("programm: [")
    with alone(lincoln.folder):
        said = nearpeer("run", lincoln.folder)
    assert said.code == 1
    assert said.err.strip() == (
        f"Nearpeer is already running for {lincoln.folder}. Two would send everything twice: stop the other."
    )
    assert "to put right" in nearpeer("run", lincoln.folder).err


def test_what_a_killed_process_was_sending_is_sent_again_by_the_next_one_at_once(lincoln: School) -> None:
    database, clock = school.open_database(loaded(lincoln)), SystemClock()
    try:
        with database.read() as connection:
            maya = people.by_key(connection, "maya")
        assert maya
        number = clock.new_id()
        message = Message(
            number, maya.id, MessageKind.REPLY, Priority.REPLY, "Thank you", "one", address=maya.addresses[0]
        )
        database.write(
            lambda connection: save_turn(connection, Turn(messages=(message,)), clock.now(), clock.new_id, lambda _: "")
        ).result()
        database.write(lambda connection: outbox.claim(connection, "web", "web", 7, clock.wall(), 1)).result()
    finally:
        database.close()
    started = time.monotonic()
    with running(lincoln):
        while lincoln.rows(f"SELECT status FROM message WHERE id = {number}")[0]["status"] != "sent":
            assert time.monotonic() - started < 30, "it waits for its lease"
            time.sleep(0.05)
    assert lincoln.rows(f"SELECT ambiguous FROM message WHERE id = {number}")[0]["ambiguous"] == 1


# --- Slack ---------------------------------------------------------------------------------------------------------


def test_the_manifest_of_the_slack_app_is_json_and_nothing_else(nearpeer: Nearpeer) -> None:
    said = nearpeer("slack", "manifest", "--name", "Mentors")
    assert json.loads(said.out)["display_information"]["name"] == "Mentors"
    assert "https://api.slack.com/apps?new_app=1" in said.err
    assert "im:history" in said.err
    posted = nearpeer("slack", "manifest", "--public-url", "https://mentors.example.org/")
    assert "https://mentors.example.org/hooks/slack" in posted.out


def test_a_school_without_slack_is_told_how_to_get_it(nearpeer: Nearpeer, lincoln: School) -> None:
    said = nearpeer("slack", "people", lincoln.folder)
    assert (said.code, "docs/slack.md" in said.err) == (1, True)


def test_each_person_gets_a_code_for_slack_once(nearpeer: Nearpeer, lincoln: School) -> None:
    refused = nearpeer("slack", "codes", lincoln.folder)
    assert (refused.code, "at least 16 years" in refused.err) == (1, True)
    given = nearpeer("slack", "codes", lincoln.folder, "--of-age")
    assert given.code == 0
    assert re.search(r"Maya Torres\tmentee\tlink [\w-]{22}$", given.out, re.MULTILINE)
    again = nearpeer("slack", "codes", lincoln.folder, "--only", "maya")
    assert "has one" in again.out


def test_a_student_is_linked_on_slack_only_when_old_enough(
    nearpeer: Nearpeer, lincoln: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(_program: Program, database: Database) -> list[linking.Account]:
        with database.read() as connection:
            maya = people.by_key(connection, "maya")
        assert maya is not None
        return [linking.Account(maya, linking.Link.FOUND, "U0MAYA")]

    monkeypatch.setattr(linking, "accounts", found)
    looked = nearpeer("slack", "people", lincoln.folder)
    assert (looked.code, "1 to link. Nothing was changed" in looked.out) == (0, True)
    refused = nearpeer("slack", "people", lincoln.folder, "--link")
    assert (refused.code, "at least 16 years, and 1 of these are students" in refused.err) == (1, True)
    assert lincoln.rows("SELECT id FROM address WHERE platform = 'slack'") == []
    assert nearpeer("slack", "people", lincoln.folder, "--link", "--of-age").code == 0
    (row,) = lincoln.rows("SELECT chat FROM address WHERE platform = 'slack'")
    assert row["chat"] == "U0MAYA"


# --- a bot on Telegram ---------------------------------------------------------------------------------------------


def test_each_person_gets_a_link_to_the_bot_once_and_a_student_only_when_old_enough(
    nearpeer: Nearpeer, lincoln: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no bot yet" in nearpeer("links", lincoln.folder, "--telegram").err
    monkeypatch.setenv("NEARPEER_TELEGRAM__TOKEN", TOKEN)
    with beside() as server:
        monkeypatch.setenv("NEARPEER_TELEGRAM__BASE_URL", server.url)
        refused = nearpeer("links", lincoln.folder, "--telegram")
        assert (refused.code, "at least 16 years" in refused.err) == (1, True)
        adult = nearpeer("links", lincoln.folder, "--telegram", "--only", "rivera")
        given = nearpeer("links", lincoln.folder, "--telegram", "--of-age")
        again = nearpeer("links", lincoln.folder, "--telegram")
    link = r"\thttps://t\.me/lincoln_peers_bot\?start=[\w-]{22}$"
    assert re.search(f"^Ms. Rivera\tadvisor{link}", adult.out, re.MULTILINE)
    assert re.search(f"^Maya Torres\tmentee{link}", given.out, re.MULTILINE)
    assert "start=" not in again.out
    assert TOKEN not in "".join(said.out + said.err for said in (refused, adult, given, again))
    assert nearpeer("unlink", lincoln.folder, "maya").out == "None is linked.\n"
    assert 'Nobody has the key "mia"' in nearpeer("unlink", lincoln.folder, "mia").err


def test_replay_counts_the_schools_messages_and_shows_words_to_nobody_but_a_terminal(
    lincoln: School, nearpeer: Nearpeer
) -> None:
    said = nearpeer("replay", lincoln.folder)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("0 free texts;")
    refused = nearpeer("replay", lincoln.folder, "--show")
    assert (refused.code, refused.out) == (1, "")
    assert "--show is for a terminal" in refused.err
