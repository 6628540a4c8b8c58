"""A mail server on loopback that speaks SMTP as a school's does: STARTTLS or TLS, a login, and refusals.

Mailboxes at `busy.example` are busy for now (451), at `gone.example` there are none (550), at `full.example` they are
full, and to `policy.example` nothing may be sent from here; what is sent to
`spam.example` is refused once it was read (554), and to `cut.example` the connection ends instead of an answer.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from bot.adapters.email import Adapter, Security
from bot.domain import Address

PEM = Path(__file__).with_name("localhost.pem")
USER, PASSWORD = "nearpeer", "correct horse"
NOBODY = Address("email", "email", "nobody@gone.example")


class Mail:
    """What arrived, and the rules of its mailboxes."""

    def __init__(self) -> None:
        self.arrived: list[EmailMessage] = []
        self.logins = 0

    async def handle_MAIL(  # noqa: N802  (aiosmtpd's name)
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.endswith("@stranger.example"):
            return "550 5.7.1 not from here"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.endswith("@gone.example"):
            return "550 5.1.1 no such mailbox"
        if address.endswith("@policy.example"):
            return "550 5.7.1 relaying denied"
        if address.endswith("@full.example"):
            return "552 mailbox full"
        if address.endswith("@busy.example"):
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        (recipient,) = envelope.rcpt_tos
        if recipient.endswith("@spam.example"):
            return "554 5.7.1 this looks like spam"
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.arrived.append(message)
        if recipient.endswith("@cut.example"):
            server.transport.close()
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
        self.logins += right
        return AuthResult(success=right, handled=False)


class _Door(Controller):
    """TLS at once, TLS on demand, or none."""

    def __init__(self, mail: Mail, security: Security) -> None:
        self._mail, self._security = mail, security
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(PEM)
        self._tls = tls
        super().__init__(mail, hostname="127.0.0.1", port=0, ssl_context=tls if security == "tls" else None)

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def factory(self) -> SMTP:
        more: dict[str, Any] = {"tls_context": self._tls, "require_starttls": True}
        return SMTP(
            self._mail,
            hostname="mail.lincoln.example",
            authenticator=self._mail.authenticate,
            auth_require_tls=self._security == "starttls",
            **(more if self._security == "starttls" else {}),
        )


@contextmanager
def mail_server(security: Security = "starttls") -> Iterator[tuple[Mail, int]]:
    """The server and its port."""
    mail = Mail()
    door = _Door(mail, security)
    door.start()
    try:
        yield mail, door.port
    finally:
        door.stop()


def adapter(port: int, security: Security = "starttls", **more: Any) -> Adapter:
    """One that knows the server's certificate and the login."""
    given = {"user": USER, "password": PASSWORD, "trusted": ssl.create_default_context(cafile=PEM)} | more
    return Adapter(
        host="127.0.0.1",
        port=port,
        sender="Lincoln Mentoring <mentoring@lincoln.example>",
        security=security,
        **given,
    )


@asynccontextmanager
async def running() -> AsyncIterator[Adapter]:
    """For the contract suite."""
    with mail_server() as (_, port):
        made = adapter(port)
        yield made
        await made.stop()
