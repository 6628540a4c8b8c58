"""`nearpeer doctor`: what each platform says of a school's settings, and words for whoever must mend it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.adapters.base import Finding
from bot.adapters.telegram import examining
from bot.cli import app
from bot.diagnosis import diagnose, told, told_as_json
from bot.program import create
from tests.fakes.email import USER, adapter, mail_server
from tests.fakes.loopback import Answer, web_server
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, Slack
from tests.fakes.sms import ACCOUNT, OURS, TOKEN, provider
from tests.fakes.telegram import BotServer, update
from tests.fakes.telegram import api as telegram_api


def wrong(findings: Sequence[Finding]) -> dict[str, str]:
    return {one.id: one.wrong for one in findings if one.wrong}


# --- Telegram ---


async def asked_of_telegram(server: BotServer, *, fix: bool = False, running: bool = True) -> Sequence[Finding]:
    from bot.adapters.telegram.adapter import Adapter

    return await Adapter("1", telegram_api(server)).examine(fix=fix, running=running)


async def test_a_bot_that_is_set_up_is_well_once_its_commands_are_set() -> None:
    async with BotServer().running() as server:
        assert wrong(await asked_of_telegram(server)).keys() == {"telegram.commands", "telegram.description"}
        assert wrong(await asked_of_telegram(server, fix=True)) == {}
        assert wrong(await asked_of_telegram(server)) == {}
        assert "getUpdates" not in [method for method, _ in server.calls], "a look takes no updates from who polls"


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({"revoked": True}, "telegram.token"),
        ({"webhook": {"url": "https://elsewhere.example"}}, "telegram.webhook"),
        ({"powers": {"can_join_groups": True}}, "telegram.groups"),
        ({"powers": {"can_read_all_group_messages": True}}, "telegram.privacy"),
    ],
)
async def test_what_is_wrong_with_a_bot_is_named(given: dict[str, Any], finding: str) -> None:
    async with BotServer(**given).running() as server:
        found = wrong(await asked_of_telegram(server, fix=True))
        assert found.keys() == {finding}
        assert server.token not in found[finding]


async def test_a_webhook_of_another_program_is_not_taken_for_a_second_poller() -> None:
    async with BotServer(webhook={"url": "https://elsewhere.example"}).running() as server:
        assert wrong(await asked_of_telegram(server, fix=True, running=False)).keys() == {"telegram.webhook"}


async def test_f52_a_second_poller_is_found_and_nothing_that_waits_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "LISTENING", 1)
    async with BotServer(descriptions={"": "Ours."}).running() as server:
        assert wrong(await asked_of_telegram(server, fix=True, running=False)) == {}

        elsewhere = telegram_api(server)

        async def poll() -> None:
            while True:
                await elsewhere("getUpdates", {"timeout": 5, "allowed_updates": ["message"]})

        other = asyncio.create_task(poll())
        await asyncio.sleep(0.1)
        found = wrong(await asked_of_telegram(server, running=False))
        other.cancel()
        await asyncio.wait({other})
        await elsewhere.close()
        assert found.keys() == {"telegram.alone"}
        server.do(update("kept"))
        assert wrong(await asked_of_telegram(server, running=False)) == {}
        assert len(server.waiting) == 1
        assert server.confirmed == 0


async def test_a_description_of_the_schools_own_is_left_alone() -> None:
    async with BotServer(descriptions={"": "Ours."}).running() as server:
        assert wrong(await asked_of_telegram(server, fix=True)) == {}
        assert server.descriptions == {"": "Ours."}


async def test_a_bot_api_that_cannot_be_reached_is_said_to_be_so() -> None:
    async with BotServer().running() as server:
        pass
    assert wrong(await asked_of_telegram(server)).keys() == {"telegram.reached"}


# --- Slack ---


async def test_an_app_that_is_set_up_is_well() -> None:
    async with Slack().running() as slack:
        found = await slack.adapter().examine()
    assert wrong(found) == {}
    assert [one.id for one in found] == ["slack.bot-token", "slack.workspace", "slack.scopes", "slack.app-token"]
    assert "Lincoln High" in found[0].sentence
    assert slack.sockets == []


@pytest.mark.parametrize(
    ("given", "findings", "word"),
    [
        ({"revoked": {BOT_TOKEN}}, {"slack.bot-token"}, "bot_token_file"),
        ({"revoked": {APP_TOKEN}}, {"slack.app-token"}, "app_token_file"),
        ({"scopes": ("chat:write", "commands", "im:read", "im:write", "users:read")}, {"slack.scopes"}, "im:history"),
        ({"partitioned": True}, {"slack.bot-token"}, "HTTPS_PROXY"),
    ],
)
async def test_what_is_wrong_with_an_app_is_named(given: dict[str, Any], findings: set[str], word: str) -> None:
    async with Slack(**given).running() as slack:
        found = wrong(await slack.adapter().examine())
    assert found.keys() == findings
    assert word in " ".join(found.values())
    assert "xoxb" not in " ".join(found.values())


async def test_a_token_of_another_workspace_is_named() -> None:
    async with Slack().running() as slack:
        slack.plan("auth.test", (200, {"ok": True, "team_id": "TOTHER", "team": "Other"}, {}))
        assert 'workspace = "TOTHER"' in wrong(await slack.adapter().examine())["slack.workspace"]


# --- ways to adults, and the whole ---


async def test_a_mail_server_that_refuses_the_login_is_named() -> None:
    with mail_server() as (_, port):
        assert wrong(await adapter(port).examine()) == {}
        assert "password_file" in wrong(await adapter(port, password="no").examine())["email.login"]


@contextmanager
def school(folder: Path, *, status: str = "active") -> Iterator[Path]:
    """A school's folder that names a mail server, an SMS provider and a webhook."""
    with mail_server("none") as (_, port), provider() as (sms, url), web_server(lambda _: Answer(405)) as hook:
        sms.status = status
        create(folder)
        for name, secret in (("email", "correct horse"), ("sms", TOKEN), ("webhook", "s")):
            (folder / f"{name}.secret").write_text(secret)
        with (folder / "nearpeer.toml").open("a") as settings:
            settings.write(f"""
[email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "a@lincoln.example"
user = "{USER}"
password_file = "email.secret"
[sms]
account = "{ACCOUNT}"
token_file = "sms.secret"
sender = "{OURS}"
base_url = "{url}"
[webhook]
url = "{hook}"
secret_file = "webhook.secret"
""")
        yield folder


def test_a_whole_school_is_looked_at_and_nothing_is_changed(tmp_path: Path) -> None:
    with school(tmp_path / "lincoln") as folder:
        before = sorted(folder.rglob("*"))
        found = diagnose(folder)
        assert wrong(found).keys() == {"sms.answers"}
        kept = [path for path in sorted(folder.rglob("*")) if ".cache" not in path.parts]
        assert kept == before, "a look makes no database"
    assert found[0].id == "database"
    assert {"clock", "email.login", "sms.login", "webhook.reached", "adults.ways"} <= {one.id for one in found}
    assert told(found).count("\n") == len(found)  # one line each, and one for what is wrong


def test_the_word_says_what_is_wrong_and_its_exit_code_tells(tmp_path: Path) -> None:
    with school(tmp_path / "lincoln", status="suspended") as folder:
        shown = CliRunner().invoke(app, ["doctor", str(folder)])
        assert shown.exit_code == 1
        assert "WRONG The SMS provider knows the account, and it is active." in shown.stdout
        as_json = CliRunner().invoke(app, ["doctor", str(folder), "--json"])
        assert as_json.exit_code == 1
        read = json.loads(as_json.stdout)
        assert read["ok"] is False
        assert [one["id"] for one in read["findings"] if one["wrong"] and not one["warns"]] == ["sms.login"]
        for secret in ("correct horse", TOKEN):
            assert secret not in shown.output + as_json.output


def test_a_school_without_any_platform_is_well_and_told_what_it_lacks(tmp_path: Path) -> None:
    create(tmp_path / "lincoln")
    found = diagnose(tmp_path / "lincoln")
    assert wrong(found).keys() == {"adults.ways"}
    assert json.loads(told_as_json(found))["ok"] is True
