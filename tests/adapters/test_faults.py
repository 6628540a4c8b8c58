"""Faults of reliability.md 7 B that concern every chat platform, each by its id."""

from __future__ import annotations

import pytest

from bot.adapters.slack.reading import translate as read_slack
from bot.adapters.telegram.reading import translate as read_telegram
from bot.domain import InboundKind
from tests.fakes.slack import MAYA, TEAM, Slack
from tests.fakes.telegram import update


@pytest.mark.parametrize("date", [0, 1, 1_000_000_000, 4_102_444_800])
def test_f40_no_update_is_refused_for_its_age_since_our_clock_may_be_wrong(date: int) -> None:
    inbound = read_telegram(update("help me", date=date), "bot", "1")
    assert inbound is not None
    assert inbound.text == "help me"


def test_f24_what_is_deleted_on_slack_is_marked_and_stays_as_it_was_written() -> None:
    slack = Slack()
    said = slack.writes(MAYA, "I want to go home")
    event = {"type": "message", "subtype": "message_deleted", "channel": slack.chat(MAYA), "channel_type": "im"}
    gone = slack.event(event | {"previous_message": said["event"], "deleted_ts": said["event"]["ts"], "ts": "2.0"})
    before, now = read_slack(said, TEAM, "1"), read_slack(gone, TEAM, "2")
    assert before is not None
    assert now is not None
    assert (now.kind, now.provider_id, now.text) == (InboundKind.DELETED, before.provider_id, "")
