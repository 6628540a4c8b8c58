"""What makes screening fast changes nothing that it finds: held against slow and plain ways of doing the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.safety import normalize
from bot.safety.matching import Surroundings
from bot.safety.normalize import COMMA, LINE, NO_BREAK, SENTENCE, Token, fold, tokens
from bot.safety.packs import Pack
from bot.safety.phrases import Phrase, Phrases, Places, Stems, Words
from bot.safety.screen import Screener

# --- words ---------------------------------------------------------------------------------------------------------

LETTERS = st.sampled_from("aAiIkKzZ019'’`.,:;!?$@|*_-…¿¡ \n\tñÉéüß½ªº①аеΩ我ดคाא٣😂💀🏽\u200d\ufe0f\u0301\u200b،、。؟")


def one_by_one(text: str) -> list[tuple[str, int, int, int]]:
    return list(normalize._pieces([(plain, place) for place, sign in enumerate(text) for plain in fold(sign)]))


@settings(max_examples=200, deadline=None)
@given(text=st.text(LETTERS, max_size=40) | st.text(max_size=40))
def test_words_found_by_pattern_are_those_found_letter_by_letter(text: str) -> None:
    assert list(normalize._pieces_of(text)) == one_by_one(text)


# --- phrases -------------------------------------------------------------------------------------------------------

WORDS = ("i", "want", "to", "die", "dying", "not", "friend")
PLACES = st.lists(
    st.lists(
        st.lists(st.sampled_from((*WORDS, "di*", "fr*")), max_size=2).map(tuple), min_size=1, max_size=3, unique=True
    ).map(tuple),
    min_size=1,
    max_size=4,
).map(tuple)


def fits(written: str, word: str) -> bool:
    return word.startswith(written[:-1]) if written.endswith("*") else word == written


def spelled_out(places: Places) -> Iterator[tuple[str, ...]]:
    """Every way to say a phrase."""
    if not places:
        yield ()
        return
    for choice in places[0]:
        for rest in spelled_out(places[1:]):
            yield (*choice, *rest)


def standing(way: Sequence[str], found: Sequence[Token], places: tuple[int, ...], gap: int) -> Iterator[int]:
    """The word after the last, for every way in which the words stand one after another."""
    if len(places) == len(way):
        yield places[-1] + 1
        return
    for place in range(places[-1] + 1, min(places[-1] + gap + 2, len(found))):
        between = found[places[-1] + 1 : place]
        broken = any(token.after == SENTENCE for token in found[places[-1] + 1 : place + 1])
        if not broken and all(token.word != "\0" for token in between) and fits(way[len(places)], found[place].word):
            yield from standing(way, found, (*places, place), gap)


def everywhere(places: Places, found: Sequence[Token], gap: int) -> set[tuple[int, int]]:
    return {
        (first, last)
        for way in spelled_out(places)
        if way
        for first, token in enumerate(found)
        if fits(way[0], token.word)
        for last in standing(way, found, (first,), gap)
    }


@settings(max_examples=200, deadline=None)
@given(
    places=PLACES,
    gap=st.integers(0, 2),
    said=st.lists(
        st.tuples(st.sampled_from((*WORDS, "\0")), st.sampled_from((NO_BREAK, NO_BREAK, COMMA, LINE, SENTENCE))),
        max_size=9,
    ),
)
def test_a_phrase_stands_where_trying_every_way_finds_it(places: Places, gap: int, said: list[tuple[str, int]]) -> None:
    found = [Token(word, place, place + 1, after) for place, (word, after) in enumerate(said)]
    keys = Stems({"di", "fr"}, ()).keys(found)
    phrase = Phrase(0, 0, gap, places)
    expected = everywhere(places, found, gap)
    assert set(phrase.find(Words(found, keys), [10_000])) == expected
    usual = {word: number for number, word in enumerate(WORDS)}
    for how_common in (usual, {word: -number for word, number in usual.items()}, {}):
        candidates = Phrases([phrase], how_common).candidates(keys)
        assert not expected or candidates == {phrase}


# --- whole texts ---------------------------------------------------------------------------------------------------


def texts_of(packs: dict[str, Pack]) -> list[str]:
    """Every pack's own cases, and disturbed ones: shuffled, joined, cut, with other breaks and letters."""
    own = [text for pack in packs.values() for rule in pack.rules for text in (*rule.match, *rule.no_match)]
    own += [text for pack in packs.values() for text in pack.everyday]
    random = Random(20260302)
    breaks = (" ", ", ", ". ", "\n", "! ", " 😂 ", "…", "'", " * ", "\u200b")

    def shuffled(text: str) -> str:
        words = text.split()
        random.shuffle(words)
        return " ".join(words)

    disturbed = [
        change(random.choice(own))
        for _ in range(120)
        for change in (
            shuffled,
            lambda text: random.choice(breaks).join((text, random.choice(own), random.choice(own))),
            lambda text: "".join(
                random.choice(breaks) if sign == " " and random.random() < 0.4 else sign for sign in text
            ),
            lambda text: "".join(sign * random.choice((1, 1, 1, 3)) for sign in text),
            lambda text: text.translate(str.maketrans("aeost", "4305*")),
            lambda text: "".join(one for one, two in pairwise(f"{text} ") if random.random() < 0.93 or two == " "),
        )
    ]
    return own[::3] + disturbed


def test_leaving_phrases_out_that_cannot_stand_changes_no_finding(
    packs: dict[str, Pack], screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = texts_of(packs)
    seen = [screener.screen(text) for text in texts]
    assert sum(bool(one.findings) for one in seen) > 300
    assert sum(one.masked for one in seen) > 20
    every = {phrase for pack in screener._packs for phrase in pack.phrases}
    cues = {
        id(pack.cues): {cue for known in pack.cues._needed.values() for cue, _ in known} for pack in screener._packs
    }
    # Not asking for rare words first: each phrase, mask and cue is looked at in each text. (One in a few texts: slow.)
    monkeypatch.setattr(Phrases, "candidates", lambda phrases, _keys: cues.get(id(phrases), every))
    for text, screening in list(zip(texts, seen, strict=True))[::12]:
        assert screener.screen(text) == screening


# --- what stands around --------------------------------------------------------------------------------------------


def whom(found: Sequence[Token], cues: dict[str, set[int]], first: int, last: int) -> str:
    """Whom a finding is about, looking back word by word."""
    if any(place in cues["first_person"] for place in range(first, last)):
        return "self"
    if first in cues["friend"]:
        return "friend"
    about = "other" if any(place in cues["other"] for place in range(first, last)) else ""
    place = first
    while place > 0 and found[place].after < LINE:
        place -= 1
        if place in cues["friend"]:
            return "friend"
        if place in cues["first_person"]:
            break
        if place in cues["other"]:
            about = "other"
    return about or "self"


@settings(max_examples=200, deadline=None)
@given(
    breaks=st.lists(st.sampled_from((NO_BREAK, NO_BREAK, NO_BREAK, COMMA, LINE, SENTENCE)), min_size=1, max_size=12),
    cues=st.fixed_dictionaries(
        {name: st.sets(st.integers(0, 11), max_size=4) for name in ("friend", "first_person", "other")}
    ),
    span=st.tuples(st.integers(0, 11), st.integers(1, 3)),
)
def test_whom_a_finding_is_about_is_what_looking_back_word_by_word_tells(
    breaks: list[int], cues: dict[str, set[int]], span: tuple[int, int]
) -> None:
    found = [Token("x", place, place + 1, after) for place, after in enumerate(breaks)]
    cues = {name: {place for place in places if place < len(found)} for name, places in cues.items()}
    first = min(span[0], len(found) - 1)
    last = min(first + span[1], len(found))
    assert Surroundings(found, cues).about(first, last) == whom(found, cues, first, last)


def test_a_language_is_told_by_the_same_words_whether_remembered_or_not(
    screener: Screener, packs: dict[str, Pack]
) -> None:
    texts = [text for pack in packs.values() for text in pack.everyday]
    remembered = [screener._cannot_judge(text, tokens(text)) for text in texts for _ in range(2)][::2]
    screener._judged.clear()
    assert [screener._cannot_judge(text, tokens(text)) for text in texts] == remembered
    assert set(screener._judged) <= screener._common, "what people write otherwise is not remembered"
    assert all(word in screener._stems._known for word in screener._stems._of)
