"""The flows that ship: nothing to lint, every text said in a transcript, nothing promised that cannot be kept."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.domain import Conversation
from bot.flows.definition import Flow, Question, ScaleStep
from bot.flows.lint import lint
from bot.flows.loader import judge, read, read_document
from bot.flows.wording import fill
from tests.flows.test_transcripts import MONDAY, SHIPPED, TRANSCRIPTS, Transcript, begin, flow_named, happen

FLOWS = {path.stem: flow_named(path.stem).flow for path in sorted(SHIPPED.glob("*.yaml"))}
HOUSE_PLACEHOLDERS = {"name", "partner", "school", "adult", "place"}
FALSE_PROMISES = re.compile(
    r"\b(confidential|private|always here|24/7|keep (it|this|your) (a )?secret"
    r"|confidencial|privad[oa]|siempre estamos)\b",
    re.IGNORECASE,
)


def transcripts_of(flow: str) -> list[Transcript]:
    return [read(path, Transcript) for path in TRANSCRIPTS if path.stem.startswith(flow)]


def turns_of(transcript: Transcript) -> list[str]:
    """What the flow says in each turn of a transcript."""
    loaded = flow_named(transcript.flow)
    conversation: Conversation = begin(transcript, loaded)
    now, said = MONDAY, []
    for line in transcript.turns:
        now += line.time or timedelta()
        turn = happen(loaded, conversation, line, now)
        (conversation,) = turn.conversations
        said.append("\n".join(message.text for message in turn.messages))
    return said


def test_the_five_flows_ship() -> None:
    assert set(FLOWS) == {"mentee-weekly", "mentor-weekly", "mentee-reflection", "mentor-reflection", "first-contact"}


@pytest.mark.parametrize("name", FLOWS)
def test_there_is_neither_error_nor_warning(name: str) -> None:
    document = read_document(SHIPPED / f"{name}.yaml")
    found = lint(judge(document, Flow), document)
    assert [str(problem) for problem in (*found.errors, *found.warnings)] == []


@pytest.mark.parametrize("name", FLOWS)
def test_every_text_of_a_flow_is_said_in_a_transcript(name: str) -> None:
    said = [(transcript, "\n".join(turns_of(transcript))) for transcript in transcripts_of(name)]
    silent = {
        step.id
        for step in FLOWS[name].steps
        for texts in [step.texts.values()]
        if texts and not any(fill(text, transcript.values) in heard for text in texts for transcript, heard in said)
    }
    assert silent == set()


@pytest.mark.parametrize("name", FLOWS)
def test_every_language_of_a_flow_is_spoken_in_a_transcript(name: str) -> None:
    assert {transcript.language for transcript in transcripts_of(name)} == set(FLOWS[name].languages) == {"en", "es"}


@pytest.mark.parametrize("name", FLOWS)
def test_only_the_house_fills_placeholders_and_nothing_protected_is_asked(name: str) -> None:
    flow = FLOWS[name]
    assert set(flow.placeholders) <= HOUSE_PLACEHOLDERS
    assert {step.sensitivity for step in flow.steps if isinstance(step, Question)} <= {"none", "wellbeing"}


@pytest.mark.parametrize("name", FLOWS)
def test_no_text_promises_secrecy_or_constant_watch(name: str) -> None:
    texts = [text for step in FLOWS[name].steps for text in step.texts.values()]
    assert [text for text in texts if FALSE_PROMISES.search(text)] == []


@pytest.mark.parametrize("name", FLOWS)
def test_a_screen_stays_under_120_words(name: str) -> None:
    words = [len(said.split()) for transcript in transcripts_of(name) for said in turns_of(transcript)]
    assert 0 < max(words) <= 120


def test_the_mood_question_is_what_the_rules_over_weeks_look_at() -> None:
    question = FLOWS["mentee-weekly"].question("mood")
    assert isinstance(question, ScaleStep)
    assert (question.topic, question.sensitivity) == ("mood", "wellbeing")
    assert [option.value for option in question.options] == [1, 2, 3, 4, 5]
    assert all(option.emoji for option in question.options)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", ["mentee-weekly", "mentor-weekly", "mentee-reflection", "mentor-reflection"])
def test_a_plain_yes_to_the_question_about_an_adult_tells_one(name: str, language: str) -> None:
    (question,) = [step for step in FLOWS[name].steps if isinstance(step, Question) and step.topic == "adult"]
    marked = {option.label[language]: option.escalate for option in question.options}
    assert marked[{"en": "Yes", "es": "Sí"}[language]] is not None
