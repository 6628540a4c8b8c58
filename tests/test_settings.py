"""A school's settings: file, environment on top, and every mistake named by its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import Settings, SettingsError, load_settings

LINCOLN = """
[school]
name = "Lincoln High"
zone = "America/New_York"

[safety]
safety_contact = "Okafor"
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEARPEER_SERVER__PORT", "NEARPEER_SEVER__PORT", "NEARPEER_SERVER__PROT", "NEARPEER_SCHOOL"):
        monkeypatch.delenv(name, raising=False)


def load(folder: Path, text: str) -> Settings:
    (folder / "nearpeer.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(folder, text)
    return dict(caught.value.problems)


def test_a_short_file_is_enough_and_the_rest_has_safe_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, LINCOLN)
    assert (settings.server.host, settings.server.port, settings.server.public_url) == ("127.0.0.1", 8700, "")
    assert settings.storage.url == f"sqlite:///{tmp_path}/nearpeer.db"
    assert (settings.school.country, settings.school.place["es"]) == ("us", "la oficina de consejería")
    assert settings.safety.safety_contact == "okafor"


def test_settings_do_not_change_after_start(tmp_path: Path) -> None:
    settings = load(tmp_path, LINCOLN)
    with pytest.raises(ValidationError):
        settings.server.port = 1
    with pytest.raises(ValidationError):
        settings.school = settings.school


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_SERVER__PORT", "8123")
    settings = load(tmp_path, LINCOLN + '\n[server]\nport = 9000\npublic_url = "https://mentors.example.org/"\n')
    assert (settings.server.port, settings.server.public_url) == (8123, "https://mentors.example.org")


def test_a_misspelt_variable_is_named_in_section_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_SEVER__PORT", "8123")
    monkeypatch.setenv("NEARPEER_SERVER__PROT", "8123")
    found = problems(tmp_path, LINCOLN)
    assert 'did you mean "NEARPEER_SERVER__PORT"?' in found["NEARPEER_SEVER__PORT"]
    assert found["NEARPEER_SERVER__PROT"] == 'is not known; did you mean "port"?'


def test_a_misspelt_variable_alone_is_enough_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_SEVER__PORT", "8123")
    assert list(problems(tmp_path, LINCOLN)) == ["NEARPEER_SEVER__PORT"]


def test_a_variable_that_is_not_json_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_SCHOOL", "{")
    assert "cannot be read" in problems(tmp_path, LINCOLN)[""]


def test_unknown_keys_and_sections_are_refused_with_a_guess(tmp_path: Path) -> None:
    found = problems(tmp_path, LINCOLN + '\n[server]\nprot = 1\n[stroage]\nurl = ""\n')
    assert found == {
        "server.prot": 'is not known; did you mean "port"?',
        "stroage": 'is not known; did you mean "storage"?',
    }


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (LINCOLN.replace('"Okafor"', '""'), "safety.safety_contact", "is missing"),
        (LINCOLN.replace('"Okafor"', '"  "'), "safety.safety_contact", "is missing"),
        (LINCOLN.replace("safety_contact", "# safety_contact"), "safety.safety_contact", "is missing"),
        (LINCOLN.replace("America/New_York", "America/New_Yrok"), "school.zone", "no time zone"),
        (LINCOLN.replace("America/New_York", "../../etc/passwd"), "school.zone", "no time zone"),
        (LINCOLN.replace("America/New_York", "America"), "school.zone", "no time zone"),
        (LINCOLN.replace("America/New_York", ""), "school.zone", "no time zone"),
        (LINCOLN + "[server]\nport = 70000", "server.port", "less than or equal to 65535"),
        (LINCOLN + '[server]\npublic_url = "mentors.example.org"', "server.public_url", "https://"),
        (LINCOLN + '[server]\nhost = "0.0.0.0"', "server", "beyond this computer"),
        (LINCOLN + '[server]\nhost = "0.0.0.0"\npublic_url = "http://a.example.org"', "server", "beyond this computer"),
        (LINCOLN + '[program]\nfolder = "../other"', "program.folder", "inside the school's folder"),
        (LINCOLN + "[server\n", "", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named_by_its_key(tmp_path: Path, text: str, key: str, words: str) -> None:
    found = problems(tmp_path, text)
    assert list(found) == [key]
    assert words in found[key]


def test_pages_beyond_this_computer_need_https(tmp_path: Path) -> None:
    outside = LINCOLN + '[server]\nhost = "0.0.0.0"\npublic_url = "https://mentors.example.org"'
    assert load(tmp_path, outside).server.host == "0.0.0.0"


def test_a_value_that_is_refused_is_never_shown(tmp_path: Path) -> None:
    secret = 'url = ["postgresql://nearpeer:hunter2@db/nearpeer"]'
    found = problems(tmp_path, LINCOLN + f"[storage]\n{secret}\n")
    assert "storage.url" in found
    assert "hunter2" not in str(found)


def test_a_missing_file_and_one_that_is_no_text_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)
    (tmp_path / "nearpeer.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path)


def test_a_database_files_path_is_seen_from_the_schools_folder(tmp_path: Path) -> None:
    settings = load(tmp_path, LINCOLN + '\n[storage]\nurl = "sqlite:///kept/lincoln.db"\n')
    assert settings.storage.url == f"sqlite:///{tmp_path}/kept/lincoln.db"
    elsewhere = load(tmp_path, LINCOLN + '\n[storage]\nurl = "sqlite:////srv/lincoln.db"\n')
    assert elsewhere.storage.url == "sqlite:////srv/lincoln.db"


def test_an_address_of_no_database_is_named_without_its_password(tmp_path: Path) -> None:
    found = problems(tmp_path, LINCOLN + '\n[storage]\nurl = "mysql://office:sesame@db/lincoln"\n')
    assert found == {"storage.url": "must be empty, or begin with sqlite:/// or postgresql://"}


def test_the_variable_of_crash_tests_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_FAILPOINTS", "send.posted=exit")
    assert load(tmp_path, LINCOLN).school.name == "Lincoln High"


# --- a bot on Telegram ---

TOKEN = "4242:AAcanary-of-a-token"


def test_without_a_token_there_is_no_bot(tmp_path: Path) -> None:
    assert load(tmp_path, LINCOLN).telegram.account == ""
    assert load(tmp_path, LINCOLN + "[telegram]\nmin_age = 13\n").telegram.account == ""


def test_the_token_stands_in_a_file_of_its_own_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "telegram.token").write_text(f"\n {TOKEN}\r\n")
    settings = load(tmp_path, LINCOLN + '[telegram]\ntoken_file = "telegram.token"\nper_second = 20\n')
    assert settings.telegram.token.get_secret_value() == TOKEN
    assert (settings.telegram.account, settings.telegram.per_second) == ("4242", 20)
    assert "canary" not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_the_environment_may_give_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_TELEGRAM__TOKEN", TOKEN)
    settings = load(tmp_path, LINCOLN + '[telegram]\ntoken_file = "not there"\n')
    assert settings.telegram.account == "4242"


def test_a_token_in_the_settings_file_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, LINCOLN + f'[telegram]\ntoken = "{TOKEN}"\n')
    assert "file of its own" in found["telegram.token"]
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot be read"), ("", "is empty"), ("canary", "is no bot token"), (b"\xff\xfe", "cannot be read")],
)
def test_a_token_file_that_is_none_is_named(tmp_path: Path, content: str | bytes | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content if isinstance(content, bytes) else content.encode())
    found = problems(tmp_path, LINCOLN + '[telegram]\ntoken_file = "token"\n')
    assert complaint in found["telegram.token_file"]
    assert "canary" not in str(found)


def test_a_wrong_token_in_the_environment_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARPEER_TELEGRAM__TOKEN", "canary")
    found = problems(tmp_path, LINCOLN)
    assert "is no bot token" in found["NEARPEER_TELEGRAM__TOKEN"]
    assert "canary" not in str(found)


@pytest.mark.parametrize("url", ["http://api.example.org", "api.telegram.org", "ftp://localhost"])
def test_the_token_never_crosses_a_network_in_the_clear(tmp_path: Path, url: str) -> None:
    assert "telegram.base_url" in problems(tmp_path, LINCOLN + f'[telegram]\nbase_url = "{url}"\n')


def test_telegram_posts_only_to_where_it_can(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    wanted = '[telegram]\ntoken_file = "token"\nwebhook = true\n'
    assert "public_url" in problems(tmp_path, LINCOLN + wanted)["telegram.webhook"]
    outside = '[server]\npublic_url = "https://mentoring.example.org"\n'
    assert load(tmp_path, LINCOLN + outside + wanted).telegram.webhook


def test_a_server_of_ones_own_may_stand_on_this_computer(tmp_path: Path) -> None:
    settings = load(tmp_path, LINCOLN + '[telegram]\nbase_url = "http://localhost:8081/"\n')
    assert settings.telegram.base_url == "http://localhost:8081"


SLACK = '[slack]\nworkspace = "T0LINCOLN"\nbot_token_file = "bot.token"\napp_token_file = "app.token"\n'


def slack_files(folder: Path, bot: str = "xoxb-1-canary", app: str = "xapp-1-canary") -> None:
    (folder / "bot.token").write_text(f"{bot}\n")
    (folder / "app.token").write_text(f"\ufeff{app}\r\n", encoding="utf-8")


def test_slacks_tokens_stand_in_files_of_their_own_and_are_never_shown(tmp_path: Path) -> None:
    slack_files(tmp_path)
    settings = load(tmp_path, LINCOLN + SLACK)
    assert settings.slack.account == "T0LINCOLN"
    assert settings.slack.bot_token.get_secret_value() == "xoxb-1-canary"
    assert settings.slack.app_token.get_secret_value() == "xapp-1-canary"
    assert "canary" not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_without_slacks_bot_token_there_is_no_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, LINCOLN).slack.account == ""
    monkeypatch.setenv("NEARPEER_SLACK__BOT_TOKEN", "xoxb-2")
    monkeypatch.setenv("NEARPEER_SLACK__SIGNING_SECRET", "secret")
    assert load(tmp_path, LINCOLN + '[slack]\nworkspace = "T0LINCOLN"\n').slack.account == "T0LINCOLN"


@pytest.mark.parametrize(
    ("section", "key", "complaint"),
    [
        (SLACK.replace('workspace = "T0LINCOLN"', ""), "slack", "workspace"),
        (SLACK.replace("T0LINCOLN", "lincoln.slack.com"), "slack.workspace", "pattern"),
        (SLACK.replace('app_token_file = "app.token"', ""), "slack", "app_token_file"),
        (SLACK + 'bot_token = "xoxb-canary"', "slack.bot_token", "file of its own"),
        (SLACK + 'signing_secret = "canary"', "slack.signing_secret", "file of its own"),
        (SLACK.replace("bot.token", "app.token"), "slack.bot_token_file", "xoxb-"),
    ],
)
def test_what_is_wrong_with_slack_is_named_and_not_repeated(
    tmp_path: Path, section: str, key: str, complaint: str
) -> None:
    slack_files(tmp_path)
    found = problems(tmp_path, LINCOLN + section)
    assert complaint in found[key]
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ('[email]\nhost = "smtp.x.org"', "needs sender"),
        ('[email]\nhost = "smtp.x.org"\nsender = "a@x.org"\nuser = "a"', "needs both user and password_file"),
        (
            '[email]\nhost = "smtp.x.org"\nsender = "a@x.org"\nuser = "a"\npassword_file = "p"\nsecurity = "none"',
            "clear",
        ),
        ('[email]\nhost = "smtp.x.org"\nsender = "a@x.org"\nuser = "a"\npassword = "p"', "password"),
        ('[sms]\ntoken_file = "p"', "needs account"),
        ('[sms]\nsender = "12"', "sender"),
        ('[webhook]\nurl = "https://x.org"', "needs secret_file"),
        ('[webhook]\nurl = "http://x.org"\nsecret_file = "p"', "https://"),
    ],
)
def test_half_a_way_to_reach_adults_is_refused_with_what_is_missing(tmp_path: Path, section: str, problem: str) -> None:
    (tmp_path / "p").write_text("violet")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, f"{LINCOLN}\n{section}\n")
    assert problem in str(refused.value)
    assert "violet" not in str(refused.value)
