"""The section [telegram]: a bot on Telegram. docs/telegram.md says how to get one."""

from __future__ import annotations

import re

from pydantic import Field, SecretStr, field_validator

from config.section import Section, server_address

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")


class Telegram(Section):
    """Switched on by its token, which stands in a file of its own or in the environment, and nowhere else."""

    token_file: str = ""
    """A file with the token and nothing else; seen from the school's folder."""
    token: SecretStr = SecretStr("")
    base_url: str = "https://api.telegram.org"
    """Another one is a Bot API server of the school's own."""
    webhook: bool = False
    """Telegram posts to us, at public_url, instead of being asked."""
    min_age: int = Field(default=16, ge=0, le=99)
    """Whom Telegram's terms allow to have an account where the school is."""
    per_second: float = Field(default=30.0, gt=0, le=1000)
    """Messages that leave in a second, over all chats."""
    per_chat_second: float = Field(default=1.0, gt=0, le=30)
    """Messages that leave in a second to one chat."""

    @property
    def account(self) -> str:
        """The bot's number, which is no secret: it stays when the token is renewed. Empty: there is no bot."""
        return self.token.get_secret_value().partition(":")[0]

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, value: SecretStr) -> SecretStr:
        token = SecretStr(value.get_secret_value().strip())
        if token.get_secret_value() and not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("is no bot token; BotFather's look like 123456789:AAExampleExample")
        return token

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return server_address(value)
