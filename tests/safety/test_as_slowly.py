"""What makes screening fast changes nothing that it finds: held against slow and plain ways of doing the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.safety import normalize
from bot.safety.compiled import Compiled
from bot.safety.compiling import _rarest
from bot.safety.matching import Surroundings
from bot.safety.normalize import COMMA, LINE, NO_BREAK, SENTENCE, Token, fold, squeeze, tokens
from bot.safety.packs import Pack
from bot.safety.phrases import Phrase, Phrases, Places, Stems, Words, _read, written
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
    phrase = Phrase(0, 0, gap, written(places))
    expected = everywhere(places, found, gap)
    assert set(phrase.find(Words(found, keys), [10_000])) == expected
    usual = {word: number for number, word in enumerate(WORDS)}
    for how_common in (usual, {word: -number for word, number in usual.items()}, {}):
        rarest, next_rarest = _rarest(places, how_common)
        index = {word: [(0, 0)] for word in rarest}
        candidates = Phrases([phrase], index, [next_rarest]).candidates(keys)
        assert not expected or candidates == {phrase}


@given(places=PLACES)
def test_a_phrase_is_read_as_it_was_written(places: Places) -> None:
    assert _read(written(places)) == places


# --- misspelled words ----------------------------------------------------------------------------------------------


def every_slip(words: Collection[str]) -> dict[str, str]:
    """Misspelling -> word, spelled out: two neighbors swapped, or in a longer word one letter missing."""
    slips: dict[str, str] = {}
    for word in sorted(words, key=lambda word: (-len(word), word)):
        swaps = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
        fewer = [word[:at] + word[at + 1 :] for at in range(1, len(word)) if len(word) >= 6]
        slips.update(dict.fromkeys((*swaps, *fewer), word))
    return {slip: word for slip, word in slips.items() if slip not in words}


def every_masking(words: Iterable[str]) -> dict[str, str]:
    """Starred word -> word, spelled out: one letter, two neighbors, all vowels or all but the ends hidden."""
    masked: dict[str, str] = {}
    for word in sorted(words, key=lambda word: (-len(word), word)):
        hidden = ["".join("*" if letter in "aeiou" else letter for letter in word)]
        hidden.append(word[0] + "*" * (len(word) - 2) + word[-1])
        hidden += [word[:at] + "*" + word[at + 1 :] for at in range(1, len(word))]
        hidden += [word[:at] + "**" + word[at + 2 :] for at in range(1, len(word) - 2)]
        masked.update(dict.fromkeys(hidden, word))
    return masked


def one_letter_off(words: Sequence[str], random: Random) -> Iterator[str]:
    """Words as people mistype them, and as they star them out."""
    for word in words:
        at = random.randrange(len(word))
        yield word[:at] + random.choice("abcdefghijklmnopqrstuvwxyz*") + word[at + 1 :]
        yield word[:at] + random.choice("aeilmnorst*") + word[at:]
        yield word[:at] + word[at + 1 :]
        yield "".join("*" if random.random() < 0.3 else letter for letter in word)


def test_a_slip_is_what_a_table_of_every_slip_says(screener: Screener) -> None:
    spelled = {word for word in screener._speller._trigger if len(word) >= 3 and word.isalpha()}
    slips, masked, asked = every_slip(spelled), every_masking(spelled), screener._speller._slips
    assert len(slips) > 50_000
    # A part of each: a starred word is looked for a hundred times as long.
    for form, word in [*slips.items()][::4]:
        assert asked.of(form) == word
    for form, word in [(form, word) for form, word in masked.items() if "*" in form][::16]:
        assert asked.starred(form) == word
    off = [form for form in one_letter_off(sorted(screener._lists), Random(20260302)) if form not in spelled]
    assert [asked.of(form) for form in off[::2]] == [slips.get(form, "") for form in off[::2]]
    starred = [form for form in off if "*" in form][::8]
    assert [asked.starred(form) for form in starred] == [masked.get(form, "") for form in starred]
    assert sum(form in slips for form in off[::2]) > 1_000
    assert sum(form in masked for form in starred) > 300


def test_a_stretched_word_is_the_one_that_packs_use_most(screener: Screener, packs: dict[str, Pack]) -> None:
    often = Counter(word for phrase in screener._phrases.all for word in set(re.findall(r"[^ \t\n]+", phrase.text)))
    for one in screener._packs:
        often.update(word for cue in one.cues.all for word in set(re.findall(r"[^ \t\n]+", cue.text)))
    speller = screener._speller
    by_use = sorted(speller._known, key=lambda word: (word in speller._trigger, often[word], word))
    squeezed = {squeeze(word): word for word in by_use}
    assert len(squeezed) > 20_000
    assert {short: speller._doubled.get(short, short) for short in squeezed} == squeezed


def test_what_was_written_down_finds_the_same(packs: dict[str, Pack], compiled: Compiled, screener: Screener) -> None:
    again = Screener(Compiled(**json.loads(json.dumps(vars(compiled)))))
    assert vars(again).keys() == vars(screener).keys()
    for text in texts_of(packs)[::5]:
        assert again.screen(text) == screener.screen(text)


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
    assert sum(len(one.not_counted) for one in seen) > 20
    # Not asking for rare words first: each phrase, mask and cue is looked at in each text. (One in a few texts: slow.)
    monkeypatch.setattr(Phrases, "candidates", lambda phrases, _keys: set(phrases.all))
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
    assert all(screener._lists[word] for word in screener._judged), "what people write otherwise is not remembered"
    assert set(screener._stems._of) <= set(screener._lists)
