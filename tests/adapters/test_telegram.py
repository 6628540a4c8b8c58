"""What Telegram's updates mean, what our messages look like there, and what its answers ask of us."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.base import pieces
from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.reading import chat_of, translate
from bot.adapters.telegram.writing import LENGTH, outcome, render
from bot.domain import Address, Choice, InboundKind, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable
from tests.fakes.port import MemoryPort
from tests.fakes.telegram import ACCOUNT, BUTTON, MAYA, BotServer, api, update

CHAT = Address("telegram", "bot", str(MAYA))


def message(text: str, kind: MessageKind = MessageKind.QUESTION, choices: tuple[Choice, ...] = ()) -> Outbound:
    return Outbound(1, CHAT, kind, Priority.REPLY, text, choices)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_a_text_tells_who_wrote_and_when() -> None:
    inbound = translate(update("Good"), "bot", "1")
    assert inbound is not None
    assert (inbound.address, inbound.text, inbound.kind) == (CHAT, "Good", InboundKind.TEXT)
    assert inbound.sent_at == datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)


MEDIA = ("photo", "voice", "sticker", "document", "location", "contact", "poll", "dice", "video_note", "gift_of_2031")


@pytest.mark.parametrize("kind", MEDIA)
def test_f25_what_is_no_text_is_kept_by_kind_and_never_nothing(kind: str) -> None:
    inbound = translate(update(None, **{kind: {"file_id": "x"}}), "bot", "1")
    assert inbound is not None
    assert (inbound.kind, inbound.text) == (InboundKind.MEDIA, "")
    assert inbound.media == {"video_note": "video note", "gift_of_2031": "something"}.get(kind, kind)


def test_f37_the_words_under_a_photo_are_read() -> None:
    inbound = translate(update(None, photo=[{}], caption="help me"), "bot", "1")
    assert inbound is not None
    assert (inbound.text, inbound.media) == ("help me", "photo")


def test_f23_an_edit_says_what_was_written_first_and_what_it_says_now() -> None:
    written = update("I am fine")
    changed = update(
        "I want to go home", kind="edited_message", edit_date=5, message_id=written["message"]["message_id"]
    )
    first, now = translate(written, "bot", "1"), translate(changed, "bot", "2")
    assert first is not None
    assert now is not None
    assert (now.kind, now.text) == (InboundKind.EDIT, "I want to go home")
    assert now.provider_id == first.provider_id != ""


def test_a_live_location_that_moves_says_nothing() -> None:
    assert translate(update(None, kind="edited_message", location={"latitude": 1}), "bot", "1") is None


def test_f21_a_reply_names_what_it_answers() -> None:
    inbound = translate(update("Good", reply_to_message={"message_id": 77, "text": "How is it?"}), "bot", "1")
    assert inbound is not None
    assert inbound.replies_to == "77"


def test_a_forwarded_text_is_read_like_any_other() -> None:
    inbound = translate(update("Look", forward_origin={"type": "hidden_user"}), "bot", "1")
    assert inbound is not None
    assert (inbound.kind, inbound.text) == (InboundKind.TEXT, "Look")


@pytest.mark.parametrize(("status", "kind"), [("kicked", InboundKind.BLOCKED), ("member", InboundKind.UNBLOCKED)])
def test_f41_a_membership_tells_who_takes_messages(status: str, kind: InboundKind) -> None:
    event = {"chat": {"id": MAYA, "type": "private"}, "date": 5, "new_chat_member": {"status": status}}
    body = {"update_id": 3, "my_chat_member": event}
    inbound = translate(body, ACCOUNT, "3")
    assert inbound is not None
    assert (inbound.kind, inbound.address.chat) == (kind, str(MAYA))
    assert chat_of(body) == str(MAYA)


def test_a_press_belongs_to_who_pressed() -> None:
    forwarded = {"callback_query": BUTTON["callback_query"] | {"message": {"chat": {"id": 5, "type": "private"}}}}
    inbound = translate(forwarded, "bot", "1")
    assert inbound is not None
    assert inbound.address == CHAT


@pytest.mark.parametrize(
    "nobody",
    [
        update(chat=-5) | {"message": {"chat": {"id": -5, "type": "group"}, "text": "hello all"}},
        update() | {"message": {"chat": {"id": MAYA, "type": "private"}, "from": {"id": 1, "is_bot": True}}},
        {"update_id": 3, "poll_answer": {"user": {"id": MAYA}}},
    ],
    ids=["a group", "a bot", "an answer to a poll"],
)
def test_what_concerns_nobody_is_none(nobody: dict[str, Any]) -> None:
    assert translate(nobody, "bot", "1") is None


@given(
    st.dictionaries(
        st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member", "new_kind", "update_id"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.dictionaries(
                st.sampled_from(["chat", "from", "id", "type", "text", "data", "date", "caption"]), inner, max_size=5
            ),
        ),
    )
)
def test_no_update_does_worse_than_be_refused(body: dict[str, Any]) -> None:
    assert isinstance(chat_of(body), str)
    with contextlib.suppress(ValueError):
        translate(body, "bot", "1")


def test_the_chat_of_an_update_is_told_with_it() -> None:
    assert chat_of(update()) == chat_of(BUTTON) == str(MAYA)


def test_f31_choices_are_a_reply_keyboard_whose_presses_wait_like_any_text() -> None:
    (body,) = render(message("How was it?", choices=(Choice("😀 Great", "a.0"), Choice("Hard", "a.1"))))
    assert body["chat_id"] == str(MAYA)
    assert body["reply_markup"]["keyboard"] == [[{"text": "😀 Great"}], [{"text": "Hard"}]]
    assert "parse_mode" not in body


def test_an_open_question_takes_the_last_keyboard_away_and_a_remark_leaves_it() -> None:
    assert render(message("What was good?"))[0]["reply_markup"] == {"remove_keyboard": True}
    assert "reply_markup" not in render(message("Thank you.", MessageKind.SAY))[0]


def test_f26_a_long_text_goes_in_pieces_and_the_keyboard_is_on_the_last() -> None:
    bodies = render(message("word " * 2_000, choices=(Choice("Yes", "a.0"),)))
    assert len(bodies) == 3
    assert ["reply_markup" in body for body in bodies] == [False, False, True]


@given(st.text(st.sampled_from("a 😀\n👩‍🚀é"), max_size=60), st.integers(2, 12))
def test_pieces_fit_and_together_say_everything(text: str, length: int) -> None:
    found = pieces(text, length)
    assert all(units(piece) <= length for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_f29_a_piece_never_ends_inside_a_character() -> None:
    assert pieces("😀" * 3_000, LENGTH) == ["😀" * (LENGTH // 2), "😀" * (3_000 - LENGTH // 2)]


def refused(code: int, text: str = "", **parameters: Any) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": text, "parameters": parameters}


def test_f43_a_chat_that_migrated_was_a_group_and_no_group_is_one_of_ours() -> None:
    migrated = refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001)
    with pytest.raises(Unreachable):
        outcome(migrated)
    told = update(None, chat=-100, migrate_to_chat_id=-1001)
    told["message"]["chat"]["type"] = "group"
    assert translate(told, "bot", "1") is None


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (refused(403, "Forbidden: bot was blocked by the user"), Unreachable, "blocked"),
        (refused(403, "Forbidden: user is deactivated"), Unreachable, "chat_gone"),
        (refused(400, "Bad Request: chat not found"), Unreachable, "chat_gone"),
        (refused(401, "Unauthorized"), TryLater, "token_refused"),
        (refused(502, "Bad Gateway"), Ambiguous, "server_error"),
        ({"ok": True, "result": True}, Ambiguous, "no_message_id"),
        ({"ok": "yes"}, Ambiguous, "unreadable_answer"),
        ({}, Ambiguous, "unreadable_answer"),
    ],
)
def test_f42_f48_f50_an_answer_says_what_to_do_next(answer: dict[str, Any], error: type[SendError], code: str) -> None:
    with pytest.raises(error) as caught:
        outcome(answer)
    assert caught.value.code == code


def test_f44_too_many_requests_say_how_long_to_wait() -> None:
    with pytest.raises(SlowDown) as caught:
        outcome(refused(429, "Too Many Requests", retry_after=35))
    assert caught.value.after == 35


def test_f45_too_many_requests_without_a_time_leave_it_to_us() -> None:
    with pytest.raises(SlowDown) as caught:
        outcome(refused(429, retry_after="soon"))
    assert caught.value.after is None


async def test_a_second_piece_that_is_refused_leaves_the_whole_in_doubt() -> None:
    async with BotServer(chats={MAYA}).running() as server:
        telegram = Adapter(ACCOUNT, api(server), polls=False)
        await telegram.start(MemoryPort())
        server.next("sendMessage", {"ok": True, "result": {"message_id": 1}}, refused(429, retry_after=3))
        with pytest.raises(Ambiguous):
            await telegram.send(message("word " * 1_000))
        await telegram.stop()
