"""The engine beyond what transcripts show: bounds, due times, late answers, suspension, what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import AnswerKind, Conversation, ConversationStatus, MessageKind, Priority, Reply, Tier
from bot.errors import FlowError
from bot.flows.definition import Flow, Question
from bot.flows.engine import advance, is_our_words, lapse, late, resume, start
from bot.flows.loader import read
from bot.flows.state import dump, load
from bot.flows.walk import Bounds

EXAMPLE = Path(__file__).with_name("example.yaml")
MONDAY = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SKIP = Reply(choice="__skip__")


@pytest.fixture(scope="module")
def flow() -> Flow:
    return read(EXAMPLE, Flow)


def maya(**changes: Any) -> Conversation:
    conversation = Conversation(
        id=1,
        person_id=7,
        flow="example",
        flow_hash="h1",
        language="en",
        status=ConversationStatus.QUEUED,
        started_at=MONDAY,
        seen=("example",),
        values={"name": "Maya", "mentor": "Leo"},
    )
    return replace(conversation, **changes)


def at(step: str, **changes: Any) -> Conversation:
    """Maya, waiting at a step."""
    waiting = {"status": ConversationStatus.WAITING, "step": step}
    times = {"due_at": MONDAY + 4 * HOUR, "lapses_at": MONDAY + 24 * HOUR}
    return maya(**{**waiting, **times, **changes})


def small(*steps: dict[str, Any], **head: Any) -> Flow:
    content = {"flow": "small", "kind": "check-in", "audience": "mentee", "languages": ["en"], "steps": steps, **head}
    return Flow.model_validate(content)


def test_a_start_is_a_check_in_and_what_follows_is_a_reply(flow: Flow) -> None:
    first = start(flow, maya(), MONDAY)
    (question,) = first.messages
    assert (question.priority, question.kind, question.step) == (Priority.CHECK_IN, MessageKind.QUESTION, "mood")
    assert (question.conversation_id, question.person_id) == (1, 7)
    assert question.expires_at == MONDAY + 24 * HOUR
    assert [choice.value for choice in question.choices] == ["1", "2", "3", "__skip__", "/adult"]
    assert [choice.label for choice in question.choices] == [
        "😞 Very hard",
        "😐 OK",
        "😀 Great",
        "Skip",
        "I want an adult",
    ]
    then = advance(flow, first.conversations[0], Reply("3"), MONDAY)
    assert then.messages[0].priority is Priority.REPLY
    assert start(flow, maya(), MONDAY, priority=Priority.REPLY).messages[0].priority is Priority.REPLY


def test_an_answer_is_kept_with_what_it_was_and_a_mark_becomes_a_signal(flow: Flow) -> None:
    turn = advance(flow, at("mood"), Reply("very hard"), MONDAY + HOUR)
    (answer,) = turn.answers
    assert (answer.kind, answer.value, answer.text) == (AnswerKind.ANSWER, 1, "very hard")
    assert (answer.topic, answer.sensitivity, answer.step) == ("mood", "wellbeing", "mood")
    assert (answer.flow, answer.flow_hash, answer.at) == ("example", "h1", MONDAY + HOUR)
    (signal,) = turn.signals
    assert (signal.tier, signal.category, signal.step) == (Tier.NOTICE, "mood-low", "mood")
    assert turn.conversations[0].step == "what_is_hard"


def test_a_skipped_question_is_none_and_the_branch_sees_it(flow: Flow) -> None:
    turn = advance(flow, at("mood"), SKIP, MONDAY)
    assert turn.answers[0].kind is AnswerKind.SKIPPED
    assert turn.conversations[0].answers == {"mood": None}
    assert turn.conversations[0].step == "met"


def test_what_is_not_understood_twice_is_kept_for_staff_and_the_flow_goes_on(flow: Flow) -> None:
    once = advance(flow, at("adult"), Reply("hm"), MONDAY)
    assert once.answers == ()
    assert (once.conversations[0].tries, once.conversations[0].step) == (1, "adult")
    assert once.messages[0].step == "adult"
    twice = advance(flow, once.conversations[0], Reply("well, you know"), MONDAY)
    (answer,) = twice.answers
    assert (answer.kind, answer.value, answer.text) == (AnswerKind.UNREAD, None, "well, you know")
    assert twice.conversations[0].status is ConversationStatus.DONE
    assert "kept it" in twice.messages[0].text


def test_a_second_try_that_is_understood_counts(flow: Flow) -> None:
    once = advance(flow, at("adult"), Reply("hm"), MONDAY).conversations[0]
    turn = advance(flow, once, Reply("yes now"), MONDAY)
    assert [signal.tier for signal in turn.signals] == [Tier.URGENT]


def test_the_nudge_goes_out_once_and_then_comes_silence(flow: Flow) -> None:
    nudged = lapse(flow, at("mood"), MONDAY + 4 * HOUR)
    (message,) = nudged.messages
    assert (message.priority, message.step) == (Priority.REMINDER, "mood")
    conversation = nudged.conversations[0]
    assert (conversation.nudged, conversation.due_at) == (True, MONDAY + 24 * HOUR)
    lapsed = lapse(flow, conversation, MONDAY + 24 * HOUR)
    assert lapsed.messages == ()
    assert lapsed.conversations[0].status is ConversationStatus.LAPSED
    assert lapsed.conversations[0].due_at is None


def test_after_the_nudge_was_answered_no_other_nudge_comes(flow: Flow) -> None:
    conversation = lapse(flow, at("mood"), MONDAY + 4 * HOUR).conversations[0]
    answered = advance(flow, conversation, Reply("3"), MONDAY + 5 * HOUR).conversations[0]
    assert answered.due_at == answered.lapses_at == MONDAY + 29 * HOUR


def test_a_nudge_that_comes_after_the_window_is_not_sent(flow: Flow) -> None:
    turn = lapse(flow, at("mood"), MONDAY + 25 * HOUR)
    assert turn.messages == ()
    assert turn.conversations[0].status is ConversationStatus.LAPSED


@pytest.mark.parametrize("status", [s for s in ConversationStatus if s is not ConversationStatus.WAITING])
def test_a_due_time_that_no_longer_holds_changes_nothing(flow: Flow, status: ConversationStatus) -> None:
    for conversation in (at("mood", status=status), at("mood", due_at=MONDAY + 9 * HOUR)):
        turn = lapse(flow, conversation, MONDAY + 8 * HOUR)
        assert turn.conversations == (conversation,)
        assert turn.messages == ()


def test_a_late_answer_is_kept_and_the_open_question_stays(flow: Flow) -> None:
    conversation = at("met", answers={"mood": 3})
    turn = late(flow, conversation, "mood", Reply(choice="1"), MONDAY)
    assert turn.conversations == (conversation,)
    assert (turn.answers[0].kind, turn.answers[0].value) == (AnswerKind.LATE, 1)
    assert [signal.category for signal in turn.signals] == ["mood-low"]
    unread = late(flow, conversation, "mood", Reply("I do not know"), MONDAY)
    assert (unread.answers[0].value, unread.answers[0].text) == (None, "I do not know")


def test_taps_of_several_are_kept_and_a_silence_does_not_lose_them(flow: Flow) -> None:
    one = advance(flow, at("what_was_good"), Reply(choice="sports"), MONDAY)
    assert one.answers == ()
    conversation = load(dump(one.conversations[0]))
    turn = lapse(flow, replace(conversation, nudged=True), MONDAY + 30 * HOUR)
    assert [answer.value for answer in turn.answers] == [["sports"]]


def test_taps_of_several_survive_two_texts_that_cannot_be_read(flow: Flow) -> None:
    conversation = advance(flow, at("what_was_good"), Reply(choice="sports"), MONDAY).conversations[0]
    for _ in range(2):
        turn = advance(flow, conversation, Reply("hm"), MONDAY)
        conversation = turn.conversations[0]
    assert (turn.answers[0].kind, turn.answers[0].value) == (AnswerKind.UNREAD, ["sports"])
    assert conversation.answers["what_was_good"] == ["sports"]


def test_the_last_of_several_needs_no_done(flow: Flow) -> None:
    turn = advance(
        flow, at("what_was_good", answers={"what_was_good": ["classes", "friends"]}), Reply(choice="sports"), MONDAY
    )
    assert turn.answers[0].value == ["classes", "friends", "sports"]


def test_a_mark_of_several_is_raised_at_the_tap_and_not_again_at_done() -> None:
    mark = {"tier": "concern", "category": "bullying", "why": "Chose bullying"}
    answers = [{"value": "b", "label": {"en": "Bullying"}, "escalate": mark}, {"value": "o", "label": {"en": "Other"}}]
    question = {"id": "q", "several": {"en": "What?"}, "topic": "t", "sensitivity": "none", "answers": answers}
    flow = small(question, {"id": "bye", "end": {"en": "Bye."}})
    tapped = advance(flow, at("q", values={}), Reply(choice="b"), MONDAY)
    assert [signal.tier for signal in tapped.signals] == [Tier.CONCERN]
    done = advance(flow, tapped.conversations[0], Reply("done"), MONDAY)
    assert done.signals == ()
    assert done.answers[0].value == ["b"]


def test_a_suspended_conversation_resumes_with_its_question_and_a_new_window(flow: Flow) -> None:
    suspended = at("met", status=ConversationStatus.SUSPENDED, due_at=None, tries=1)
    turn = resume(flow, suspended, MONDAY + 50 * HOUR)
    after = turn.conversations[0]
    assert (after.status, after.step, after.tries) == (ConversationStatus.WAITING, "met", 0)
    assert after.lapses_at == MONDAY + 74 * HOUR
    assert turn.messages[0].text == "Did you and Leo meet?"
    done = maya(status=ConversationStatus.DONE)
    assert resume(flow, done, MONDAY).messages == ()


def test_tomorrow_is_read_in_the_persons_own_zone(flow: Flow) -> None:
    evening = datetime(2026, 3, 2, 21, 0, tzinfo=timezone(timedelta(hours=-5)))  # already Tuesday in UTC
    turn = advance(flow, at("next_time"), Reply("tomorrow"), evening)
    assert turn.answers[0].value == "2026-03-03"
    assert turn.answers[0].at.tzinfo is UTC


def test_only_offered_words_are_ours(flow: Flow) -> None:
    assert is_our_words(flow, at("mood"), "Very hard")
    assert not is_our_words(flow, at("mood"), "very hard, I can't go on")
    assert not is_our_words(flow, at("what_is_hard"), "1")
    assert is_our_words(flow, at("what_is_hard"), "2", step="mood")


def test_a_flow_without_end_of_steps_is_stopped() -> None:
    flow = small({"id": "a", "branch": [{"else": "b"}]}, {"id": "b", "branch": [{"else": "a"}]})
    with pytest.raises(FlowError, match="more than 60 steps"):
        start(flow, maya(), MONDAY)


def test_a_flood_of_messages_or_letters_is_stopped() -> None:
    long = {"en": "x" * 800}
    says = [{"id": f"s{number}", "say": long} for number in range(6)]
    with pytest.raises(FlowError, match="messages in a row"):
        start(small(*says, {"id": "bye", "end": {"en": "Bye."}}), maya(), MONDAY)
    with pytest.raises(FlowError, match="letters"):
        start(small({"id": "bye", "end": long}), maya(), MONDAY, Bounds(length=700))


def test_short_texts_go_out_as_one_message_and_long_ones_do_not() -> None:
    flow = small(
        {"id": "a", "say": {"en": "a" * 500}},
        {"id": "b", "say": {"en": "b" * 500}},
        {"id": "bye", "end": {"en": "Bye."}},
    )
    assert [message.text[0] for message in start(flow, maya(), MONDAY).messages] == ["a", "b"]
    assert len(start(flow, maya(), MONDAY, Bounds(joined=2000)).messages) == 1


def test_a_missing_placeholder_or_step_is_an_error_for_staff(flow: Flow) -> None:
    with pytest.raises(FlowError, match="name"):
        start(flow, maya(values={}), MONDAY)
    with pytest.raises(FlowError, match="no question"):
        advance(flow, at("gone"), Reply("1"), MONDAY)
    with pytest.raises(FlowError, match="not waiting"):
        advance(flow, maya(), Reply("1"), MONDAY)


def test_a_very_long_answer_is_cut_and_not_refused(flow: Flow) -> None:
    turn = advance(flow, at("what_is_hard"), Reply("x" * 50_000), MONDAY)
    assert len(turn.answers[0].text) == len(turn.answers[0].value) == 4000


def test_nobodys_words_are_in_a_repr(flow: Flow) -> None:
    turn = advance(flow, at("what_is_hard"), Reply("my secret"), MONDAY)
    assert "secret" not in repr(turn)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=30), st.sampled_from(["1", "2", "skip", "yes", "friday", "now", "done"])),
        max_size=14,
    )
)
def test_whatever_is_typed_the_conversation_ends_or_waits_and_nothing_is_lost(flow: Flow, texts: list[str]) -> None:
    conversation = start(flow, maya(), MONDAY).conversations[0]
    for text in texts:
        if conversation.status is ConversationStatus.DONE:
            break
        before = conversation
        turn = advance(flow, conversation, Reply(text), MONDAY)
        conversation = load(dump(turn.conversations[0]))
        assert conversation == turn.conversations[0]
        assert turn.messages
        assert turn.answers or conversation.step == before.step
    if conversation.status is ConversationStatus.WAITING:
        assert isinstance(flow.by_id[conversation.step], Question)
        assert conversation.due_at is not None


def test_a_stored_conversation_that_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="cannot be read") as caught:
        load('{"id": 1, "answers": "I told nobody but you"}')
    assert "nobody" not in repr(caught.value)
    assert caught.value.__cause__ is None
