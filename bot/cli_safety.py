"""The command words about safety: `screen`, `replay`, `drill`; `account` and `left` about who reads the staff pages."""

from __future__ import annotations

import getpass
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bot.cli_folder import Folder
from bot.errors import Refused


def screen(
    second_look: Annotated[
        bool,
        typer.Option("--second-look", help="Also look again where no rule finds anything, as a school may ask for."),
    ] = False,
) -> None:
    """Screen JSON lines from standard input ({"text": ...}), one verdict a line, in the same order."""
    from bot.content import read_packs, read_second_look, read_words
    from bot.safety.compiling import compile_packs
    from bot.safety.filter import screen_lines
    from bot.safety.screen import Screener

    # Whatever the terminal's own letters are: a line that cannot be read must not end the run.
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if sys.stdin.isatty():
        print('Type lines like {"text": "..."}; Ctrl-D ends.', file=sys.stderr)
    again = read_second_look() if second_look else None
    screener = Screener(compile_packs(read_packs(Path()), read_words()), again)
    for line in screen_lines(sys.stdin, screener):
        print(line, flush=True)


def replay(
    folder: Folder,
    pack: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="A draft of a safety pack, judged with the others.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Labelled messages, instead of the school's own.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Also the words, at a terminal only; that is recorded.")] = False,
) -> None:
    """Screen the school's past messages anew: what would newly alert, what would be missed, how precise rules are."""
    from bot.clock import SystemClock
    from bot.program import load_program
    from bot.replay import over_corpus, over_messages
    from bot.school import open_database

    if corpus is not None:
        for line in over_corpus(folder, corpus, pack):
            print(line)
        return
    if show and not sys.stdout.isatty():
        raise Refused("--show is for a terminal: students' words are not written into files or pipes.")
    shown_to = f"{getpass.getuser()} (command line)" if show else ""
    with closing(open_database(load_program(folder))) as database:
        for line in over_messages(folder, database, SystemClock(), pack, shown_to=shown_to):
            print(line)


def drill(
    folder: Folder,
    report: Annotated[bool, typer.Option("--report", help="Only say how the last one went.")] = False,
) -> None:
    """Let all adults of the ladder practice: each is told, on every channel, that it is a drill, and answers."""
    from bot import drill as drills
    from bot.clock import SystemClock
    from bot.program import load_program
    from bot.school import open_database

    program = load_program(folder)
    with closing(open_database(program)) as database:
        if report:
            print(drills.report(database))
            return
        drills.begin(database, program, SystemClock())
    print("The drill has begun: nearpeer run sends it to all adults of the ladder, and it ends within an hour.")
    print(f"How it went: nearpeer drill {folder} --report")


def left(
    folder: Folder,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The adult, by the roster's key.")],
    back: Annotated[bool, typer.Option("--back", help="They are there again.")] = False,
) -> None:
    """An adult has left: they are told nothing more and take no case; in open cases the next adult is told."""
    from bot.clock import SystemClock
    from bot.program import load_program
    from bot.school import leave, open_database

    with closing(open_database(load_program(folder))) as database:
        person = leave(database, SystemClock(), key, back=back)
    print(f"{person.name} {'is told of cases again' if back else 'is told nothing more, and takes no case'}.")
    if not back:
        print("Their staff account is closed. Take them out of the duty and the ladder in program.yaml too.")


def account(
    folder: Folder,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="An adult, by the roster's key; none: show all.")] = "",
) -> None:
    """Who has a staff account; with KEY, a setup code for one (or for a new password), which works once."""
    from bot.clock import SystemClock
    from bot.program import load_program
    from bot.school import invite, open_database, sign_ins

    program = load_program(folder)
    with closing(open_database(program)) as database:
        if not key:
            for adult, login in sign_ins(database):
                print(f"{adult.key}\t{adult.name}\t{adult.role}\t{login or 'no account'}")
            return
        adult, code = invite(database, SystemClock(), key)
    print(f"For {adult.name}, within seven days, at {program.base_url}/staff/first-run\nSetup code: {code}")
    print("Give it to nobody else: whoever has it reads what students of theirs wrote.", file=sys.stderr)
