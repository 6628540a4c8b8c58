"""Where adults are reached besides chat, as roster and settings say it: by e-mail, SMS and webhook. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.headerregistry import Address as Mailbox

from bot.domain import EMAIL, SMS, WEBHOOK, Address, Person
from bot.program import Program

POSITIONS = {SMS: 40, EMAIL: 50, WEBHOOK: 90}
"""Behind chats (0), before the web chat (100): what buzzes in a pocket comes first."""


@dataclass(frozen=True, slots=True)
class Way:
    """One more way to reach a person; the lowest position is used first."""

    person_id: int
    address: Address
    position: int


def ways(program: Program, adults: Sequence[Person]) -> Sequence[Way]:
    """All of them, each address once: a phone that several adults share is the first one's, as docs/adults.md says."""
    found: dict[Address, Way] = {}
    for adult in adults:
        for address in _of(program, adult):
            found.setdefault(address, Way(adult.id, address, POSITIONS[address.platform]))
    return tuple(found.values())


def _of(program: Program, adult: Person) -> Iterator[Address]:
    settings = program.settings
    if settings.email.account and adult.email:
        yield Address(EMAIL, settings.email.account, _mailbox(adult))
    if settings.sms.token.get_secret_value() and adult.phone:
        number = e164(adult.phone, settings.school.country)
        if number:
            yield Address(SMS, settings.sms.account, number)
    if settings.webhook.account and adult.key in (settings.webhook.people or (program.safety_contact,)):
        yield Address(WEBHOOK, settings.webhook.account, adult.key)


def _mailbox(adult: Person) -> str:
    """With the name: adults who share a mailbox are told there one by one."""
    try:
        return str(Mailbox(adult.name, addr_spec=adult.email))
    except ValueError:  # a name or address that no header takes
        return adult.email


def e164(phone: str, country: str) -> str:
    """A number as providers take it (+15550100), or "" when it is none. `country`: of numbers without a +."""
    import phonenumbers  # large: only where a school sends SMS

    try:
        number = phonenumbers.parse(phone, country.upper())
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
