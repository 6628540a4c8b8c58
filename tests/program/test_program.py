"""The folder of Lincoln High becomes one program; what is wrong in it is named by file and line, all at once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.domain import Person, Role, Tier
from bot.errors import Refused
from bot.plan import LadderPlan, RungPlan
from bot.planning.due import Anchor, Schedule, Session
from bot.planning.recurrence import Weekly
from bot.program import Program, create, load_program
from config.settings import load_settings
from tests.program.conftest import SCHOOL_PACK, Change, complaints, school_file

MAYA = Person(1, "maya", "Maya Torres", Role.MENTEE, "es", "")


@pytest.fixture
def program(lincoln: Path, shipped: Path) -> Program:
    return load_program(lincoln, shipped=shipped)


def test_a_new_folder_is_a_program_at_once(program: Program) -> None:
    assert (program.name, program.school, program.zone.key) == ("tiny", "Lincoln High", "America/New_York")
    assert (program.country, program.languages, program.safety_contact) == ("us", ("en", "es"), "okafor")
    assert (program.first_contact, program.base_url) == ("mentee-weekly", "http://127.0.0.1:8700")
    assert sorted(program.flows) == ["mentee-weekly", "mentor-reflection"]
    assert program.texts["es"]["resumed"] == "Hola de nuevo."
    assert program.screener.screen("i want to die").tier is Tier.CRISIS


def test_schedules_are_as_the_plan_says(program: Program) -> None:
    assert program.schedules == (
        Schedule(
            "mentee-check-in",
            Role.MENTEE,
            Weekly(frozenset({1, 3}), time(15, 30)),
            "mentee-weekly",
            timedelta(hours=24),
        ),
        Schedule("session-reminder", Role.MENTOR, Session(Anchor.BEFORE_START, timedelta(hours=1))),
        Schedule(
            "mentor-reflection", Role.MENTOR, Session(Anchor.AFTER_END, timedelta(minutes=15)), "mentor-reflection"
        ),
    )


def test_a_ladder_takes_the_usual_times_for_what_the_plan_leaves_out(program: Program) -> None:
    minutes = [timedelta(minutes=count) for count in (3, 5, 10, 30)]
    rungs = (RungPlan(("advisor",), minutes[0]), RungPlan(("coordinator", "rivera"), minutes[1]))
    assert program.ladders[Tier.CRISIS] == LadderPlan(rungs, repeat=minutes[2], hold=minutes[3], grace=minutes[2])
    assert [rung.who for rung in program.ladders[Tier.CONCERN].rungs] == [("advisor",), ("coordinator",)]
    assert set(program.ladders) == {Tier.CRISIS, Tier.URGENT, Tier.CONCERN}


def test_a_program_does_not_change_while_the_house_runs(program: Program) -> None:
    with pytest.raises(FrozenInstanceError):
        program.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        program.texts["en"] = {}  # type: ignore[index]


def test_the_check_in_on_demand_is_that_of_the_first_regular_schedule(program: Program) -> None:
    found = program.check_in_for(Role.MENTEE)
    assert found is not None
    assert found.name == "mentee-weekly"
    assert program.check_in_for(Role.MENTOR) is None


def test_the_crisis_card_names_place_and_adult_in_a_language_that_there_is(program: Program) -> None:
    assert program.card("es", "Ms. Rivera").endswith("At school: the counseling office, or find Ms. Rivera.")


def test_the_place_is_in_the_cards_language_or_one_text_for_all(program: Program) -> None:
    def with_place(place: str | dict[str, str]) -> Program:
        school = program.settings.school.model_copy(update={"place": place})
        return replace(program, settings=program.settings.model_copy(update={"school": school}))

    assert program.place("es") == "la oficina de consejería"
    assert with_place("room 12").place("es") == "room 12"
    assert with_place({"en": "room 12"}).place("es") == "room 12"


def test_dates_and_hours_are_those_on_the_persons_own_wall(program: Program) -> None:
    moment = datetime(2026, 3, 6, 3, 30, tzinfo=UTC)
    assert (program.local_date(moment, MAYA), program.local_time(moment, MAYA)) == ("5 de marzo", "10:30 p. m.")
    away = replace(MAYA, language="en", zone="Europe/Berlin")
    assert (program.local_date(moment, away), program.local_time(moment, away)) == ("March 6", "4:30 am")


def test_settings_may_be_handed_in(lincoln: Path, shipped: Path) -> None:
    settings = load_settings(lincoln)
    (lincoln / "nearpeer.toml").unlink()
    other = settings.model_copy(
        update={"server": settings.server.model_copy(update={"public_url": "https://m.example.org"})}
    )
    assert load_program(lincoln, other, shipped=shipped).base_url == "https://m.example.org"


def test_a_folder_in_use_is_never_written_over(lincoln: Path, shipped: Path) -> None:
    before = {path: path.read_bytes() for path in lincoln.rglob("*") if path.is_file()}
    with pytest.raises(Refused, match="not empty"):
        create(lincoln, "tiny", shipped=shipped)
    assert {path: path.read_bytes() for path in lincoln.rglob("*") if path.is_file()} == before
    with pytest.raises(Refused, match="not empty"):
        create(lincoln / "program.yaml", "tiny", shipped=shipped)


@pytest.mark.parametrize("name", ["tinny", "../tiny", "", "."])
def test_only_program_models_that_ship_can_be_copied(tmp_path: Path, shipped: Path, name: str) -> None:
    with pytest.raises(Refused, match="there is tiny"):
        create(tmp_path / "new", name, shipped=shipped)
    assert not (tmp_path / "new").exists()


def test_everything_that_is_wrong_is_said_at_once(lincoln: Path, shipped: Path, change: Change) -> None:
    change("nearpeer.toml", 'name = "Lincoln High"', 'nmae = "Lincoln High"')
    change("program.yaml", "audience: mentee", "audience: mentees")
    change("flows/mentor-reflection.yaml", "sensitivity: none", "sensitivity: some")
    found = complaints(lincoln, shipped)
    assert 'lincoln/nearpeer.toml:3:1: school.nmae is not known; did you mean "name"?' in found
    assert "lincoln/nearpeer.toml:2:1: school.name is missing" in found
    assert any(one.startswith("lincoln/program.yaml:7:") and "mentees" in one for one in found)
    assert any(one.startswith("lincoln/flows/mentor-reflection.yaml:11:") for one in found)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "flow: mentee-weekly\n",
            "flow: mentee-weakly\n",
            '8:5: there is no flow "mentee-weakly" in the folder flows (did',
        ),
        (
            "flow: mentee-weekly\n",
            "flow: mentor-reflection\n",
            '8:5: the flow "mentor-reflection" is written for a mentor',
        ),
        ("first_contact: mentee-weekly", "first_contact: hello", '4:1: there is no flow "hello"'),
        ("name: session-reminder", "name: mentee-check-in", '11:5: two schedules are called "mentee-check-in"'),
        ('at: "15:30"', 'at: "21:30"', '6:5: the schedule "mentee-check-in" is outside 07:00 to 20:00 (move it'),
        ('at: "15:30"', 'at: "3:30"', '6:5: the schedule "mentee-check-in" is outside 07:00 to 20:00'),
        ('at: "15:30"', "at: 1530", '9:35: "1530" is no time of day; write 15:30'),
        ("days: [tue, Jueves]", "days: [tue, someday]", '9:26: "someday" is no weekday'),
        ("wait: 3m", "wait: 3h", "19:3: crisis: a ladder must not wait longer than 30m"),
        ("wait: 3m", "wait: soon", '21:27: "soon" is not a time span'),
        ("languages: [en, es]", "languages: [en, es, fr]", '3:1: the flow "mentee-weekly" does not speak fr'),
        ("    session: {before_start: 60m}\n", "", "11:5: the schedule"),
        ("{after_end: 15m}", "{after_end: 15m, before_start: 1h}", "17:5: a session schedule has either"),
        ("{before_start: 60m}", "{after_end: 60m}", '11:5: the schedule "session-reminder" needs a flow'),
        (
            "audience: mentor\n    session",
            "audience: advisor\n    session",
            "12:5: sessions are between mentors and mentees",
        ),
        ("catch_up: 24h", "catchup: 24h", '10:5: "catchup" is not known here (did you mean "catch_up"?)'),
        ("  crisis:", "  crysis:", '19:3: "crysis"'),
    ],
)
def test_what_cannot_be_in_a_plan_is_named_with_its_line(
    lincoln: Path, shipped: Path, change: Change, old: str, new: str, complaint: str
) -> None:
    change("program.yaml", old, new)
    found = complaints(lincoln, shipped)
    assert any(one.startswith(f"lincoln/program.yaml:{complaint}") for one in found), found


def test_a_schedule_at_night_is_fine_when_it_is_meant(lincoln: Path, shipped: Path, change: Change) -> None:
    change("program.yaml", "catch_up: 24h", "allow_any_hour: true")
    change("program.yaml", 'at: "15:30"', 'at: "21:30"')
    assert load_program(lincoln, shipped=shipped).schedules[0].any_hour


def test_a_flow_may_use_only_what_is_filled_in(lincoln: Path, shipped: Path, change: Change) -> None:
    change("flows/mentee-weekly.yaml", "placeholders: [name]", "placeholders: [name, grade]")
    assert any("uses {grade}, which nobody fills in" in one for one in complaints(lincoln, shipped))


def test_a_flow_is_called_like_its_file(lincoln: Path, shipped: Path) -> None:
    (lincoln / "flows/mentee-weekly.yaml").rename(lincoln / "flows/weekly.yaml")
    assert (
        'lincoln/flows/weekly.yaml:1:1: the flow is called "mentee-weekly", so its file must be mentee-weekly.yaml'
        in (complaints(lincoln, shipped))
    )


def test_an_empty_folder_is_told_what_it_lacks(tmp_path: Path, shipped: Path) -> None:
    found = complaints(tmp_path / "nowhere", shipped)
    assert found == [
        "nowhere/nearpeer.toml: the file cannot be read: No such file or directory",
        "nowhere/program.yaml: the file cannot be read: No such file or directory",
    ]


def test_a_country_without_a_crisis_card_is_refused(lincoln: Path, shipped: Path, change: Change) -> None:
    change("nearpeer.toml", "[safety]", 'country = "fr"\n[safety]')
    assert complaints(lincoln, shipped) == [
        'lincoln/nearpeer.toml:6:1: school.country has no crisis card ("fr"); there are cards for us'
    ]


def test_a_school_adds_rules_and_keeps_those_that_ship(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "packs/lincoln.yaml", SCHOOL_PACK)
    screener = load_program(lincoln, shipped=shipped).screener
    assert screener.screen("off the bridge").tier is Tier.CRISIS
    assert screener.screen("i want to die").tier is Tier.CRISIS


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "pack: lincoln",
            "pack: en",
            'lincoln.yaml:1:1: there is a pack "en" already; a school adds packs and replaces none',
        ),
        ('match: ["off the bridge"]', 'match: ["over the bridge"]', "lincoln.yaml:11:1: rule the-bridge: "),
        ("tier: crisis", "tier: crysis", "lincoln.yaml:7:"),
    ],
)
def test_a_pack_that_does_not_do_what_it_says_is_refused(
    lincoln: Path, shipped: Path, old: str, new: str, complaint: str
) -> None:
    school_file(lincoln, "packs/lincoln.yaml", SCHOOL_PACK.replace(old, new))
    [found] = complaints(lincoln, shipped)
    assert found.startswith(f"lincoln/safety/packs/{complaint}")


def test_no_pack_at_all_is_refused(lincoln: Path, shipped: Path) -> None:
    (shipped / "safety/packs/en.yaml").unlink()
    assert complaints(lincoln, shipped) == ["shipped/safety/packs: there is no safety pack here"]


CARD = """
cards:
  - country: us
    language: en
    version: 2
    numbers: ["911"]
    opening: You are not alone with this.
    asked: You asked for an adult.
    mentor: Stay with them now. Do not promise to keep it secret. Go to an adult together.
    text: "In danger now, call 911. At school: {place}, or find {adult}, room 12."
"""


def test_a_school_words_its_own_card_but_loses_no_number(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "cards.yaml", CARD)
    assert complaints(lincoln, shipped) == ["lincoln/safety/cards.yaml: the card for us, en leaves out 988"]
    school_file(lincoln, "cards.yaml", CARD.replace("In danger", "Call or text 988. In danger"))
    assert load_program(lincoln, shipped=shipped).card("en", "Ms. Rivera").endswith("Ms. Rivera, room 12.")


def test_a_school_adds_a_card_in_another_language(lincoln: Path, shipped: Path) -> None:
    card = CARD.replace("language: en", "language: vi").replace("In danger", "Call or text 988. In danger")
    line = "lines:\n  - {country: us, language: fr, numbers: ['911'], text: Appelle le 911.}\n"
    school_file(lincoln, "cards.yaml", card + line)
    program = load_program(lincoln, shipped=shipped)
    assert program.card("vi", "Ms. Rivera").endswith("Ms. Rivera, room 12.")
    assert not program.card("en", "Ms. Rivera").endswith("room 12.")
    assert program.card("fr", "Ms. Rivera").startswith("Appelle le 911.\n\n")
    assert program.card("en", "Ms. Rivera", also=["fr"]).startswith("Appelle le 911.\n\n")


def test_a_card_for_a_country_without_an_english_one_is_refused(lincoln: Path, shipped: Path) -> None:
    school_file(
        lincoln, "cards.yaml", CARD.replace("country: us", "country: mx").replace("language: en", "language: es")
    )
    [found] = complaints(lincoln, shipped)
    assert "there is no English card for mx" in found


def test_a_school_raises_a_rule_and_tunes_its_numbers_and_the_others_stay(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "rules.yaml", "lowest_mood: {tier: urgent, within_days: 21}\nmissed_check_ins: {times: 2}\n")
    tuning = load_program(lincoln, shipped=shipped).tuning
    assert (tuning.lowest_mood.tier, tuning.lowest_mood.within_days, tuning.lowest_mood.times) == ("urgent", 21, 2)
    assert (tuning.missed_check_ins.tier, tuning.missed_check_ins.times) == ("notice", 2)
    assert (tuning.mood_drop.tier, tuning.nobody_talked.by) == ("concern", 1)


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("\nlowest_mood: {tier: notice}\n", 2, "lowest_mood: a school may raise how urgent a rule is, not lower it"),
        ("lowest_moood: {tier: urgent}\n", 1, '"lowest_moood" is not known here'),
        ("nobody:\n  tiers: urgent\n", 2, '"tiers" is not known here'),
        ("silent: {school_days: 1}\n", 1, "school_days"),
        ("nobody_talked: {after_hours: 40}\n", 1, "at_most_hours must be 12 more than after_hours"),
        ("silent: 14\n", 1, "silent: keys with values are expected here"),
        ("- lowest_mood\n", 0, "expected keys with values"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_line(
    lincoln: Path, shipped: Path, text: str, line: int, complaint: str
) -> None:
    school_file(lincoln, "rules.yaml", text)
    [found] = complaints(lincoln, shipped)
    assert found.startswith(f"lincoln/safety/rules.yaml:{line}:" if line else "lincoln/safety/rules.yaml: ")
    assert complaint in found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("resumed: Hola.\n", 'the text "session_reminder" is missing'),
        ('resumed: Hola.\nsession_reminder: "Hola, {name}."\n', 'the text "session_reminder" has other placeholders'),
        (
            'resumed: Hola.\nsession_reminder: "Hola, {name:>9}."\n',
            'the text "session_reminder": {name} is not a plain',
        ),
    ],
)
def test_the_houses_texts_are_complete_in_every_language(
    lincoln: Path, shipped: Path, text: str, complaint: str
) -> None:
    (shipped / "texts/es.yaml").write_text(text, encoding="utf-8")
    [found] = complaints(lincoln, shipped)
    assert found.startswith(f"shipped/texts/es.yaml: {complaint}")
