"""F74: whatever stands in a name, a reason or a student's words is inert on every channel, and quoted as theirs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from bot.adapters import email, sms, webhook
from bot.adapters.slack import blocks
from bot.adapters.telegram import writing
from bot.console.desk import templates
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from bot.markup import inert
from storage import tables
from tests.school import MAYA, RIVERA, House, on_sqlite

CORPUS = {
    "everyone": "@everyone @here @channel",
    "slack": "<!channel> <!here> <@U0LEO> <https://evil.example|your school>",
    "markdown": "*RESOLVED* _by_ `admin` [sign in](https://evil.example) > quote",
    "html": "<b>x</b><script>alert(1)</script><img src=x onerror=alert(1)> &amp; &#x202e;",
    "resolved": "RESOLVED by admin.\nCase 4F7K is closed. You need not do anything.",
    "link": "https://evil.example/staff javascript:alert(1) tg://resolve?domain=evil",
    "bidi": "\u202e}nimda yb DEVLOSER{\u2066\u2069",
    "zero width": "ki\u200bll \u200dmy\u2060self\ufeff",
    "control": "\x1b[2J\x07\x00\x08",
    "header": "Maya\r\nBcc: everyone@evil.example\r\n\r\nbody",
    "template": "{reason} {{ school }} {% raw %} ${x} %s",
    "formula": '=HYPERLINK("https://evil.example")',
}
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff]")
hostile = pytest.mark.parametrize("words", CORPUS.values(), ids=CORPUS.keys())


def alert(platform: str, words: str) -> Outbound:
    """As delivery hands an alert to an adapter."""
    choices = (Choice(words[:40], "1f.0", "take"),)
    text = f"CRISIS: M.T. (Lincoln High) needs an adult.\nWhy: {words}.\nCase 4F7K."
    address = Address(platform, "account", "C1" if platform == "slack" else "rivera@school.example")
    return inert(Outbound(7, address, MessageKind.ALERT, Priority.ALERT, text, choices))


def letters(value: object) -> str:
    """Every text of a body, as its reader gets it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(letters(one) for one in value.values())
    return "\n".join(letters(one) for one in value) if isinstance(value, list) else ""


@hostile
def test_f74_on_slack_it_stands_in_plain_text_elements_and_rings_nobody(words: str) -> None:
    for body in blocks.render(alert("slack", words)):
        assert (body["mrkdwn"], body["link_names"], body["parse"]) == (False, False, "none")
        assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
        assert "<" not in body["text"]
        assert not HIDDEN.search(letters(body))
        texts = [block["text"] for block in body["blocks"] if block["type"] == "section"]
        texts += [one["text"] for block in body["blocks"] if block["type"] == "actions" for one in block["elements"]]
        assert texts
        assert {text["type"] for text in texts} == {"plain_text"}


@hostile
def test_f74_on_telegram_nothing_is_formatted_and_no_link_unfolds(words: str) -> None:
    (body,) = writing.render(alert("telegram", words))
    assert {"parse_mode", "entities"}.isdisjoint(body)
    assert body["link_preview_options"] == {"is_disabled": True}
    assert not HIDDEN.search(letters(body))


@hostile
def test_f74_an_e_mail_is_plain_text_and_its_headers_are_ours_alone(words: str) -> None:
    sent = email.render(alert("email", words), "Nearpeer <nearpeer@school.example>")
    read = message_from_bytes(sent.as_bytes(), policy=default)
    assert read.get_content_type() == "text/plain"
    assert not read.is_multipart()
    assert {name.lower() for name in read} & {"bcc", "cc", "reply-to"} == set()
    assert read["To"] == "rivera@school.example"
    assert not HIDDEN.search(read["Subject"] + read.get_content().replace("\r\n", "\n"))


@hostile
def test_f74_an_sms_and_a_webhook_carry_letters_and_nothing_that_hides(words: str) -> None:
    assert not HIDDEN.search(sms.render(alert("sms", words)))
    told = json.loads(webhook.render(alert("webhook", words)))
    assert not HIDDEN.search(told["text"])
    assert set(told) == {"id", "kind", "to", "text"}


@hostile
def test_f74_staff_pages_escape_it_and_show_what_hides(words: str) -> None:
    page = templates().from_string("<p>{{ words }}</p>").render(words=words)
    assert not HIDDEN.search(page)
    assert page.count("<") == 2, "our own two tags"


@on_sqlite
@hostile
async def test_f74_an_alert_about_a_student_with_such_a_name_is_inert_on_the_way_out(house: House, words: str) -> None:
    house.write(
        lambda connection: connection.execute(
            tables.person.update().where(tables.person.c.id == MAYA).values(name=words)
        )
    )
    await house.says(MAYA, f"I want to die {words}")
    text = house.newest(RIVERA).text
    assert text.startswith("CRISIS: ")
    assert not HIDDEN.search(text)
    first = text.splitlines()[0]
    assert first.endswith("(Lincoln High School) needs an adult."), "initials only, and in one line"
    assert len(first) < 80
    assert "RESOLVED" not in text
    assert "evil" not in text
    assert all(not HIDDEN.search(choice.label) for choice in house.newest(RIVERA).choices)


def test_a_label_that_hides_something_keeps_its_press() -> None:
    shown = alert("web", "\u202eyes")
    assert shown.choices == (replace(shown.choices[0], label="[U+202E]yes", token="1f.0", value="take"),)
