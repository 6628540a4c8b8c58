"""What people type, and which of the offered answers it names; placeholders; numbers and days."""

from __future__ import annotations

from datetime import date

import pytest

from bot.errors import FlowError
from bot.flows.definition import ChoiceStep, YesNoStep
from bot.flows.labels import Labels
from bot.flows.options import Option
from bot.flows.wording import fill, names_in, plain, read_date, read_number

MOODS = (
    Option(value=1, emoji="😞", label={"en": "Very hard", "es": "Muy difícil"}),
    Option(value=2, emoji="😐", label={"en": "OK", "es": "Más o menos"}),
    Option(value=3, emoji="😀", label={"en": "Great", "es": "Muy bien"}),
)
TOPICS = (
    Option(value="homework", label={"en": "Homework", "es": "La tarea"}),
    Option(value="friends", label={"en": "Friends", "es": "Los amigos"}),
    Option(value="other", label={"en": "Other", "es": "Otra cosa"}),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("2!", 2),
        ("2️⃣", 2),
        ("#2", 2),
        ("two", 2),
        ("Dos", 2),
        ("number three", 3),
        ("ok!", 2),
        ("OK.", 2),
        ("😞", 1),
        ("😞😞😞", 1),
        ("😐 OK", 2),
        ("muy dificil", 1),
        ("MUY DIFÍCIL", 1),
        ("very   hard...", 1),
    ],
)
def test_a_typed_answer_names_an_offered_one(text: str, value: int) -> None:
    found = Labels(MOODS).match(plain(text))
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "text", ["", "   ", "!!!", "4", "0", "hard", "not ok", "2 or 3", "very hard because I am alone", "٣٣٣٣"]
)
def test_what_is_not_exactly_an_offered_answer_is_never_guessed(text: str) -> None:
    assert Labels(MOODS).match(plain(text)) is None


def test_a_number_is_the_place_where_values_are_words() -> None:
    found = Labels(TOPICS).match("2")
    assert found is not None
    assert found.value == "friends"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yeah", "yes"),
        ("SÍ", "yes"),
        ("si", "yes"),
        ("nope", "no"),
        ("idk", "not_sure"),
        ("No sé", "not_sure"),
        ("1", "yes"),
    ],
)
def test_many_words_mean_yes_no_or_not_sure(text: str, value: str) -> None:
    question = YesNoStep.model_validate({"id": "met", "yes_no": {"en": "Met?"}, "topic": "met", "sensitivity": "none"})
    found = question.labels.match_loosely(plain(text))
    assert found is not None
    assert found.value == value


def test_yeah_names_the_button_yes_of_a_choice_and_nothing_where_no_yes_is_offered() -> None:
    def asking(label: str) -> ChoiceStep:
        answers = [{"value": "fine", "label": {"en": "No, thanks"}}, {"value": "talk", "label": {"en": label}}]
        step = {"id": "adult", "choice": {"en": "?"}, "topic": "adult", "sensitivity": "none", "answers": answers}
        return ChoiceStep.model_validate(step)

    found = asking("Yes").labels.match_loosely("yeah")
    assert found is not None
    assert found.value == "talk"
    assert asking("Yes, now").labels.match_loosely("yeah") is None


@pytest.mark.parametrize("text", ["1, 3", "1 3", "1 and 3", "homework & other", "La tarea y otra cosa", "3,1"])
def test_several_answers_are_read_from_one_line(text: str) -> None:
    assert [option.value for option in Labels(TOPICS).match_several(text)] == ["homework", "other"]


def test_a_list_with_one_unknown_part_is_not_read() -> None:
    assert Labels(TOPICS).match_several("homework and my dad") == []


@pytest.mark.parametrize("text", ["2", "OK", "😀", "muy bien", "skip", "Saltar!"])
def test_offered_labels_and_numbers_are_our_own_words(text: str) -> None:
    assert Labels(MOODS).offer(text)


@pytest.mark.parametrize("text", ["ok I want to die", "2 days ago he hit me", "very hard I cut", "yes"])
def test_anything_more_than_a_label_is_the_persons_own(text: str) -> None:
    assert not Labels(MOODS).offer(text)


def test_skip_is_read_in_both_languages_and_only_alone() -> None:
    open_question = Labels(())
    assert open_question.offer("Skip!")
    assert open_question.offer("saltar")
    assert not open_question.offer("I skip lunch")


def test_placeholders_are_filled_once_and_a_value_cannot_bring_new_ones() -> None:
    assert fill("Hi {name}, {{ok}}.", {"name": "{mentor}", "mentor": "Leo"}) == "Hi {mentor}, {ok}."
    assert names_in("Hi {name} and {mentor}.") == ["name", "mentor"]


@pytest.mark.parametrize(
    "text",
    ["{name.upper}", "{name[0]}", "{name!r}", "{name:>99999999}", "{0}", "{}", "{name", "{__class__}", "{missing}"],
)
def test_a_placeholder_reaches_nothing_but_its_value(text: str) -> None:
    with pytest.raises(FlowError):
        fill(text, {"name": "Maya"})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        ("like 3 hours", 3),
        ("tres", 3),
        ("2,5", 2.5),
        ("2.5", 2.5),
        ("about ten", 10),
        ("-1", -1),
        ("30 min.", 30),
    ],
)
def test_the_one_number_of_a_text_is_read(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["", "none", "2 or 3", "one or two", "1.2.3", "9" * 50, "3/14", "a1b2"])
def test_no_number_or_several_are_not_read(text: str) -> None:
    assert read_number(text) is None


MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-14", date(2026, 3, 14)),
        ("3/14", date(2026, 3, 14)),
        ("14/3", date(2026, 3, 14)),
        ("3/14/26", date(2026, 3, 14)),
        ("March 14th", date(2026, 3, 14)),
        ("14 de marzo", date(2026, 3, 14)),
        ("el 14 de marzo de 2026", date(2026, 3, 14)),
        ("12/20", date(2025, 12, 20)),
        ("today", MONDAY),
        ("Tomorrow!", date(2026, 3, 3)),
        ("mañana", date(2026, 3, 3)),
        ("pasado mañana", date(2026, 3, 4)),
        ("Friday", date(2026, 3, 6)),
        ("el viernes", date(2026, 3, 6)),
        ("on monday", date(2026, 3, 9)),
        ("miércoles", date(2026, 3, 4)),
    ],
)
def test_days_are_read(text: str, day: date) -> None:
    assert read_date(text, MONDAY) == day


@pytest.mark.parametrize("text", ["", "soon", "13/13", "2/30", "2026-13-01", "0/0", "smarch 3", "99999-01-01"])
def test_what_is_no_day_is_not_read(text: str) -> None:
    assert read_date(text, MONDAY) is None


def test_leap_day_is_found_in_the_nearest_leap_year() -> None:
    assert read_date("2/29", date(2027, 3, 1)) == date(2028, 2, 29)


def test_plain_words_have_no_accents_case_or_marks() -> None:
    assert plain("  ¿MÁS, o Menos? 👍🏽 ") == "mas o menos 👍"
