"""A school's settings: DIR/nearpeer.toml, with environment variables NEARPEER_SECTION__KEY on top, frozen after start.

Only settings live here; what a program says and asks is content (YAML), read elsewhere. No value of a wrong setting is
ever shown: it may be a password.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from config.reach import Email, Sms, Webhook
from config.section import Section, loopback
from config.slack import Slack
from config.telegram import Telegram

FILE = "nearpeer.toml"
PREFIX = "NEARPEER_"
NO_SETTINGS = ("NEARPEER_FAILPOINTS",)
"""Variables that begin like settings and belong to somebody else: bot.failpoints."""
SQLITE = "sqlite:///"
LARGEST_FILE = 100_000
"""Bytes."""
SECRETS = (
    ("telegram", "token"),
    ("slack", "bot_token"),
    ("slack", "app_token"),
    ("slack", "signing_secret"),
    ("email", "password"),
    ("sms", "token"),
    ("webhook", "secret"),
)
"""Section and key of what never stands in nearpeer.toml: in the file that `<key>_file` names, or the environment."""


class SettingsError(ValueError):
    """Settings cannot be used. `problems` are (key, sentence); the key is empty for the whole file."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key} {text}".strip() for key, text in problems))
        self.problems = problems


class Server(Section):
    """Where the pages are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8700, ge=1, le=65535)
    public_url: str = ""
    """How people's browsers reach it, if not by host and port."""

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("must be an address like https://mentoring.school.org")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_safe_outside(self) -> Server:
        if not loopback(self.host) and not self.public_url.startswith("https://"):
            raise ValueError(
                "beyond this computer (host) pages are served only with a public_url that begins with https://"
            )
        return self


class Storage(Section):
    """Where people and their words are kept."""

    url: str = ""
    """Empty: SQLite, in the school's folder. A SQLite file's path is seen from there as well."""

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None on PostgreSQL; of settings that were loaded, which know where it is."""
        return Path(self.url.removeprefix(SQLITE).partition("?")[0]) if self.url.startswith(SQLITE) else None

    @field_validator("url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if value and not value.startswith((SQLITE, "postgresql://")):
            raise ValueError("must be empty, or begin with sqlite:/// or postgresql://")
        return value


class School(Section):
    name: str = Field(min_length=1, max_length=200)
    zone: str
    country: str = "us"
    """Decides which crisis numbers students are shown."""
    place: str | dict[str, str] = Field(
        default={"en": "the counseling office", "es": "la oficina de consejería"}, min_length=1
    )
    """Where a student finds an adult in person: one text for all, or one for each language."""

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):  # a folder's name, an empty or unsafe name, an unknown name
            raise ValueError("is no time zone; write one like America/New_York") from None
        return value

    @field_validator("country")
    @classmethod
    def _is_a_code(cls, value: str) -> str:
        if len(value) != 2 or not value.isalpha():
            raise ValueError("must be a country code of two letters, like us")
        return value.lower()


class ProgramFolder(Section):
    folder: str = "."
    """Where program.yaml and flows/ are, seen from the school's folder."""

    @field_validator("folder")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = Path(value)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("must be a folder inside the school's folder")
        return value


class Safety(Section):
    safety_contact: str = Field(min_length=1)
    """The roster key of the adult who is told again and again when nobody else answers."""

    @field_validator("safety_contact")
    @classmethod
    def _as_in_the_roster(cls, value: str) -> str:
        return value.casefold()


class Alarm(Section):
    """Who is told when Nearpeer itself is in trouble. See docs/alarms.md."""

    url: str = ""
    """Where alarms are posted."""
    shape: Literal["json", "slack", "ntfy"] = "json"
    """What is posted: our own small JSON, a chat's incoming webhook, or a topic of ntfy."""
    dead_man_url: str = ""
    """Asked every minute while all is well; whoever stands there raises the alarm when nobody asks any more."""

    @field_validator("url", "dead_man_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an address like https://alarms.school.org/nearpeer")
        return value


class Backup(Section):
    warn_after_days: int = Field(default=3, ge=0, le=365)
    """Staff read under Health that the last backup is older than this; 0: never, others look after backups."""


class Settings(BaseSettings):
    """Everything that one school has set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    school: School
    safety: Safety
    server: Server = Server()
    storage: Storage = Storage()
    program: ProgramFolder = ProgramFolder()
    alarm: Alarm = Alarm()
    backup: Backup = Backup()
    telegram: Telegram = Telegram()
    slack: Slack = Slack()
    email: Email = Email()
    sms: Sms = Sms()
    webhook: Webhook = Webhook()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what the file says; nothing else is looked at."""
        return env_settings, init_settings


def load_settings(folder: Path) -> Settings:
    """The settings of the school whose folder this is. Raises SettingsError with every problem."""
    wrong = _unknown_variables(os.environ)
    try:
        written = _read(folder / FILE)
        wrong += [(f"{section}.{key}", _NOT_HERE) for section, key in SECRETS if key in _table(written, section)]
        settings = Settings(**written)
    except ValidationError as error:
        raise SettingsError([_problem(item) for item in error.errors(include_url=False)] + wrong) from None
    except UnreadableVariable:
        raise SettingsError([("", f"an environment variable {PREFIX}... cannot be read"), *wrong]) from None
    if settings.telegram.webhook and not settings.server.public_url.startswith("https://"):
        wrong.append(("telegram.webhook", "needs a public_url in [server] that begins with https://"))
    secrets = _secrets(folder, settings, wrong)
    if wrong:
        raise SettingsError(wrong)
    url = settings.storage.url or f"{SQLITE}nearpeer.db"
    if url.startswith(SQLITE):
        # Seen from the school's folder, wherever the command is given: never a second, empty database elsewhere.
        url = SQLITE + str((folder / url.removeprefix(SQLITE)).resolve())
    return settings.model_copy(update={"storage": Storage(url=url), **secrets})


_NOT_HERE = "is a secret, and this file is copied and backed up: put it into a file of its own, or the environment"


def _secrets(folder: Path, settings: Settings, wrong: list[tuple[str, str]]) -> dict[str, Section]:
    """The sections whose secrets stand in files, with them; what is wrong is added to `wrong`."""
    found: dict[str, Section] = {}
    for name, key in SECRETS:
        section: Section = found.get(name, getattr(settings, name))
        file = getattr(section, f"{key}_file")
        if not file or getattr(section, key).get_secret_value():
            continue
        try:
            secret = (folder / file).read_text(encoding="utf-8-sig")[:LARGEST_FILE].strip()
            found[name] = type(section)(**{**dict(section), key: SecretStr(secret)})
            complaint = "" if secret else "the file is empty"
        except (OSError, UnicodeDecodeError) as error:
            complaint = f"the file cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
        except ValidationError as error:
            complaint = f"what the file holds {_problem(error.errors(include_url=False)[0])[1]}"
        if complaint:
            wrong.append((f"{name}.{key}_file", complaint))
    return found


def _table(written: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    table = written.get(section)
    return table if isinstance(table, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SettingsError([("", f"the file cannot be read: {error.strerror}")]) from None
    if len(content) > LARGEST_FILE:
        raise SettingsError([("", f"the file is larger than {LARGEST_FILE:,} bytes")])
    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise SettingsError([("", "this is not UTF-8 text")]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([("", f"this is not TOML: {error}")]) from None


def _problem(item: ErrorDetails) -> tuple[str, str]:
    location = [str(part) for part in item["loc"]]
    variable = PREFIX + "__".join(location).upper()
    key = variable if variable in {name.upper() for name in os.environ} else ".".join(location)
    if item["type"] in ("missing", "string_too_short"):
        return key, "is missing"
    if item["type"] == "extra_forbidden":
        return key, "is not known" + _did_you_mean(location[-1], _known(location[:-1]))
    return key, item["msg"].removeprefix("Value error, ")


def _unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and belong to no section: pydantic-settings says nothing of them."""
    known = [f"{PREFIX}{section}__{key}".upper() for section in _known([]) for key in _known([section])]
    sections = {f"{PREFIX}{section}".upper() for section in _known([])}
    return [
        (name, "is an environment variable that is not known" + _did_you_mean(name.upper(), known))
        for name in sorted(environment)
        if name.upper().startswith(PREFIX)
        and name.upper() not in NO_SETTINGS
        and name.upper().partition("__")[0] not in sections
    ]


def _known(location: list[str]) -> list[str]:
    """The sections, or the keys of one section."""
    if not location:
        return list(Settings.model_fields)
    field = Settings.model_fields.get(location[0])
    return list(field.annotation.model_fields) if field and field.annotation else []


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
