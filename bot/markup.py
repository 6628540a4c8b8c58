"""What people wrote, made safe to look at: what hides in a text, or turns it around, is shown for what it is.

A leaf: each way out and each page uses it. What a channel takes for markup is the business of its own renderer.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache

from bot.domain import Outbound

_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Signs without a look of their own that are no control or format characters."""
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    rf"\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f{_FILLERS}]"
)
_JOINER, _NON_JOINER, _FLAG = "\u200d", "\u200c", "\U0001f3f4"
_LOOKS = "\ufe0e\ufe0f"
"""Text or emoji: how the sign before them is drawn."""
_KEYS = "0123456789#*"


def visible(text: str) -> str:
    """The text with a placeholder like [U+202E] for each character that hides; joined emoji stay as they are."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _HIDDEN.sub(_shown, text.replace("\r\n", "\n"))


def inert(outbound: Outbound) -> Outbound:
    """A message whose text and buttons hide nothing."""
    text = visible(outbound.text)
    for choice in outbound.choices:
        if _label(choice.label) != choice.label:
            break
    else:
        return outbound if text == outbound.text else replace(outbound, text=text)
    choices = tuple(replace(choice, label=_label(choice.label)) for choice in outbound.choices)
    return replace(outbound, text=text, choices=choices)


@lru_cache(maxsize=1024)
def _label(label: str) -> str:
    """The same for a button: they are our own words, and few."""
    return visible(label)


def _shown(found: re.Match[str]) -> str:
    sign, text, at = found[0], found.string, found.start()
    before, after = text[:at][-1:], text[at + 1 : at + 2]
    if sign in _LOOKS:
        # Behind the base of a key there may be one sign of how it looks, as in the emoji of a number.
        belongs = _is_picture(before) or before in tuple(_KEYS)
    elif sign in (_JOINER, _NON_JOINER):
        pictures = sign == _JOINER and (_is_picture(before) or before == _LOOKS[1]) and _is_picture(after)
        belongs = pictures or (_joins(before) and _joins(after))
    else:
        belongs = "\U000e0020" <= sign <= "\U000e007f" and _is_flag(text[:at])
    return sign if belongs else f"[U+{ord(sign):04X}]"


def _is_picture(sign: str) -> bool:
    """Whether it is an emoji, or the tone of one."""
    return bool(sign) and (unicodedata.category(sign) == "So" or "\U0001f3fb" <= sign <= "\U0001f3ff")


def _joins(sign: str) -> bool:
    """Whether it is a letter of a script that needs joiners to be written right, from Arabic to Khmer."""
    return "\u0620" <= sign <= "\u0dff" or "\u1000" <= sign <= "\u109f" or "\u1780" <= sign <= "\u17d3"


def _is_flag(before: str) -> bool:
    """Whether a black flag and only tags stand there: the flags of England, Scotland and Wales."""
    flag = before.rfind(_FLAG)
    return (
        flag >= 0 and len(before) - flag <= 7 and all("\U000e0020" <= one <= "\U000e007f" for one in before[flag + 1 :])
    )
