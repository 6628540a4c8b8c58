"""Questions of a clinical screening: who asks students about suicide must have somebody trained to follow up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.flows.definition import Flow, Question
from bot.flows.wording import plain

_SELF = r"(?:your|my)self"
_ASKS = re.compile(
    rf"""\b(?:
      suicid\w* | (?:kill|killing|killed|hurt|hurting|harm|harming|harmed|cut|cutting)\ {_SELF}
    | (?:end|ended|ending|take|taken|taking)\ (?:your|my)\ (?:own\ )?life
    | (?:wish|wished|want|wanted|rather|better)\ (?:(?:you|i|to|that|were|be|off|if|would)\ )*dead
    | (?:not|never|dont)\ (?:\w+\ ){{0,2}}(?:be\ alive|wake\ up)
    | (?:matarte|matarme|lastimarte|lastimarme|cortarte|cortarme) | hacer(?:te|me)\ dano
    | quitar(?:te|me)\ la\ vida | (?:estar|estuvieras|haber)\ muert[oa] | no\ (?:seguir\ viviendo|despertar\w*)
    )\b""",
    re.VERBOSE,
)


def asks_about_suicide(flow: Flow) -> Iterator[tuple[int, str]]:
    """Place and id of each question that reads like one of a screening for suicide, in its text or its labels."""
    for index, step in enumerate(flow.steps):
        if isinstance(step, Question):
            texts = [*step.texts.values(), *(label for option in step.options for label in option.label.values())]
            if any(_ASKS.search(plain(text)) for text in texts):
                yield index, step.id
