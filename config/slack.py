"""The section [slack]: a school's own app in its Slack workspace. docs/slack.md says how to get one."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator, model_validator

from config.section import Section, server_address


class Slack(Section):
    """Switched on by its bot token. Tokens stand in files of their own or in the environment, and nowhere else."""

    workspace: str = Field(default="", pattern="^(T[A-Z0-9]{2,20})?$")
    """The workspace's id: it stays when tokens are renewed, and people's addresses hang on it."""
    bot_token_file: str = ""
    """A file with the bot token and nothing else; seen from the school's folder. So are the next two."""
    bot_token: SecretStr = SecretStr("")
    app_token_file: str = ""
    """The app-level token opens sockets (Socket Mode): no public address is needed."""
    app_token: SecretStr = SecretStr("")
    signing_secret_file: str = ""
    """With it Slack may post to PUBLIC_URL/hooks/slack instead."""
    signing_secret: SecretStr = SecretStr("")
    base_url: str = "https://slack.com/api"
    """Of the Web API; sockets are asked for there as well."""
    min_age: int = Field(default=16, ge=0, le=99)
    """Whom Slack's terms allow to have an account."""
    per_second: float = Field(default=8.75, gt=0, le=100)
    """Messages that leave in a second, over all chats: Slack takes some hundreds a minute."""
    per_chat_second: float = Field(default=1.0, gt=0, le=10)
    """Messages that leave in a second to one chat."""

    @property
    def account(self) -> str:
        """The workspace, where there is an app in it; else nothing."""
        return self.workspace if self.bot_token.get_secret_value() else ""

    @field_validator("bot_token")
    @classmethod
    def _is_a_bot_token(cls, value: SecretStr) -> SecretStr:
        return _beginning(value, "xoxb-", "a bot token")

    @field_validator("app_token")
    @classmethod
    def _is_an_app_token(cls, value: SecretStr) -> SecretStr:
        return _beginning(value, "xapp-", "an app-level token")

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return server_address(value)

    @model_validator(mode="after")
    def _is_whole(self) -> Slack:
        if not (self.bot_token.get_secret_value() or self.bot_token_file):
            return self
        if not self.workspace:
            raise ValueError('needs workspace = "T...": the id in the address of the workspace in a browser')
        ways = (self.app_token, self.signing_secret)
        if not (any(way.get_secret_value() for way in ways) or self.app_token_file or self.signing_secret_file):
            raise ValueError("needs app_token_file (Socket Mode) or signing_secret_file: else nothing would arrive")
        return self


def _beginning(value: SecretStr, sign: str, name: str) -> SecretStr:
    secret = value.get_secret_value().strip()
    if secret and not (secret.startswith(sign) and secret.isascii() and secret.isprintable()):
        raise ValueError(f"is no {name.removeprefix('a ').removeprefix('an ')}: {name} begins with {sign}")
    return SecretStr(secret)
