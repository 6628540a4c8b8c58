"""The manifest of a school's own app: what it may do in the workspace, as few scopes as will do, and the link that
creates it. Pure.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from bot.adapters.slack.reading import SHORTCUTS

SCOPES = {
    "chat:write": "write to people and replace buttons by what was chosen",
    "commands": "slash commands and the shortcut under messages",
    "im:history": "read what people write to the app, again after an outage; no channel, no chat between people",
    "im:read": "find the chats that people have with the app, to look for what an outage kept back",
    "im:write": "begin a chat with somebody who has not written yet",
    "users:read": "learn that an account was deactivated",
    "users:read.email": "find people of the roster by their workspace e-mail, when you link them",
}
"""Each permission, and what it is for."""
COMMANDS = {
    "/adult": "Ask for an adult",
    "/adulto": "Pedir hablar con un adulto",
    "/tell": "Tell an adult about someone",
    "/avisar": "Avisar a una persona adulta de alguien",
    "/report": "My mentor does something not OK",
    "/reportar": "Mi mentor o mentora hace algo que no está bien",
    "/checkin": "Check in now / Responder ahora",
    "/pause": "No check-ins for a while",
    "/pausa": "Sin preguntas por un tiempo",
    "/resume": "Start check-ins again",
    "/seguir": "Volver a empezar",
    "/stop": "No more check-ins",
    "/alto": "No más preguntas",
    "/language": "English / español",
    "/idioma": "English / español",
    "/privacy": "Who can read what I write",
    "/privacidad": "Quién puede leer lo que escribo",
    "/ayuda": "What you can do here / Qué puedes hacer aquí",
    "/link": "Link your account with the code that you were given",
}
"""Slack lets no other command through, whatever our texts say. /help is Slack's own."""
_EVENTS = ["app_home_opened", "app_uninstalled", "message.im", "tokens_revoked", "user_change"]
CREATE = "https://api.slack.com/apps"


def manifest(name: str = "Nearpeer", post_to: str = "") -> dict[str, Any]:
    """The manifest; `post_to` is where Slack posts, empty for Socket Mode."""
    where = {"url": post_to} if post_to else {}
    asked = {"request_url": post_to} if post_to else {}
    return {
        "display_information": {
            "name": name,
            "description": "Check-ins for mentees and mentors, and a way to an adult",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [
                {"command": command, "description": text, "should_escape": False} | where
                for command, text in COMMANDS.items()
            ],
            "shortcuts": [
                {
                    "name": "Tell an adult",
                    "type": "message",
                    "callback_id": SHORTCUTS[0],
                    "description": "About this message",
                },
                {
                    "name": "I want an adult",
                    "type": "global",
                    "callback_id": SHORTCUTS[1],
                    "description": "Talk to an adult",
                },
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": _EVENTS} | asked,
            "interactivity": {"is_enabled": True} | asked,
            "org_deploy_enabled": False,
            "socket_mode_enabled": not post_to,
            "token_rotation_enabled": False,
        },
    }


def creation_link(wanted: dict[str, Any]) -> str:
    """An address that offers to create an app with this manifest."""
    return f"{CREATE}?{urlencode({'new_app': '1', 'manifest_json': json.dumps(wanted, separators=(',', ':'))})}"
