"""The command words `nearpeer slack ...`: the app's manifest, and who of the roster has an account in the workspace."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from bot.cli_folder import Folder

app = typer.Typer(help="Slack: make the app, link people.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def manifest(
    name: Annotated[str, typer.Option(help="What the app is called in the workspace.")] = "Nearpeer",
    public_url: Annotated[str, typer.Option(help="Slack posts there, instead of Socket Mode; https.")] = "",
) -> None:
    """Print the app's manifest; beside it, what each permission is for, and the link that creates the app."""
    from bot.adapters.slack.manifest import SCOPES, creation_link
    from bot.adapters.slack.manifest import manifest as made

    wanted = made(name, f"{public_url.rstrip('/')}/hooks/slack" if public_url else "")
    print(json.dumps(wanted, indent=2, ensure_ascii=False))
    lines = ["", "What the app may do, and what for:", *(f"  {scope:18}{reason}" for scope, reason in SCOPES.items())]
    lines += ["", "Open this link to create the app, and choose your workspace:", creation_link(wanted)]
    print("\n".join(lines), file=sys.stderr)


@app.command()
def people(
    folder: Folder,
    link: Annotated[bool, typer.Option(help="Link what was found; without it only the list is shown.")] = False,
    of_age: Annotated[
        bool, typer.Option(help="The school knows that the students in the list are old enough.")
    ] = False,
) -> None:
    """Find people of the roster in the workspace by their e-mail; with --link, write to them there from now on."""
    from bot import linking, school
    from bot.clock import SystemClock
    from bot.errors import Refused
    from bot.program import load_program

    program = load_program(folder)
    database = school.open_database(program)
    try:
        found = linking.accounts(program, database)
        for one in found:
            print(f"{one.person.name}\t{one.person.role}\t{one.link}{f' ({one.user})' if one.user else ''}")
        new = [one for one in found if one.link is linking.Link.FOUND]
        students = sum(not one.person.role.adult for one in new)
        if not link:
            print(f"\n{len(new)} to link. Nothing was changed: look at the list, then the same words with --link.")
            return
        min_age = 0 if of_age else program.settings.slack.min_age
        if students and min_age:
            raise Refused(
                f"Slack's terms ask for at least {min_age} years, and {students} of these are "
                "students. If your school knows that each of them is old enough, add --of-age. "
                "The web chat is the way in for the others."
            )
        linking.link(program, database, SystemClock(), found, "command line")
        print(f"\n{len(new)} linked. Nearpeer writes to them on Slack from now on.")
    finally:
        database.close()


@app.command()
def codes(
    folder: Folder,
    renew: Annotated[bool, typer.Option(help="New codes; the old ones end at once.")] = False,
    only: Annotated[str, typer.Option(metavar="KEY", help="Only this person, by the roster's key.")] = "",
    of_age: Annotated[bool, typer.Option(help="The school knows that these students are old enough for it.")] = False,
) -> None:
    """Print a code for each person who is not linked: said to the app, it links their account. It is shown once."""
    from bot import school
    from bot.clock import SystemClock
    from bot.program import load_program

    program = load_program(folder)
    database = school.open_database(program)
    min_age = 0 if of_age else program.settings.slack.min_age
    try:
        given = school.mint_codes(
            database, SystemClock(), "link ", platform="slack", min_age=min_age, renew=renew, only=only
        )
    finally:
        database.close()
    for one in given:
        print(f"{one.person.name}\t{one.person.role}\t{one.url or 'has one, or is linked (--renew makes a new one)'}")
    days = school.CODE_LIVES.days
    print(f"Each works once, for {days} days; people write it to the app, or /link CODE.", file=sys.stderr)
