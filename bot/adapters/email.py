"""E-mail: messages go to adults through the school's own mail server (SMTP). Nothing is read here.

Nobody acknowledges by opening a link, because mail scanners open links too: a link leads to the staff pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import Any, Literal

from bot.adapters.base import Capabilities, Finding, Port
from bot.domain import EMAIL, Inbound, MessageKind, Outbound, Receipt
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable

Security = Literal["starttls", "tls", "none"]
PATIENCE = 20.0
"""Seconds for each answer of the mail server; delivery itself waits 30 for a send."""
_THREADS = 4
"""Of our own: on those that everybody shares, a mail server that does not answer would hold up the whole house."""
_HEADLINE = 90
"""Characters of a subject that a phone shows."""
_GO_ON = 354
_ACCEPTED = range(200, 300)
_FOR_NOW = range(400, 500)
_BUSY = 421
_SILENT = "The mail server breaks off in the middle of a message, or does not answer."
_NO_MAILBOX = (550, 551, 553)


class Adapter:
    """One mail server. `sender`: the address that messages come from."""

    name = EMAIL
    capabilities = Capabilities(buttons=False, hears=False, length=20_000, per_second=5.0, per_chat_second=1.0)

    def __init__(
        self,
        account: str = EMAIL,
        *,
        host: str,
        port: int,
        sender: str,
        security: Security = "starttls",
        user: str = "",
        password: str = "",
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self.account = account
        self._host, self._at, self._security = host, port, security
        self._user, self._password, self._sender = user, password, sender
        self._trusted = trusted
        self._threads: ThreadPoolExecutor | None = None
        self._trouble = ""

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """Nothing comes by e-mail."""
        raise ValueError("nothing is read from e-mail")

    async def start(self, port: Port) -> None:
        """Send from now on."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="email")

    async def stop(self) -> None:
        """Send no more."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, outbound: Outbound) -> Receipt:
        """Hand a message to the mail server; from there on it is in its care."""
        if self._threads is None:
            raise TryLater("not_running")
        recipient = parseaddr(outbound.address.chat)[1]
        if "@" not in recipient or not recipient.isascii() or len(outbound.address.chat.splitlines()) != 1:
            raise Unreachable("no_address")
        message = render(outbound, self._sender)
        try:
            receipt = await asyncio.get_running_loop().run_in_executor(self._threads, self._post, message, recipient)
        except Unreachable:
            self._trouble = ""  # it judges messages, so it works
            raise
        self._trouble = ""
        return receipt

    def routes(self) -> Sequence[Any]:
        """None."""
        return ()

    def trouble(self) -> str:
        """Why the mail server took nothing last time; "" while it takes what it is given."""
        return self._trouble

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """The connection, and the login."""
        try:
            await asyncio.to_thread(self._look)
        except SendError:
            return [Finding("email.login", "The mail server takes mail from Nearpeer.", self._trouble)]
        return [Finding("email.login", "The mail server takes mail from Nearpeer.")]

    # --- in a thread ---

    def _look(self) -> None:
        with self._connected() as server:
            server.noop()

    def _post(self, message: EmailMessage, recipient: str) -> Receipt:
        with self._connected() as server:
            try:
                greeting = server.mail(parseaddr(self._sender)[1])
                if greeting[0] not in _ACCEPTED:
                    self._trouble = f"The mail server refuses our sender ({greeting[0]}): look at [email] sender."
                _expect(greeting, "sender_refused", whole_server=True)
                answer = server.rcpt(recipient)
                _expect(answer, "address_refused" if _is_no_mailbox(answer) else "refused")
                accepted = server.docmd("data")[0] == _GO_ON
            except (OSError, smtplib.SMTPException):
                self._trouble = _SILENT
                raise TryLater("connection_lost") from None
            if not accepted:
                raise TryLater("refused")
            try:
                answer = _deliver(server, message.as_bytes(policy=SMTP))
            except (OSError, smtplib.SMTPException):
                self._trouble = _SILENT
                raise Ambiguous("answer_lost") from None  # it has the text: perhaps it keeps it
            _expect(answer, "refused")
        return Receipt(provider_id=str(message["Message-ID"]))

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A connection that is signed in. What goes wrong before a message is under way is "try later"."""
        server: smtplib.SMTP | None = None
        try:
            server = self._open()
            if self._user:
                server.login(self._user, self._password)
        except smtplib.SMTPAuthenticationError:
            self._trouble = "The mail server refuses the login: look at [email] user and password_file."
            raise TryLater("login_refused") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self._trouble = (
                f"The mail server cannot be reached: {type(error).__name__}. Look at [email] in nearpeer.toml."
            )
            raise TryLater("no_connection") from None
        else:
            yield server
        finally:
            if server is not None:
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()

    def _open(self) -> smtplib.SMTP:
        trusted = self._trusted or ssl.create_default_context()
        if self._security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._at, timeout=PATIENCE, context=trusted)
        else:
            server = smtplib.SMTP(self._host, self._at, timeout=PATIENCE)
            if self._security == "starttls":
                server.starttls(context=trusted)
        server.ehlo_or_helo_if_needed()
        return server


def render(outbound: Outbound, sender: str) -> EmailMessage:
    """A message as mail. Its Message-ID is the same at each try, so that mailboxes know a repeat."""
    # No header takes what ends a line, of which there are more than one knows.
    first_line = " ".join(outbound.text.partition("\n")[0].split())
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = outbound.address.chat
    message["Subject"] = f"Nearpeer: {_headline(first_line)}"
    message["Message-ID"] = f"<nearpeer-{outbound.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Date"] = formatdate()
    # Out-of-office replies and lists leave it alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    if outbound.kind is MessageKind.ALERT:
        message["Importance"] = "high"
    message.set_content(outbound.text)
    return message


def _headline(line: str) -> str:
    """As many whole sentences as a subject takes; "Ms." ends none."""
    start = f"{line} "[:_HEADLINE]
    end = start.rfind(". ")
    return start[:end] if end > len("Mrs.") else start.strip()


def _deliver(server: smtplib.SMTP, body: bytes) -> tuple[int, bytes]:
    """The text itself, behind the server's "go on": lines that begin with a dot get another (RFC 5321, 4.5.2)."""
    lines = body.replace(b"\r\n.", b"\r\n..")
    server.send((b"." if lines.startswith(b".") else b"") + lines.removesuffix(b"\r\n") + b"\r\n.\r\n")
    return server.getreply()


def _expect(answer: tuple[int, bytes], code: str, *, whole_server: bool = False) -> None:
    """Raise what a server's answer means. `whole_server`: a refusal says nothing of the person it was meant for."""
    number = answer[0]
    if number not in _ACCEPTED:
        raise _refusal(number, code, whole_server)


def _is_no_mailbox(answer: tuple[int, bytes]) -> bool:
    """Whether a refusal says that there is no such mailbox: a quota or a policy is over another day (RFC 3463)."""
    number, said = answer
    detail = re.match(rb"5\.\d{1,3}\.\d{1,3}", said)
    if detail is None:
        return number in _NO_MAILBOX
    return detail[0].startswith(b"5.1.") or detail[0] == b"5.2.1"


def _refusal(number: int, code: str, whole_server: bool) -> SendError:
    if number == _BUSY:
        return SlowDown("server_busy")
    if number in _FOR_NOW or whole_server:
        return TryLater(code)
    return Unreachable(code)
