"""The sections [email], [sms] and [webhook]: more ways to reach adults. docs/adults.md says how to set them up."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from config.section import Section, loopback, server_address


class Email(Section):
    """Switched on by its host: the school's own mail server."""

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    """TLS on demand (port 587), at once (465), or none, for a relay that takes mail from this computer as it is."""
    user: str = ""
    password_file: str = ""
    """A file with the password and nothing else; seen from the school's folder."""
    password: SecretStr = SecretStr("")
    sender: str = ""
    """The address that messages come from: mentoring@your-school.org, or with a name before it in <>."""

    @property
    def account(self) -> str:
        """Empty: there is no mail server."""
        return "email" if self.host else ""

    @model_validator(mode="after")
    def _is_whole(self) -> Email:
        if not self.host:
            return self
        if "@" not in self.sender or len(self.sender.splitlines()) != 1:
            raise ValueError("needs sender: the address that messages come from, like mentoring@your-school.org")
        has_password = bool(self.password_file or self.password.get_secret_value())
        if bool(self.user) != has_password:
            raise ValueError("needs both user and password_file, or neither")
        if has_password and self.security == "none" and not loopback(self.host):
            raise ValueError(
                'needs security = "starttls" or "tls": else the password would cross the network in the clear'
            )
        return self


class Sms(Section):
    """Switched on by its token: an account at Twilio, or at whoever speaks as Twilio does."""

    account: str = Field(default="", pattern="^[A-Za-z0-9_-]{0,100}$")
    """The account's id (AC...)."""
    token_file: str = ""
    """A file with the account's token and nothing else; seen from the school's folder."""
    token: SecretStr = SecretStr("")
    sender: str = Field(default="", pattern=r"^(\+[0-9]{6,15}|MG[A-Za-z0-9]{1,64})?$")
    """Our number (+1...), or a messaging service (MG...)."""
    base_url: str = "https://api.twilio.com"

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return server_address(value)

    @model_validator(mode="after")
    def _is_whole(self) -> Sms:
        if (self.token_file or self.token.get_secret_value()) and not (self.account and self.sender):
            raise ValueError("needs account (AC...) and sender (+1... or MG...)")
        return self


class Webhook(Section):
    """Switched on by its address: what takes alerts there is the school's own."""

    url: str = ""
    secret_file: str = ""
    """A file with the secret that signs, and nothing else; seen from the school's folder."""
    secret: SecretStr = SecretStr("")
    people: tuple[str, ...] = ()
    """Roster keys of the adults whose alerts go there as well; empty: the safety contact's."""

    @property
    def account(self) -> str:
        """Empty: there is none."""
        return "webhook" if self.url else ""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an address like https://alerts.your-school.org/nearpeer")
        if parts.scheme == "http" and not loopback(parts.hostname or ""):
            raise ValueError("must begin with https://")
        return value

    @field_validator("people")
    @classmethod
    def _as_in_the_roster(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(key.casefold() for key in value)

    @model_validator(mode="after")
    def _is_whole(self) -> Webhook:
        if self.url and not (self.secret_file or self.secret.get_secret_value()):
            raise ValueError("needs secret_file: what is not signed could come from anybody")
        return self
