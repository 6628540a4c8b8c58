"""Nearpeer's own words: every language says everything, fills in the same, and stays short and easy to read."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from bot.console import wording
from bot.content import read_packs
from bot.domain import Outcome, Plan, Tier
from bot.flows.commands import read_code, read_command
from bot.flows.loader import read_document, read_source
from bot.flows.readability import grade
from bot.flows.wording import fill, names_in
from bot.safety.outcomes import NEEDS_NOTE
from bot.turns.cases import NO_CASE

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "config/texts"
LANGUAGES = sorted(path.stem for path in TEXTS.glob("*.yaml"))
LONGER = {"help", "privacy"}
HIGHEST_GRADE = 6


@cache
def texts(language: str) -> dict[str, str]:
    """Key -> text, with `language` among them."""
    found: dict[str, str] = read_document(TEXTS / f"{language}.yaml").value
    return found


def to_students(language: str) -> dict[str, str]:
    """The first section and the reminders: what students read."""
    section = read_source(TEXTS / f"{language}.yaml").partition("# --- to students")[2].partition("# --- to adults")[0]
    return {key: text for key, text in texts(language).items() if f"\n{key}:" in section}


def test_english_and_spanish_ship() -> None:
    assert LANGUAGES == ["en", "es"]
    assert [texts(language)["language"] for language in LANGUAGES] == LANGUAGES


def test_every_language_has_the_same_keys_in_the_same_order() -> None:
    assert list(texts("es")) == list(texts("en"))


@pytest.mark.parametrize("key", [key for key in texts("en") if key != "language"])
def test_a_text_fills_in_the_same_in_every_language(key: str) -> None:
    assert sorted(names_in(texts("es")[key])) == sorted(names_in(texts("en")[key]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_students_read_is_short(language: str) -> None:
    lengths = {key: len(text) for key, text in to_students(language).items()}
    assert {"help", "privacy", "seen", "session_reminder"} <= set(lengths)
    assert {key: length for key, length in lengths.items() if length > (500 if key in LONGER else 300)} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_students_read_is_easy(language: str) -> None:
    levels = {key: grade(text, language) for key, text in to_students(language).items() if key != "help"}
    assert {key: level for key, level in levels.items() if level is not None and level > HIGHEST_GRADE} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_help_that_shows_a_command_names_one_that_works(language: str) -> None:
    shown = [line for line in texts(language)["help"].splitlines() if line.startswith("/")]
    commands = [read_command(line.partition(":")[0]) for line in shown]
    assert [command.name for command in commands if command] == [
        "checkin", "adult", "report", "pause", "stop", "privacy", "language",
    ]  # fmt: skip
    assert commands[-1] is not None
    assert commands[-1].language == {"en": "es", "es": "en"}[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "given"), [("adult", ("now", "today", "week", "no")), ("talked", ("yes", "no", "private"))]
)
def test_our_own_buttons_also_work_when_they_are_typed(language: str, name: str, given: tuple[str, ...]) -> None:
    """On some platforms a press is an ordinary text."""
    for one in given:
        command = read_command(texts(language)[f"label_{name}_{one}"])
        assert command is not None
        assert (command.name, command.given) == (name, one) == (name, read_command(f"/{name} {one}").given)  # type: ignore[union-attr]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("label", "name"), [("checkin", "checkin"), ("resume", "resume"), ("privacy", "privacy")])
def test_so_do_the_buttons_that_stand_for_a_command(language: str, label: str, name: str) -> None:
    command = read_command(texts(language)[f"label_{label}"])
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_and_the_notice_tell_where_help_is_and_that_nobody_watches(language: str) -> None:
    said = texts(language)
    assert "911" in said["help"]
    assert "988" in said["help"]
    watching = {"en": "all day", "es": "todo el día"}[language]
    assert watching in said["help"]
    assert watching in said["privacy"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_button_that_takes_a_case_also_works_when_it_is_typed(language: str) -> None:
    label = fill(texts(language)["label_take"], {"code": "4F7K"})
    assert read_code(label) == "4F7K"
    assert "ACK 4F7K" in texts(language)["adult_help"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alert_carries_tier_initials_reason_code_and_link(language: str) -> None:
    for key in ("alert", "alert_again"):
        assert {"tier", "initials", "program", "reason", "code", "link"} <= set(names_in(texts(language)[key]))
    assert {f"tier_{tier}" for tier in Tier if tier.climbs} <= set(texts(language))


DIAGNOSES = re.compile(
    r"(?<!no )\b(suicidal|depress\w+|disorder|diagnos\w+|mentally ill|anorexi\w+|bulimi\w+|bipolar|psycho\w+|ptsd|adhd"
    r"|unstable|is abused|a victim|suicida|depresi\w+|deprimid\w+|trastorno|enferm\w+ mental|inestable|anoréxic\w+)\b",
    re.IGNORECASE,
)
PROMISES = re.compile(
    r"(?<!don't )\b(promise\w*|guarantee\w*|will be (safe|ok|fine)|will (help|find|talk|contact|call) you|immediately"
    r"|everything will|nobody will know|(it stays|(we|i will) keep it) (a )?secret|confidential|prometo|prometemos"
    r"|garantiz\w+|te va a (buscar|ayudar|llamar)|todo va a estar bien|vas a estar bien|inmediatamente|confidencial"
    r"|nadie (lo )?va a saber)\b",
    re.IGNORECASE,
)
"""What no text may say: that somebody has something, or that something will surely be so."""
CLICHES = re.compile(
    r"\b(hang in there|(stay|be) strong|(keep your )?(head|chin) up|cheer up|bright side|(think|stay) positive"
    r"|happens for a reason"
    r"|it (gets|will get) better|you('ve| have) got this|you can do it|time heals|have it worse|(don't|never) give up"
    r"|just smile|ánimo|échale ganas|sé fuerte|piensa (en )?positivo|todo pasa por algo|(tú )?puedes con todo"
    r"|no te rindas|el tiempo (lo )?cura|sonríe)\b",
    re.IGNORECASE,
)
"""What nobody says to a student who is not well."""


def said_to_people() -> dict[str, str]:
    """Everything that Nearpeer says by itself: its texts, what staff pages say, labels of rules, marks of flows."""
    said = {f"{language}:{key}": text for language in LANGUAGES for key, text in texts(language).items()}
    lists = (
        wording.OUTCOMES,
        wording.PLANS,
        wording.TIERS,
        wording.DONE,
        wording.SENDING,
        wording.CODES,
    )
    said |= {f"page:{number}:{key}": text for number, one in enumerate(lists) for key, text in one.items()}
    for path in (ROOT / "bot/console/templates").glob("*.html"):
        said[path.name] = re.sub(r"<[^>]+>|\{[%#{].*?[%#}]\}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for path in (ROOT / "config/programs").glob("*/flows/*.yaml"):
        said[path.name] = path.read_text(encoding="utf-8")
    return said


def test_whatever_is_declined_has_words_in_each_language() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    keys = set(re.findall(r'Declined\("(\w+)"', code)) | {f"refused_note_{outcome}" for outcome in NEEDS_NOTE}
    assert {"refused_taken", "refused_note_not-a-concern"} <= keys
    for language in LANGUAGES:
        assert keys | {NO_CASE} == {key for key in texts(language) if key.startswith("refused_")}


def test_every_outcome_has_its_words_in_chat_and_on_the_staff_pages() -> None:
    assert set(wording.OUTCOMES) == set(Outcome)
    chosen = {f"outcome_{outcome}" for outcome in Outcome if outcome is not Outcome.DRILL}
    assert all(chosen <= texts(language).keys() for language in LANGUAGES)


def test_every_plan_has_its_words_in_chat_and_on_the_staff_pages_and_a_call_home_none_for_the_student() -> None:
    assert set(wording.PLANS) == set(Plan)
    for language in LANGUAGES:
        assert {f"plan_{plan}" for plan in Plan} <= texts(language).keys()
        read = {key.removeprefix("seen_plan_") for key in to_students(language) if key.startswith("seen_plan_")}
        assert read == set(Plan) - {Plan.HOME}


@pytest.mark.parametrize(("language", "plans"), [("en", r"\bplans?\b"), ("es", r"\bpiensa\b")])
def test_that_somebody_has_seen_it_says_nothing_of_a_plan(language: str, plans: str) -> None:
    assert not re.search(plans, texts(language)["seen"])
    assert re.search(plans, texts(language)["seen_plan_today"])


def labels_of_rules() -> dict[str, str]:
    packs = read_packs(Path("nowhere"))
    return {f"{pack.pack}:{rule.id}": rule.label for pack in packs for rule in pack.rules}


def test_nothing_that_nearpeer_says_diagnoses_or_promises() -> None:
    wrong = {key: PROMISES.search(text) or DIAGNOSES.search(text) for key, text in said_to_people().items()}
    assert {key: found[0] for key, found in wrong.items() if found} == {}


def test_nothing_that_nearpeer_says_is_a_cliche() -> None:
    said = said_to_people() | {"cards": read_source(ROOT / "config/safety/cards.yaml")}
    wrong = {key: CLICHES.search(text) for key, text in said.items()}
    assert {key: found[0] for key, found in wrong.items() if found} == {}
    assert all(CLICHES.search(text) for text in ("Hang in there!", "It gets better.", "No te rindas", "¡Sé fuerte!"))


def test_a_label_says_what_was_read_and_not_what_somebody_has() -> None:
    wrong = {key: DIAGNOSES.search(label) for key, label in labels_of_rules().items()}
    assert {key: found[0] for key, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    "text", ["Maya is suicidal", "She is depressed", "We promise to help", "Ms. Rivera will find you", "te va a buscar"]
)
def test_the_look_for_such_words_finds_them(text: str) -> None:
    assert DIAGNOSES.search(text) or PROMISES.search(text)
