"""Screening: disguises, modifiers, what cannot be judged, and that it neither raises nor runs away."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Finding, Tier
from bot.safety import matching
from bot.safety.compiling import compile_packs
from bot.safety.normalize import tokens
from bot.safety.packs import Pack
from bot.safety.screen import OVERLAP, WINDOW, WINDOWS, Screener


def first(screener: Screener, text: str) -> Finding:
    screening = screener.screen(text)
    assert screening.findings, "nothing was found"
    return screening.findings[0]


@pytest.mark.parametrize(
    "text",
    [
        "I WANT TO DIE",
        "i waaant to dieeee",
        "i wnat to die",
        "i want to d1e",
        "i want to kill mys3lf",
        "i want to k!ll myself",
        "i want to k*ll myself",
        "kill_myself",
        "i w a n t t o d i e",
        "k.m.s",
        "iwanttodie",
        "#wannadie",
        "I want to d\u200bi\u200de",
        "I w\u0430nt t\u043e di\u0435",  # Cyrillic letters
        "\uff29 \uff57\uff41\uff4e\uff54 \uff54\uff4f \uff44\uff49\uff45",  # full width
        "\U0001d55a \U0001d568\U0001d552\U0001d55f\U0001d565 \U0001d565\U0001d560 \U0001d555\U0001d55a\U0001d556",
        "I want\nto die",
        "I. Want. To. Die.",
        "my self i want to unalive my self",
        "i don\u2019t want to live anymore",
        "quiéro moríŕme",
    ],
)
def test_a_disguise_does_not_hide_a_crisis(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is Tier.CRISIS


@pytest.mark.parametrize(
    "text", ["1st place", "see you at 10am", "500mg of ibuprofen for my knee", "I got a 100 lol", "B4 class"]
)
def test_numbers_stay_numbers(screener: Screener, text: str) -> None:
    assert screener.screen(text).findings == ()


def test_a_span_points_into_the_original_text(screener: Screener) -> None:
    text = "Hi \U0001f600\u200b, honestly I w\u00e1nt  to D\u200bIE now"
    finding = first(screener, text)
    assert text[finding.start : finding.end] == "w\u00e1nt  to D\u200bIE"


def test_a_finding_names_rule_pack_and_version(screener: Screener) -> None:
    finding = first(screener, "I want to die")
    assert (finding.rule, finding.pack, finding.category) == ("suicide-wish", "en@3", "suicide")


def test_the_most_urgent_finding_comes_first(screener: Screener) -> None:
    screening = screener.screen("I have no friends, kids make fun of me, and I want to die")
    assert screening.findings[0].tier is Tier.CRISIS
    ranks = [finding.tier.rank for finding in screening.findings]
    assert ranks == sorted(ranks)
    assert {Tier.URGENT, Tier.CONCERN} < {finding.tier for finding in screening.findings}


@pytest.mark.parametrize(
    ("text", "modifier"),
    [
        ("I don't want to die", "denial"),
        ("I would never kill myself", "denial"),
        ("no me quiero morir", "denial"),
        ("this math test makes me want to die lol", "hyperbole"),
        ("I used to cut myself in 6th grade", "recovery"),
        ("my cousin wanted to kill himself, he died last year", "postvention"),
    ],
)
def test_what_stands_around_lowers_a_crisis_to_concern_and_is_logged(
    screener: Screener, text: str, modifier: str
) -> None:
    finding = first(screener, text)
    assert finding.tier is Tier.CONCERN
    assert f"{modifier}: crisis -> concern" in finding.modifiers


@pytest.mark.parametrize(
    "text",
    [
        "I'm not okay, I want to die",
        "not sure if want to die",
        "im not gonna lie i want to die",
        "I never sleep and want to die",
        "No. I want to die",
        "i want to die lol but for real",
        "I used to cut myself and I started again",
        "I can't stop thinking about killing myself",
        "no puedo más, quiero morirme",
        "my stepdad used to hit me",
        "he hit me with a belt",
        "he touched me when I was sleeping",
        "I cut myself in the bathroom at school",
        "i cut my arm when im sad",
        "I wish I was dead right now",
        "I want to kill that teacher",
        "i called the suicide hotline",
        "mi tío me tocó el pecho",
        "me corté el brazo con una navaja",
    ],
)
def test_a_crisis_is_not_talked_away(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is Tier.CRISIS


def test_a_friend_in_danger_keeps_the_tier_and_is_labelled(screener: Screener) -> None:
    finding = first(screener, "my friend wants to kill herself")
    assert (finding.tier, finding.about) == (Tier.CRISIS, "friend")
    assert first(screener, "my friend told me how she is going to do it").about == "friend"
    assert first(screener, "my boyfriend chokes me").about == "self"
    assert first(screener, "my friend knows that I want to kill myself").about == "self"


def test_an_idiom_masks_itself_and_not_the_rest(screener: Screener) -> None:
    assert screener.screen("I overdosed").tier is not None
    assert screener.screen("I overdosed on candy").findings == ()
    assert screener.screen("I overdosed on candy but really I want to die").tier is Tier.CRISIS


@pytest.mark.parametrize(
    "text",
    [
        "Δεν αντέχω άλλο",
        "привет, как дела",
        "ich habe keine Lust mehr auf alles",
        "je suis tellement triste et seule",
        "minha vida é muito difícil agora",
        "eu não aguento mais nada",
        "không ai hiểu tôi cả",
        "mwen fatige anpil mwen pa kapab ankò",
        "ayoko na talaga pagod na ako",
        "waxaan dareemayaa murugo badan maanta",
        "flurb gnarx wibblet snorf quandle",
    ],
)
def test_what_no_list_covers_is_unscreened(screener: Screener, text: str) -> None:
    screening = screener.screen(text)
    assert screening.tier is Tier.UNSCREENED
    assert screening.unscreened


@pytest.mark.parametrize(("known", "is_judged"), [("school week", False), ("school week friend", True)])
def test_of_ten_words_three_must_be_known(screener: Screener, known: str, is_judged: bool) -> None:
    made_up = ["zorbla", "quendip", "frastil", "mubbery", "dronkle", "vesparo", "luntic", "gropple"]
    text = " ".join([*known.split(), *made_up][:10])
    assert len(text.split()) == 10
    assert (screener.screen(text).unscreened == "") is is_judged
    assert screener.screen(" ".join(made_up[:3])).unscreened == "", "of fewer than four words nobody can tell"


@pytest.mark.parametrize(
    "text",
    [
        "أريد أن أموت",
        "我想死",
        "tôi muốn chết",
        "mwen vle mouri",
        "quero me matar",
        "je veux mourir",
        "gusto ko nang mamatay",
    ],
)
def test_direct_statements_in_other_languages_are_a_crisis(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is Tier.CRISIS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "\U0001f600\U0001f600",
        "12 345 67 8",
        "Jayden Xiomara Priya Nguyen Okafor",
        "we hung out with Jaxson and Xiomara at the park and it was fun",
        "estuvo bien, hablamos de la tarea y jugamos futbol",
        "me and my prima went to la tienda and we ate tacos",
        "idk tbh it was kinda mid ngl",
    ],
)
def test_ordinary_texts_can_be_judged_and_are_left_alone(screener: Screener, text: str) -> None:
    screening = screener.screen(text)
    assert (screening.findings, screening.unscreened) == ((), "")


def test_a_screener_without_packs_judges_nothing() -> None:
    assert Screener(compile_packs([], {})).screen("hello").tier is Tier.UNSCREENED


def test_an_exception_becomes_unscreened_with_its_class_and_never_its_words(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise KeyError("Maya's secret words")

    monkeypatch.setattr("bot.safety.screen.tokens", breaks)
    screening = screener.screen("Maya's secret words")
    assert screening.tier is Tier.UNSCREENED
    assert "KeyError" in screening.unscreened
    assert "secret" not in repr(screening)


def test_one_pack_that_fails_does_not_hide_what_others_see(
    packs: dict[str, Pack], words: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Screener(compile_packs([packs["es"], packs["en"]], words))
    spanish = both._packs[0]
    monkeypatch.setattr(spanish, "screen", lambda *_: 1 // 0)
    screening = both.screen("I want to die, quiero morirme")
    assert screening.tier is Tier.CRISIS
    assert "ZeroDivisionError" in screening.unscreened


def test_a_text_that_needs_too_much_work_is_unscreened(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "STEPS", 2)
    screening = screener.screen("I want to die and I want to kill myself, and then I do not want to live")
    assert "TooMuchWork" in screening.unscreened


def test_the_worst_text_of_a_window_stays_far_below_the_limit(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "STEPS", 100_000)
    for unit in ("i ", "i want to die ", "no puedo ", "k i l l ", "my dad he she they hit me ", "\u6b7b\u60f3"):
        assert "TooMuchWork" not in screener.screen((unit * WINDOW)[:WINDOW]).unscreened


def test_a_phrase_on_the_border_of_two_windows_is_seen(screener: Screener) -> None:
    filler = "we talked about school " * 1000
    for shift in (8, 12, 16):
        text = filler[: WINDOW - shift] + " i want to die " + filler[:3000]
        screening = screener.screen(text)
        assert screening.tier is Tier.CRISIS
        assert screening.windows == 2
        assert len(screening.findings) == 1, "seen twice, told once"


def test_a_text_without_end_is_read_for_a_while_and_called_unscreened(screener: Screener) -> None:
    longest = (WINDOWS - 1) * (WINDOW - OVERLAP) + WINDOW
    screening = screener.screen("ok " * (longest // 3 + 500))
    assert screening.windows == WINDOWS
    assert "too long" in screening.unscreened
    assert screener.screen("x" * longest).windows == WINDOWS
    assert "too long" not in screener.screen("ok " * (longest // 3)).unscreened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_text_gives_an_answer_with_spans_inside_it(screener: Screener, text: str) -> None:
    screening = screener.screen(text)
    assert "failed" not in screening.unscreened
    assert all(0 <= finding.start < finding.end <= len(text) for finding in screening.findings)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200))
def test_words_stand_in_order_and_within_the_text(text: str) -> None:
    found = tokens(text)
    assert all(token.word and 0 <= token.start < token.end <= len(text) for token in found)
    assert [token.start for token in found] == sorted(token.start for token in found)


def test_screening_needs_no_network(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("screening opened a socket")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert screener.screen("I want to kill myself tonight").tier is Tier.CRISIS
    assert screener.screen("quiero morirme").tier is Tier.CRISIS
    assert screener.screen("we won the game").tier is None


def test_packs_are_read_and_nearpeer_screen_runs_in_a_process_that_can_open_no_socket() -> None:
    """The whole way: the packs, the words, the command; nothing is fetched at any time."""
    guard = """
import sys
def refused(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(event)
sys.addaudithook(refused)
sys.argv = ["nearpeer", "screen"]
from bot.cli import main
main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", guard],
        input='{"text": "I want to die"}\n{"text": "we won the game"}\n',
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line)["tier"] for line in ran.stdout.splitlines()] == ["crisis", "none"]
