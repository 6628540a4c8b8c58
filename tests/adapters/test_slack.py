"""What Slack's payloads mean, what our messages look like there, and what its answers ask of us."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, PlainTextObject, SectionBlock

from bot.adapters.base import Home, pieces
from bot.adapters.slack import blocks
from bot.adapters.slack.answers import DEAD, GONE, MISSHAPEN, UNFIT, Answer, Misshapen, outcome
from bot.adapters.slack.blocks import LENGTH, chosen, render
from bot.adapters.slack.home import view
from bot.adapters.slack.manifest import COMMANDS, SCOPES, creation_link, manifest
from bot.adapters.slack.reading import SHORTCUTS, plain, raw_of, translate
from bot.adapters.telegram.words import COMMANDS as MENUS
from bot.domain import Address, Choice, Inbound, InboundKind, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, NearpeerError, SlowDown, TryLater, Unreachable
from bot.flows.commands import read_command
from config.slack import Slack as Settings
from tests.fakes.slack import BUTTON, LEO, MAYA, TEAM, TEXT, Slack, press

CHAT = Address("slack", TEAM, MAYA)
HOSTILE = "<!channel> <@U0LEO> <https://evil.example|here> @everyone *bold* &amp; `x` :gun: \u202e <script>"


def read(payload: dict[str, Any]) -> Inbound | None:
    return translate(payload, TEAM, "event-1")


def event(**more: Any) -> dict[str, Any]:
    return TEXT | {"event": TEXT["event"] | more}


def message(text: str, *labels: str) -> Outbound:
    choices = tuple(Choice(label, f"token{number}") for number, label in enumerate(labels))
    return Outbound(1, CHAT, MessageKind.QUESTION, Priority.REPLY, text, choices)


# --- what comes in ---


def test_a_text_tells_who_wrote_and_when() -> None:
    inbound = read(TEXT)
    assert inbound is not None
    assert (inbound.address, inbound.text, inbound.kind) == (CHAT, "I am fine", InboundKind.TEXT)
    assert inbound.sent_at == datetime(2025, 10, 9, 8, 53, 20, 100, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("I &lt;3 you &amp; me", "I <3 you & me"),
        ("<@U0LEO> <!here> <#C01|lunch>", "@U0LEO @here lunch"),
        ("<https://a.example/x?a=1&amp;b=2|look> <mailto:a@b.example>", "look a@b.example"),
        ("a &amp;lt; b", "a &lt; b"),
        ("2 < 3", "2 < 3"),
    ],
)
def test_a_text_is_read_as_its_writer_saw_it(sent: str, meant: str) -> None:
    assert plain(sent) == meant


def test_f27_a_face_is_the_character_and_not_its_name() -> None:
    rich = {"type": "rich_text_section", "elements": [{"type": "emoji", "name": "grinning", "unicode": "1f600"}]}
    inbound = read(event(text=":grinning: :unknown:", blocks=[{"type": "rich_text", "elements": [rich]}]))
    assert inbound is not None
    assert inbound.text == "😀 :unknown:"


@pytest.mark.parametrize(
    "more",
    [
        {"text": "", "files": [{"id": "F1"}], "subtype": "file_share"},
        {"text": "", "subtype": "huddle_thread"},
        {"text": " \u200b".strip("\u200b")},
    ],
    ids=["a file", "a call", "nothing"],
)
def test_f25_what_is_no_text_is_kept_by_kind_and_never_nothing(more: dict[str, Any]) -> None:
    inbound = read(event(**more))
    assert inbound is not None
    assert inbound.kind is InboundKind.MEDIA
    assert inbound.media in ("file", "something")


def test_f25_the_words_beside_a_file_and_in_a_forwarded_message_are_read() -> None:
    beside = read(event(text="help me", files=[{"id": "F1"}], subtype="file_share"))
    forwarded = read(event(text="", attachments=[{"is_share": True, "text": "I want to die"}]))
    assert beside is not None
    assert forwarded is not None
    assert (beside.text, forwarded.text, forwarded.kind) == ("help me", "I want to die", InboundKind.TEXT)


def test_f23_an_edit_comes_as_what_it_now_says_and_is_an_event_of_its_own() -> None:
    slack = Slack()
    written, edited = slack.writes(MAYA, "Fine"), slack.edits(MAYA, "I want to go home")
    inbound = read(edited)
    assert inbound is not None
    assert (inbound.kind, inbound.text) == (InboundKind.EDIT, "I want to go home")
    first = read(written)
    assert first is not None
    assert inbound.provider_id == first.provider_id == f"D0MAYA:{written['event']['ts']}"
    names = [raw.event_id for payload in (written, edited) if (raw := raw_of(payload, TEAM, "e"))]
    assert len(set(names)) == 2


def test_f24_a_deletion_names_what_was_taken_back_and_says_nothing_else() -> None:
    before = {"user": MAYA, "text": "x", "ts": "1.1"}
    gone = event(subtype="message_deleted", deleted_ts="1.1", previous_message=before)
    raw = raw_of(gone, TEAM, "e")
    assert raw is not None
    assert raw.chat == MAYA
    inbound = read(gone)
    assert inbound is not None
    assert (inbound.kind, inbound.text, inbound.provider_id) == (InboundKind.DELETED, "", "D0MAYA:1.1")
    assert inbound.address == CHAT
    said = read(event(ts="1.1"))
    assert said is not None
    assert said.provider_id == inbound.provider_id


@pytest.mark.parametrize("before", [None, {"bot_id": "B1", "user": "U1"}, {"user": "USLACKBOT"}])
def test_f24_what_a_bot_wrote_and_what_nobody_knows_was_deleted_concerns_nobody(before: Any) -> None:
    gone = event(subtype="message_deleted", deleted_ts="1.1", previous_message=before)
    assert read(gone) is None


def test_f21_an_answer_in_a_thread_names_our_message_as_its_receipt_does() -> None:
    inbound = read(event(thread_ts="5.1"))
    assert inbound is not None
    assert inbound.replies_to == outcome(Answer(200, {"ok": True, "channel": "D0MAYA", "ts": "5.1"})).provider_id


def test_f42_a_deactivated_account_takes_nothing_any_more() -> None:
    changed = Slack().event({"type": "user_change", "user": {"id": MAYA, "deleted": True}})
    raw, inbound = raw_of(changed, TEAM, "e"), read(changed)
    assert raw is not None
    assert inbound is not None
    assert (inbound.kind, inbound.address, raw.chat) == (InboundKind.BLOCKED, CHAT, MAYA)
    renamed = Slack().event({"type": "user_change", "user": {"id": MAYA, "deleted": False}})
    assert raw_of(renamed, TEAM, "e") is None


def test_a_preview_that_unfolds_is_no_edit() -> None:
    said = {"user": MAYA, "text": "look", "ts": "1.1"}
    changed = {"subtype": "message_changed", "message": said | {"attachments": [{}]}, "previous_message": said}
    assert read(event(**changed)) is None


def test_a_press_belongs_to_who_pressed_and_names_its_button() -> None:
    inbound = read(BUTTON)
    assert inbound is not None
    assert (inbound.address, inbound.token, inbound.text) == (CHAT, "k7", "Great")


def test_a_command_is_a_text_wherever_it_is_given() -> None:
    inbound = read(Slack().commands(MAYA, "/adult", "I &lt;3 help"))
    assert inbound is not None
    assert (inbound.address, inbound.text, inbound.kind) == (CHAT, "/adult I <3 help", InboundKind.TEXT)


def test_the_shortcut_under_a_message_tells_an_adult_and_quotes_it() -> None:
    quoted = {"user": MAYA, "text": "nobody would miss me", "ts": "1.1"}
    payload = {"type": "message_action", "callback_id": "tell_an_adult", "user": {"id": LEO}, "message": quoted}
    inbound = read(payload)
    assert inbound is not None
    assert (inbound.address.chat, inbound.text) == (LEO, "/tell nobody would miss me")
    asked = read({"type": "shortcut", "callback_id": "talk_to_an_adult", "user": {"id": MAYA}})
    assert asked is not None
    assert asked.text == "/adult"


@pytest.mark.parametrize(
    "nobody",
    [
        event(channel="C0GENERAL", channel_type="channel"),
        event(bot_id="B1"),
        event(user="USLACKBOT"),
        event(subtype="message_deleted", previous_message={}),
        event(subtype="channel_archive", user=None),
        TEXT | {"event": {"type": "user_change", "user": {"id": MAYA}}},
    ],
    ids=["f33 a channel", "f34 a bot", "slackbot", "a deletion", "Slack itself", "a change of a person"],
)
def test_what_concerns_nobody_is_none(nobody: dict[str, Any]) -> None:
    assert read(nobody) is None


def test_f18_an_event_has_the_same_name_live_repeated_and_read_from_the_history() -> None:
    slack = Slack()
    live = slack.writes(MAYA, "hello")
    again = live | {"event_id": "Ev999"}
    history = {key: live["event"][key] for key in ("type", "user", "text", "ts")}
    read_later = {"type": "event_callback", "event": history | {"channel": "D0MAYA"}}
    names = {raw.event_id for payload in (live, again, read_later) if (raw := raw_of(payload, TEAM, "e"))}
    assert len(names) == 1


def test_what_would_let_others_act_in_our_name_is_not_stored() -> None:
    raw = raw_of(BUTTON, TEAM, "e")
    assert raw is not None
    assert "response_url" not in raw.body
    assert "token" not in raw.body
    assert raw.chat == MAYA


NAMES = [
    "type",
    "event",
    "message",
    "user",
    "id",
    "text",
    "ts",
    "edited",
    "subtype",
    "channel",
    "channel_type",
    "actions",
]
NAMES += [
    "value",
    "command",
    "blocks",
    "elements",
    "name",
    "unicode",
    "callback_id",
    "files",
    "previous_message",
    "bot_id",
]
WORDS = [
    "event_callback",
    "block_actions",
    "message",
    "message_changed",
    "message_action",
    "shortcut",
    "im",
    "D1",
    "emoji",
]
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.sampled_from([*WORDS, "1.5", "110000-d800", "9" * 30]),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=6) | st.lists(inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING), st.sampled_from([*WORDS, ""]))
def test_f39_no_payload_does_worse_than_be_refused(body: dict[str, Any], kind: str) -> None:
    body |= {"type": kind} if kind else {}
    raw_of(body, TEAM, "envelope")
    chosen(body)
    with contextlib.suppress(ValueError):
        assert isinstance(read(body), Inbound | None)


# --- what goes out ---


def test_choices_are_buttons_with_their_tokens() -> None:
    (body,) = render(message("How was it?", "😀 Great", "Hard"))
    elements = body["blocks"][-1]["elements"]
    assert body["channel"] == MAYA
    assert [(one["text"]["text"], one["value"]) for one in elements] == [("😀 Great", "token0"), ("Hard", "token1")]


@given(st.text(max_size=80) | st.just(HOSTILE), st.lists(st.text(min_size=1, max_size=90), max_size=60))
def test_f28_whatever_a_person_wrote_is_inert_and_slack_takes_it(text: str, labels: list[str]) -> None:
    for body in render(message(text, *labels)):
        assert [block.to_dict() for block in Block.parse_all(body["blocks"])] == body["blocks"]
        assert "<" not in body["text"]
        assert "mrkdwn" not in str(body["blocks"])
        assert not (body["unfurl_links"])
        assert not (body["unfurl_media"])
        assert not (body["mrkdwn"])
        assert not (body["link_names"])


def test_a_text_stands_letter_by_letter_in_plain_text() -> None:
    (body,) = render(message(HOSTILE))
    assert body["blocks"][0]["text"] == {"type": "plain_text", "text": HOSTILE, "emoji": False}


@given(st.text(st.sampled_from("a 😀\n👩‍🚀é"), max_size=60), st.integers(2, 12))
def test_f29_pieces_fit_and_together_say_everything(text: str, length: int) -> None:
    found = pieces(text, length)
    assert all(len(piece.encode("utf-16-le")) // 2 <= length for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_f26_a_long_text_goes_in_pieces_and_the_buttons_are_under_the_last() -> None:
    bodies = render(message("word " * 6_000, "Yes"))
    assert len(bodies) == 3
    assert [body["blocks"][-1]["type"] for body in bodies] == ["section", "section", "actions"]
    assert all(len(body["blocks"]) <= 50 for body in bodies)
    assert LENGTH <= 40_000


def test_a_press_takes_the_place_of_its_buttons() -> None:
    (sent,) = render(message("How was it?", "Great", "Hard"))
    container = {"channel_id": "D0MAYA"}
    update = chosen(BUTTON | {"message": {"ts": "5.1", "blocks": sent["blocks"]}, "container": container})
    assert update is not None
    assert (update["channel"], update["ts"]) == ("D0MAYA", "5.1")
    assert [block["type"] for block in update["blocks"]] == ["section", "context"]
    assert update["blocks"][1]["elements"][0]["text"] == "✓ Great"


# --- what answers ask of us ---


def said(error: str, status: int = 200, retry_after: str = "") -> Answer:
    return Answer(status, {"ok": False, "error": error}, retry_after)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (said("user_disabled"), Unreachable, "deactivated"),
        (said("channel_not_found"), Unreachable, "chat_gone"),
        (said("token_revoked"), TryLater, "token_refused"),
        (said("missing_scope"), TryLater, "app_not_set_up"),
        (said("restricted_action"), TryLater, "app_not_set_up"),  # the workspace's own setting, nobody's address
        (said("never_heard_of"), Unreachable, "refused"),
        (said("fatal_error"), Ambiguous, "server_error"),
        (said("unreadable_answer", 503), Ambiguous, "server_error"),
        (Answer(200, {"ok": True}), Ambiguous, "no_message_id"),
        (Answer(200, {"ok": "yes"}), Ambiguous, "unreadable_answer"),
        (Answer(0, {}), Ambiguous, "unreadable_answer"),
    ],
)
def test_an_answer_says_what_to_do_next(answer: Answer, error: type[NearpeerError], code: str) -> None:
    with pytest.raises(error) as caught:
        outcome(answer)
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("30", 30.0),
        ("3600", 3600.0),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-5", None),
        ("9" * 12, None),
    ],
)
def test_f44_f45_too_many_requests_say_how_long_to_wait_or_leave_it_to_us(
    retry_after: str, seconds: float | None
) -> None:
    with pytest.raises(SlowDown) as caught:
        outcome(said("ratelimited", 429, retry_after))
    assert caught.value.after == seconds


def test_each_word_of_slacks_has_one_meaning() -> None:
    kinds = [GONE, DEAD, UNFIT, MISSHAPEN]
    assert sum(map(len, kinds)) == len(frozenset[str]().union(*kinds))
    with pytest.raises(Misshapen):
        outcome(said("invalid_blocks"))


# --- the Home tab and the manifest ---


def home_words(home: Home | None) -> tuple[list[str], list[str]]:
    """The lines of a Home tab, and what its buttons say."""
    blocks = view(home)["blocks"]
    lines = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    return lines, [one["value"] for block in blocks if block["type"] == "actions" for one in block["elements"]]


def test_the_home_tab_shows_what_comes_next_and_how_to_reach_an_adult() -> None:
    lines, said = home_words(Home("en", adult=False, next_meeting="October 7, 3:00 pm", last_answer="October 5"))
    assert lines[1:] == ["Next meeting: October 7, 3:00 pm", "Your last answer: October 5"]
    assert said == ["/adult", "/checkin", "/pause", "/language es", "/privacy"]
    assert home_words(Home("es", adult=False, paused=True))[1] == [
        *("/adult", "/checkin", "/resume", "/language en", "/privacy")
    ]


def test_a_stranger_may_ask_for_an_adult_on_the_home_tab_and_an_adult_needs_none() -> None:
    assert home_words(None)[1] == ["/adult"]
    assert home_words(Home("en", adult=True))[1] == ["/language es"]


def test_a_button_of_the_home_tab_says_its_command() -> None:
    (block,) = [block for block in view(None)["blocks"] if block["type"] == "actions"]
    inbound = read(press(MAYA, block["elements"][0], {"type": "view", "view_id": "V1"}, "5.1"))
    assert inbound is not None
    assert (inbound.text, inbound.kind) == ("/adult", InboundKind.TEXT)


def test_the_manifest_asks_for_little_and_names_what_the_app_reads() -> None:
    made = manifest()
    assert made["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert not [scope for scope in SCOPES if scope.startswith(("channels", "groups", "mpim", "files"))]
    assert made["settings"]["socket_mode_enabled"]
    assert {shortcut["callback_id"] for shortcut in made["features"]["shortcuts"]} == set(SHORTCUTS)
    for command in COMMANDS.keys() - {"/link"}:
        assert read_command(command) is not None, command
        assert len(command) <= 32
    link = creation_link(made)
    assert len(link) < 6_000
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == made


@pytest.mark.parametrize("place", ["texts/*.yaml", "programs/*/flows/*.yaml"])
def test_whatever_our_texts_tell_people_to_write_is_a_command_of_the_app(place: str) -> None:
    """Slack itself refuses all others, and we never hear of what somebody wanted."""
    files = list((Path(__file__).parents[2] / "config").glob(place))
    told = {command for file in files for command in re.findall(r"(?<![\w/.<])/[a-z]+\b(?!/)", file.read_text("utf-8"))}
    assert {"/adult", "/adulto", "/privacy"} <= told
    assert {command for command in told if read_command(command)} - COMMANDS.keys() == {"/help"} & told


def test_the_commands_that_nobody_may_miss_are_offered_on_both_platforms() -> None:
    menus = [" ".join(COMMANDS), *(" ".join(f"/{name}" for name, _ in menu) for menu in MENUS.values())]
    for menu in menus:
        offered = {command.name for word in menu.split() if (command := read_command(word))}
        assert offered >= {"adult", "tell", "pause", "resume", "stop", "privacy", "language", "checkin"}


def test_over_http_the_manifest_says_where_slack_posts() -> None:
    made = manifest(post_to="https://mentors.example.org/hooks/slack")
    assert not made["settings"]["socket_mode_enabled"]
    assert json.dumps(made).count("mentors.example.org/hooks/slack") == 2 + len(COMMANDS)


def test_the_page_for_it_staff_names_each_permission_and_each_command() -> None:
    page = (Path(__file__).parents[2] / "docs/slack.md").read_text(encoding="utf-8")
    for word in (
        *SCOPES,
        *COMMANDS,
        *(name for name in Settings.model_fields if f"{name}_file" not in Settings.model_fields),
    ):
        assert f"`{word}`" in page or f"{word} =" in page, word


def test_a_school_without_slack_loads_nothing_of_it() -> None:
    words = "import sys, bot.serving, bot.platforms, config.settings; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert "bot.serving" in said.stdout.split()
    assert not {"slack_sdk", "slack_bolt", "aiohttp", "bot.adapters.slack"} & set(said.stdout.split())


def test_what_slacks_models_refuse_is_not_sent() -> None:
    for value, action in (("v" * 2001, "a"), ("v", "a" * 256)):
        with pytest.raises(SlackObjectFormationError):
            blocks.buttons([("Great", "short", "b"), ("Hard", value, action)])


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=80)


@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
def test_a_filled_model_says_what_a_new_one_says(text: str, choices: list[tuple[str, str]]) -> None:
    labels = [(label, value, f"choice-{number}") for number, (label, value) in enumerate(choices)]
    shown = text if text.strip() else "…"
    assert blocks.sections(text) == [SectionBlock(text=PlainTextObject(text=shown, emoji=False)).to_dict()]
    elements = [
        ButtonElement(text=PlainTextObject(text=one["text"]["text"], emoji=True), value=value, action_id=action)
        for one, (_, value, action) in zip(
            (one for row in blocks.buttons(labels) for one in row["elements"]), labels, strict=True
        )
    ]
    rows = [ActionsBlock(elements=elements[first : first + 25]).to_dict() for first in range(0, len(elements), 25)]
    assert blocks.buttons(labels) == rows
    label = labels[0][0]
    assert elements[0].text is not None
    assert label.startswith(elements[0].text.text.removesuffix("…")) or not label.strip()


def test_what_is_made_of_one_message_is_not_changed_by_another() -> None:
    (first,) = render(message("How is your week?", "Great", "Hard"))
    before = json.dumps(first)
    render(message("Who is with you now?", "Great", "Hard"))
    assert json.dumps(first) == before
