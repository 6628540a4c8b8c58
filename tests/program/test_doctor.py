"""`nearpeer check`: is Lincoln High's folder fit to run, and if not, where to look?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.disks import file_system
from bot.doctor import CHECKS, check, examine
from bot.program import create, load_program
from bot.safety import ladder as ladders
from tests.program.conftest import Change


def found(lincoln: Path, shipped: Path) -> dict[str, list[str]]:
    """Problems by the id of their check, with short paths."""
    results = examine(lincoln, shipped=shipped)
    return {
        result.id: [str(problem).removeprefix(f"{lincoln}/") for problem in result.problems]
        for result in results
        # In a new folder nobody hears of trouble yet, and adults have the chat only.
        if result.problems and result.id not in ("alarm", "channels")
    }


def test_a_new_folder_is_fit_to_run(lincoln: Path, shipped: Path) -> None:
    assert found(lincoln, shipped) == {}
    assert check(lincoln, shipped=shipped) == []


def test_every_check_has_an_id_of_its_own_and_a_sentence() -> None:
    assert len({one.id for one in CHECKS}) == len(CHECKS)
    assert all(one.sentence.endswith(".") for one in CHECKS)


def test_each_problem_belongs_to_one_check(lincoln: Path, shipped: Path, change: Change) -> None:
    change("nearpeer.toml", 'zone = "America/New_York"', 'zone = "Lincoln"')
    change("program.yaml", "flow: mentor-reflection", "flow: mentor-reflections")
    change("flows/mentee-weekly.yaml", "audience: mentee", "audience: mentees")
    change("roster.csv", "leo,rivera,Wed", "leo,rivera,Someday")
    (shipped / "texts/es.yaml").unlink()
    problems = found(lincoln, shipped)
    assert problems["settings"] == ["nearpeer.toml:4:1: school.zone is no time zone; write one like America/New_York"]
    assert problems["flows"][0].startswith("flows/mentee-weekly.yaml:4:")
    assert problems["roster"] == [
        'roster.csv:2:1: meets: "Someday" is no weekday; write Mon, Tue, Wed, Thu, Fri, Sat or Sun'
    ]
    assert "es.yaml" in problems["texts"][0]
    assert set(problems) == {"settings", "flows", "roster", "texts"}, (
        "a plan is not judged by flows that cannot be read"
    )


def test_a_schedule_that_does_not_fit_its_flow_is_named(lincoln: Path, shipped: Path, change: Change) -> None:
    change("program.yaml", "flow: mentor-reflection", "flow: mentor-reflections")
    problems = found(lincoln, shipped)
    assert list(problems) == ["schedules"]
    assert problems["schedules"][0].startswith(
        'program.yaml:16:5: there is no flow "mentor-reflections" in the folder flows (did you mean'
    )


@pytest.mark.parametrize(
    ("contact", "complaint"),
    [("leo", '"leo" is a mentor, not an adult'), ("smith", 'nobody in the roster has the key "smith"')],
)
def test_the_safety_contact_must_be_an_adult_of_the_roster(
    lincoln: Path, shipped: Path, change: Change, contact: str, complaint: str
) -> None:
    change("nearpeer.toml", '"okafor"', f'"{contact}"')
    assert found(lincoln, shipped) == {
        "adults": [f"nearpeer.toml:7:1: safety.safety_contact {complaint}: nobody would be told"]
    }


@pytest.mark.parametrize(
    ("key", "complaint"),
    [("Leo", '"leo" is a mentor, not an adult'), ("riviera", 'nobody in the roster has the key "riviera"')],
)
def test_a_ladder_names_adults_of_the_roster_only(
    lincoln: Path, shipped: Path, change: Change, key: str, complaint: str
) -> None:
    change("program.yaml", "coordinator, rivera", f"coordinator, {key}")
    assert found(lincoln, shipped) == {"adults": [f"program.yaml:22:10: {complaint}"]}


def test_the_duty_names_adults_of_the_roster_only(lincoln: Path, shipped: Path, change: Change) -> None:
    weeks = "start: 2020-01-06\n  weeks:\n    - [rivera, Leo]\n    - rivera"
    instead = "instead:\n    - {first: 2030-01-01, who: [okafor, riviera]}"
    change("program.yaml", "bypass: okafor", f"bypass: okafor\nduty:\n  {weeks}\n  {instead}")
    assert [one.partition(": ")[2] for one in found(lincoln, shipped)["adults"]] == [
        '"leo" is a mentor, not an adult',
        'nobody in the roster has the key "riviera"',
    ]


def test_a_roster_may_be_spread_over_several_files(lincoln: Path, shipped: Path) -> None:
    (lincoln / "roster-adults.csv").write_text(
        "key,name,role\nrivera,Ms. Rivera,advisor\nokafor,Mr. Okafor,coordinator\n", encoding="utf-8"
    )
    (lincoln / "roster.csv").write_text(
        "key,name,role,mentors,advisor\nmaya,Maya Torres,mentee,leo,rivera\nleo,Leo Kim,mentor,,\n", encoding="utf-8"
    )
    assert found(lincoln, shipped) == {}


def test_a_school_without_a_bypass_person_is_asked_who_is_told_of_what_is_about_an_adult(
    lincoln: Path, shipped: Path, change: Change
) -> None:
    change("program.yaml", "bypass: okafor", "bypass: riviera")
    (problem,) = found(lincoln, shipped)["bypass"]
    assert problem.endswith('nobody in the roster has the key "riviera"')
    change("program.yaml", "bypass: riviera\n", "")
    (problem,) = found(lincoln, shipped)["bypass"]
    assert "names no bypass person" in problem


def test_adults_whom_only_the_chat_reaches_are_named(lincoln: Path, shipped: Path, change: Change) -> None:
    def alone() -> list[str]:
        return [
            str(one)
            for result in examine(lincoln, shipped=shipped)
            if result.id == "channels"
            for one in result.problems
        ]

    assert "Ms. Rivera, Mr. Okafor are told of a crisis in the chat only" in alone()[0]
    with (lincoln / "nearpeer.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[webhook]\nurl = "https://alerts.lincoln.example/x"\nsecret_file = "s"\npeople = ["rivera", "okafor"]\n'
        )
    (lincoln / "s").write_text("a" * 40, encoding="utf-8")
    assert alone() == []


def test_days_on_which_nobody_is_on_duty_are_named(lincoln: Path, shipped: Path, change: Change) -> None:
    change("program.yaml", "bypass: okafor", "bypass: okafor\nduty: {start: 2020-01-06, weeks: [rivera, leo]}")
    problems = found(lincoln, shipped)["duty"]
    assert len(problems) in (1, 2)
    assert "nobody is on duty from" in problems[0]
    change("program.yaml", "weeks: [rivera, leo]", "weeks: [rivera, okafor]")
    assert found(lincoln, shipped) == {}


def test_a_folder_without_a_roster_is_judged_by_the_rest(lincoln: Path, shipped: Path) -> None:
    (lincoln / "roster.csv").unlink()
    assert found(lincoln, shipped) == {}


def test_what_only_looks_wrong_is_a_warning_and_stops_nothing(lincoln: Path, shipped: Path, change: Change) -> None:
    change("roster.csv", "maya,Maya Torres,mentee,leo,rivera,Wed 15:00 45m", "maya,Maya Torres,mentee,,,")
    change("roster.csv", "rivera,Ms. Rivera,advisor,,,\n", "")
    change("program.yaml", "coordinator, rivera", "coordinator")
    change("flows/mentee-weekly.yaml", "Good week", "Good week " + "and so on " * 40)
    problems = found(lincoln, shipped)
    assert set(problems) == {"two-adults", "wording", "pairs"}
    assert problems["wording"][0].startswith("flows/mentee-weekly.yaml:")
    assert problems["pairs"][0] == "roster.csv: Maya Torres (line 2) has no mentor yet."
    assert check(lincoln, shipped=shipped) == []


def test_an_empty_folder_and_none_at_all_are_judged_without_falling_over(tmp_path: Path, shipped: Path) -> None:
    assert {"settings", "plan"} == set(found(tmp_path / "nowhere", shipped))


def test_the_program_model_that_ships_has_a_plan_settings_and_people_that_fit(tmp_path: Path) -> None:
    create(tmp_path / "school")
    results = {result.id: result.problems for result in examine(tmp_path / "school")}
    assert [
        results[id_] for id_ in ("settings", "plan", "flows", "schedules", "cards", "roster", "adults", "pairs")
    ] == [()] * 8


def test_the_program_model_that_ships_says_the_usual_times(tmp_path: Path) -> None:
    create(tmp_path / "school")
    for tier, plan in load_program(tmp_path / "school").ladders.items():
        usual = ladders.defaults()[tier]
        assert (plan.repeat, plan.hold, plan.grace) == (usual.repeat, usual.hold, usual.grace)
        assert [(rung.who, rung.wait) for rung in plan.rungs] == [
            (("advisor",), usual.wait),
            (("coordinator",), usual.wait),
        ]


def test_a_folder_whose_alarms_nobody_hears_is_named_and_runs_all_the_same(
    lincoln: Path, shipped: Path, change: Change
) -> None:
    def silent() -> list[str]:
        (result,) = [one for one in examine(lincoln, shipped=shipped) if one.id == "alarm"]
        assert result.ok
        return [problem.text.partition(" ")[0] for problem in result.problems]

    assert silent() == ["alarm.url", "alarm.dead_man_url"]
    change("nearpeer.toml", "[safety]", '[alarm]\nurl = "https://alarms.school.org/x"\n[safety]')
    assert silent() == ["alarm.dead_man_url"]


def test_f86_a_database_on_a_network_disk_is_named(
    tmp_path: Path, lincoln: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/school {lincoln.resolve()} nfs4 rw 0 0\n")
    assert file_system(lincoln / "deeper", mounts) == "nfs4"
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "nothing") == ""
    monkeypatch.setattr("bot.doctor.file_system", lambda _folder: "nfs4")
    assert "network disk (nfs4)" in found(lincoln, shipped)["local-disk"][0]


def test_a_token_that_others_on_the_computer_can_read_is_named(lincoln: Path, shipped: Path) -> None:
    settings, token = lincoln / "nearpeer.toml", lincoln / "telegram.token"
    settings.write_text(settings.read_text() + '\n[telegram]\ntoken_file = "telegram.token"\n')
    token.write_text("4242:AAcanary")
    token.chmod(0o640)
    (problem,) = found(lincoln, shipped)["secret-files"]
    assert "chmod 600" in problem
    assert "canary" not in problem
    token.chmod(0o600)
    assert found(lincoln, shipped) == {}


def test_numbers_that_get_no_sms_are_named_where_sms_are_sent(tmp_path: Path) -> None:
    school = tmp_path / "school"
    create(school)
    roster = school / "roster.csv"
    text = roster.read_text(encoding="utf-8-sig")
    text = text.replace("+1 555 010 0101", "(206) 555-0100").replace("+1 555 010 0102", "+1 206 555 0100")
    roster.write_text(text + "chen,Ms. Chen,advisor,en,,,,12345 6789,,,\n")

    def numbers() -> list[str]:
        (result,) = [one for one in examine(school) if one.id == "numbers"]
        assert result.ok, "told all the same"
        return [problem.text for problem in result.problems]

    assert numbers() == [], "no SMS are sent"
    (school / "sms.token").write_text("t")
    settings = school / "nearpeer.toml"
    sms = '\n[sms]\naccount = "AC1"\nsender = "+15550001"\ntoken_file = "sms.token"\n'
    settings.write_text(settings.read_text() + sms)
    assert numbers() == [
        "the phone number of Ms. Chen cannot get SMS: write it with + and country",
        "Ms. Rivera and Mr. Okafor have one phone number: only Ms. Rivera is told by SMS",
    ]
