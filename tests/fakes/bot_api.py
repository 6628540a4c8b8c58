"""What Nearpeer asks of the Bot API: our own table of its methods, parameters and objects (Bot API 10.1).

A call that the table does not know, or with a parameter that it does not know, fails the test that made it.
`tests/adapters/test_bot_api.py` compares the table with Telegram's own description where that is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Fields = Mapping[str, tuple[tuple[str, ...], bool]]
"""Name -> its types, as Telegram writes them, and whether it is required. Optional ones that we never use are left out.
"""

METHODS: Mapping[str, Fields] = {
    "getUpdates": {
        "offset": (("Integer",), False),
        "limit": (("Integer",), False),
        "timeout": (("Integer",), False),
        "allowed_updates": (("Array of String",), False),
    },
    "getMe": {},
    "sendMessage": {
        "chat_id": (("Integer", "String"), True),
        "text": (("String",), True),
        "link_preview_options": (("LinkPreviewOptions",), False),
        "reply_markup": (
            ("InlineKeyboardMarkup", "ReplyKeyboardMarkup", "ReplyKeyboardRemove", "ForceReply"),
            False,
        ),
    },
    "leaveChat": {"chat_id": (("Integer", "String"), True)},
    "setMyCommands": {
        "commands": (("Array of BotCommand",), True),
        "scope": (("BotCommandScope",), False),
        "language_code": (("String",), False),
    },
    "getMyCommands": {"scope": (("BotCommandScope",), False), "language_code": (("String",), False)},
    "getMyDescription": {"language_code": (("String",), False)},
    "setMyDescription": {"description": (("String",), False), "language_code": (("String",), False)},
    "setChatMenuButton": {"menu_button": (("MenuButton",), False)},
    "setWebhook": {
        "url": (("String",), True),
        "max_connections": (("Integer",), False),
        "allowed_updates": (("Array of String",), False),
        "secret_token": (("String",), False),
    },
    "deleteWebhook": {},
    "getWebhookInfo": {},
}

OBJECTS: Mapping[str, Fields] = {
    "LinkPreviewOptions": {"is_disabled": (("Boolean",), False)},
    "ReplyKeyboardMarkup": {
        "keyboard": (("Array of Array of KeyboardButton",), True),
        "resize_keyboard": (("Boolean",), False),
        "one_time_keyboard": (("Boolean",), False),
    },
    "KeyboardButton": {"text": (("String",), True)},
    "ReplyKeyboardRemove": {"remove_keyboard": (("Boolean",), True)},
    "BotCommand": {"command": (("String",), True), "description": (("String",), True)},
    "BotCommandScopeAllPrivateChats": {"type": (("String",), True)},
    "MenuButtonCommands": {"type": (("String",), True)},
}
UNIONS: Mapping[str, tuple[str, ...]] = {
    "BotCommandScope": ("BotCommandScopeAllPrivateChats",),
    "MenuButton": ("MenuButtonCommands",),
}
"""Of the kinds that an object may be, those that we use."""

_PLAIN = {"Integer": int, "String": str, "Boolean": bool}
_ARRAY = "Array of "


def complaints(method: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a call, naming no value."""
    if method not in METHODS:
        yield f"{method} is not in the table"
    else:
        yield from _fields(method, METHODS[method], parameters)


def _fields(where: str, fields: Fields, given: Mapping[str, Any]) -> Iterator[str]:
    for name in given.keys() - fields.keys():
        yield f"{where}.{name} is not in the table"
    for name, (types, required) in fields.items():
        if name not in given:
            if required:
                yield f"{where}.{name} is missing"
            continue
        wrong = [list(_value(f"{where}.{name}", type_, given[name])) for type_ in types]
        if all(wrong):
            yield min(wrong, key=len)[0]


def _value(where: str, type_: str, value: Any) -> Iterator[str]:
    if type_.startswith(_ARRAY):
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for one in value:
            yield from _value(where, type_.removeprefix(_ARRAY), one)
    elif type_ in _PLAIN:
        if type(value) is not _PLAIN[type_]:
            yield f"{where} is no {type_}"
    elif not isinstance(value, dict):
        yield f"{where} is no {type_}"
    else:
        kinds = UNIONS.get(type_, (type_,))
        wrong = [
            list(_fields(where, OBJECTS[kind], value)) if kind in OBJECTS else [f"{where}: {kind} is not in the table"]
            for kind in kinds
        ]
        if all(wrong):
            yield min(wrong, key=len)[0]
