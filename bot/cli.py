"""The command words. Each calls one function of another room, imported only then: `--help` must answer at once."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot import cli_safety, cli_slack
from bot.cli_folder import Folder
from bot.errors import ContentError, NearpeerError
from bot.roles import ALL, Role

app = typer.Typer(
    help="Nearpeer: check-ins for students, reminders for mentors, alerts for adults. Not an emergency service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cli_slack.app, name="slack")
app.command()(cli_safety.screen)
app.command()(cli_safety.replay)
app.command()(cli_safety.drill)
app.command()(cli_safety.left)
app.command()(cli_safety.account)


NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the school.")]
Flow = Annotated[str, typer.Argument(metavar="FLOW", help="A flow's file, or the name of one that ships.")]


@app.command()
def init(
    folder: NewFolder, program: Annotated[str, typer.Option(help="The program model to start from.")] = "near-peer"
) -> None:
    """Make a school's folder: settings, a program, its flows, a sample roster."""
    from bot.program import create

    for path in create(folder, program):
        print(f"wrote {path}")
    print(f"\nNext: write your school into {folder / 'nearpeer.toml'} and your people into {folder / 'roster.csv'}.")
    print(f"Then: nearpeer check {folder}")


@app.command()
def check(
    folder: Folder,
    live: Annotated[bool, typer.Option("--live", help="Also whether real students may be let in.")] = False,
) -> None:
    """Judge settings, flows, schedules and roster; every problem with its file and line."""
    from bot.doctor import examine

    results = examine(folder)
    for result in results:
        print(f"{'ok  ' if not result.problems else 'look' if result.warns else 'WRONG'} {result.sentence}")
        for problem in result.problems:
            print(f"       {problem}")
    errors = sum(len(result.problems) for result in results if not result.warns)
    if errors:
        _fail(f"\n{errors} to put right.")
    if live:
        return _check_live(folder)
    print(f"\nNothing stands in the way. Next: nearpeer roster {folder} {folder / 'roster.csv'}")


def _check_live(folder: Path) -> None:
    from bot.live import ask

    missing = ask(folder)
    for sentence in missing:
        print(f"NOT YET {sentence}")
    if missing:
        _fail(f"\nNot ready for real students: {len(missing)} to put right.")
    print("\nReady for real students. See docs/safety.md for what people must have decided.")


@app.command()
def doctor(
    folder: Folder,
    fix: Annotated[
        bool, typer.Option(help="Also set on the platforms what can be set, such as a bot's commands.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Ask database, chat platforms, mail server and SMS provider, with harmless calls, whether all is set up."""
    from bot.diagnosis import diagnose, told, told_as_json

    findings = diagnose(folder, fix=fix)
    print(told_as_json(findings) if as_json else told(findings))
    wrong = sum(bool(one.wrong) and not one.warns for one in findings)
    if wrong:
        _fail("" if as_json else f"\n{wrong} to put right.")


@app.command()
def roster(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The roster, as Excel or Sheets saves it.")],
    yes: Annotated[bool, typer.Option("--import", help="Import; without it only the report is shown.")] = False,
    update: Annotated[bool, typer.Option(help="Also change what is known and different in the file.")] = False,
) -> None:
    """Show what importing a roster would do; with --import, do it: all of it or nothing."""
    from bot import school
    from bot.clock import SystemClock
    from bot.program import load_program

    program = load_program(folder)
    database = school.open_database(program)
    try:
        report = school.read_report(database, program, file)
        print("\n".join(report.lines()))
        if not report.ok:
            _fail("Nothing was imported.")
        if not yes:
            print("\nNothing was imported yet. If this is right, import it: the same words with --import at the end.")
            return
        school.import_roster(database, program, report, SystemClock(), update=update)
        print(f"\nImported. Next: nearpeer links {folder}")
    finally:
        database.close()


@app.command()
def links(
    folder: Folder,
    renew: Annotated[bool, typer.Option(help="New links; the old ones end at once.")] = False,
    only: Annotated[str, typer.Option(metavar="KEY", help="Only this person, by the roster's key.")] = "",
    telegram: Annotated[bool, typer.Option("--telegram", help="Links to the school's bot on Telegram.")] = False,
    of_age: Annotated[bool, typer.Option(help="The school knows that these students are old enough for it.")] = False,
    cards: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Cards to print, with square codes, instead of a list.")
    ] = None,
) -> None:
    """Print each person's link to their chat, on the web or on Telegram. A link is shown once: keep it, or renew it."""
    from bot import join_cards, school
    from bot.clock import SystemClock
    from bot.platforms import telegram_link
    from bot.program import load_program

    program = load_program(folder)
    begin = telegram_link(program.settings.telegram) if telegram else ""
    database, clock = school.open_database(program), SystemClock()
    with closing(database), join_cards.new_page(cards) if cards else nullcontext() as page:
        if telegram:
            min_age = 0 if of_age else program.settings.telegram.min_age
            minted = school.mint_codes(
                database, clock, begin, platform="telegram", min_age=min_age, renew=renew, only=only
            )
        else:
            minted = school.mint_links(database, program, clock, renew=renew, only=only)
        if page is not None:
            many = join_cards.write_cards(program, minted, page)
    if not minted:
        _fail(f"There is nobody yet. First: nearpeer roster {folder} FILE.csv --import")
    if cards is not None:
        print(f"{many} cards in {cards}: open it in a browser, print it, hand the cards out, and delete it.")
    for link in minted:
        if cards is None or not link.url:
            print(
                f"{link.person.name}\t{link.person.role}\t{link.url or 'has a link already (--renew makes a new one)'}"
            )
    if telegram and any(link.url for link in minted):
        print(f"Each works once, for {school.CODE_LIVES.days} days.", file=sys.stderr)
    elif not program.settings.server.public_url:
        told = "These links open on this computer only, until [server] public_url says how others reach it."
        print(told, file=sys.stderr)


@app.command()
def unlink(
    folder: Folder, key: Annotated[str, typer.Argument(metavar="KEY", help="Whose chats, by the roster's key.")]
) -> None:
    """Take the linked chats of a person away (Telegram, Slack): nothing goes there any more."""
    from bot import school
    from bot.clock import SystemClock
    from bot.program import load_program

    with closing(school.open_database(load_program(folder))) as database:
        many = school.unlink(database, SystemClock(), key)
    print(
        f"{many} chats unlinked. A new link: nearpeer links {folder} --telegram --only {key}"
        if many
        else "None is linked."
    )


@app.command()
def run(
    folder: Folder,
    role: Annotated[
        list[Role] | None, typer.Option(help="Only this share of the work, on PostgreSQL; may be given several times.")
    ] = None,
) -> None:
    """Run a school: web chat, engine, heartbeat, delivery, staff pages. All of it in one program, or a share of it."""
    from bot.instance import alone

    roles = role or ALL
    with alone(folder, roles) as settings:
        gc.disable()  # what a start loads stays, and need not be looked through again and again: App.run enables it
        from bot.serving import run as serve  # takes a second: whoever is not alone need not wait for it

        serve(folder, settings, roles)


@app.command()
def backup(
    folder: Folder,
    to: Annotated[Path | None, typer.Option(metavar="PLACE", help="A folder, or a new .zip file.")] = None,
) -> None:
    """Copy a school into one file, while it runs, and prove that the copy is whole."""
    from bot.backup import back_up
    from bot.clock import SystemClock
    from bot.program import load_program

    kept = back_up(load_program(folder), SystemClock(), to)
    print(f"{kept.path}: {kept.size / 1_000_000:.1f} MB, {kept.files} files, read back and found whole.")
    print("It holds what students wrote. Keep a copy on another machine, where only you can open it.")


@app.command()
def restore(
    folder: NewFolder, file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A backup.", exists=True)]
) -> None:
    """Put a backup back. The school then holds: it sends nothing by itself until staff release it."""
    from bot.backup import restore as put_back
    from bot.clock import SystemClock

    done = put_back(folder, file, SystemClock())
    if done.unpacked:
        print(f"wrote {done.unpacked} files of the school into {folder}")
    if done.replaced:
        print(f"The database that was there is kept: {done.replaced}")
    print(f"Restored. Next: nearpeer run {folder}, then look at Health on the staff pages and release what is held.")


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the page is served.")] = 8700,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = True,
) -> None:
    """The little school: three phones, staff pages, and hands on the clock. Nobody in it is real."""
    from bot.demo.run import run as show

    show(port, open_browser=open_)


@app.command()
def play(
    flow: Flow,
    language: Annotated[str, typer.Option(help="en or es.")] = "en",
) -> None:
    """Rehearse a flow in the terminal. Nothing is kept."""
    from bot.rehearsal import play as rehearse

    rehearse(flow, language)


@app.command()
def graph(flow: Flow) -> None:
    """Write a flow as Mermaid text."""
    from bot.flows.graph import mermaid
    from bot.rehearsal import find_flow

    print(mermaid(find_flow(flow).flow))


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)


def main() -> None:
    """Run the command line; what Nearpeer refuses on purpose, and what the computer refuses, is shown as its text."""
    try:
        try:
            app(prog_name="nearpeer")
        finally:
            sys.stdout.flush()
    except ContentError as error:
        print(f"{error}\n\n{len(error.problems)} to put right.", file=sys.stderr)
        sys.exit(1)
    except NearpeerError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our lines has gone ("| head"); Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(": ".join(str(part) for part in (error.filename, error.strerror) if part) or error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
