"""What hides in a text, or turns it around, is shown for what it is; what belongs to a script or an emoji stays."""

from __future__ import annotations

import unicodedata

import pytest

from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from bot.markup import inert, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("k\u200dill", "k[U+200D]ill"),
        ("\ufeffbegin", "[U+FEFF]begin"),
        ("bell\x07 and \x1b[31mred", "bell[U+0007] and [U+001B][31mred"),
        ("half\ud83d", "half[U+D83D]"),
        ("soft\xadhyphen", "soft[U+00AD]hyphen"),
        ("empty\u3164name", "empty[U+3164]name"),
        ("a\ufe0fb", "a[U+FE0F]b"),
        ("tag\U000e0041", "tag[U+E0041]"),
        ("two\u2028lines", "two[U+2028]lines"),
        ("cr\rlf", "cr[U+000D]lf"),
    ],
)
def test_what_hides_is_shown(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown
    assert visible(shown) == shown, "twice is as once"


@pytest.mark.parametrize(
    "honest",
    [
        "I am fine.\nReally, 100 %.\tOK",
        "¿Qué pasó? Año, pingüino.",
        "👩‍👩‍👧‍👦 my family, 👩🏽‍🚀 me, 🏳️‍🌈 and ❤️ 1️⃣ #️⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می‌خواهم بمیرم",  # Persian writes this with a non-joiner
        "क्‍ष",
        "قال: مرحبا",
        "不想活了",
        "non\u00a0breaking",
    ],
)
def test_scripts_and_joined_emoji_stay_as_they_are(honest: str) -> None:
    assert visible(honest) == honest


def test_nothing_that_is_a_control_or_format_character_is_left_where_it_does_not_belong() -> None:
    every = [chr(code) for code in range(0x110000)]
    left = {
        f"{ord(sign):04X}"
        for sign in every
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and visible(f"a{sign}b") == f"a{sign}b"
    }
    # New line and tab. Egyptian hieroglyphs are joined by format characters.
    assert {one for one in left if not "13430" <= one <= "1343F"} == {"0009", "000A"}


def test_a_message_with_nothing_to_hide_is_the_same_message() -> None:
    outbound = Outbound(
        7, Address("web", "site", "1"), MessageKind.SAY, Priority.REPLY, "Hi 😀", (Choice("❤️ Yes", "a.0"),)
    )
    assert inert(outbound) is outbound
