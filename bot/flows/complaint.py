"""What pydantic found wrong, in words for the author of a file, with "did you mean". Knows no YAML and no flow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic_core import ErrorDetails

_WORDS = {
    "string_type": "a text is expected here",
    "int_type": "a whole number is expected here",
    "int_parsing": "a whole number is expected here",
    "int_from_float": "a whole number is expected here",
    "float_type": "a number is expected here",
    "float_parsing": "a number is expected here",
    "bool_type": "true or false is expected here",
    "bool_parsing": "true or false is expected here",
    "list_type": "a list is expected here",
    "tuple_type": "a list is expected here",
    "set_type": "a list is expected here",
    "frozen_set_type": "a list is expected here",
    "dict_type": "keys with values are expected here",
    "mapping_type": "keys with values are expected here",
    "model_type": "keys with values are expected here",
    "model_attributes_type": "keys with values are expected here",
    "date_from_datetime_parsing": "a date is expected here",
    "string_too_short": "a text is missing here",
    "date_type": "a date is expected here",
    "time_parsing": "a time is expected here",
}

_HINTS = {
    "a list is expected here": 'start each entry with "- "',
    "true or false is expected here": "write true or false, without quotes",
    "a date is expected here": "for example 2026-09-01",
    "a time is expected here": "for example 16:00",
}


_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""How pydantic names what an enumeration allows."""


def complaint(error: ErrorDetails) -> str:
    """One plain sentence for one pydantic error."""
    kind, context = error["type"], error.get("ctx", {})
    name = _name(error["loc"])
    if kind == "missing":
        return f'"{name}" is missing'
    if kind == "extra_forbidden":
        return f'"{name}" is not known here'
    if kind in ("literal_error", "enum"):
        expected = _MEMBER.sub(r"\1", context["expected"])
        return f"{_shown(error['input'])} is not one of {expected}"
    if kind == "too_short":
        return f"{name}: at least {context['min_length']} expected here"
    if kind in _WORDS:
        return f"{name}: {_WORDS[kind]}" if name else _WORDS[kind]
    text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    # Our own validators already speak to the author; pydantic's sentences need the key in front.
    return text if kind in ("value_error", "assertion_error") or not name else f"{name}: {text}"


def hint_for(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What the author could do: the nearest known key or value, or an example."""
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, error["loc"][:-1])
        return did_you_mean(str(error["loc"][-1]), known) or (f"known: {', '.join(known)}" if known else "")
    if kind in ("literal_error", "enum"):
        return did_you_mean(str(error["input"]), re.findall(r"'([^']*)'", str(error["ctx"]["expected"])))
    return _HINTS.get(_WORDS.get(kind, ""), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "answers"?`, or an empty text when nothing is near."""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f'did you mean "{lowered[near[0]]}"?' if near else ""


def _name(location: tuple[str | int, ...]) -> str:
    names = [str(part) for part in location if isinstance(part, str) and not part.startswith(" ")]
    return names[-1] if names else ""


def _shown(value: Any) -> str:
    text = str(value)
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'


def _known_keys(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at `location` knows, in the order that it declares them."""
    here: list[Any] = [model]
    for part in location:
        here = _expand(here)
        here = _narrow(here, part) or here
    found: dict[str, None] = {}
    for kind in _expand(here):
        if _is_model(_bare(kind)):
            found.update(dict.fromkeys(_fields(_bare(kind))))
    return list(found)


def _narrow(kinds: list[Any], part: str | int) -> list[Any]:
    """One step of pydantic's path: into a field, into a list or mapping, or to a member of a union."""
    tagged = [kind for kind in kinds if part in _tags(kind)]
    if tagged:  # in a tagged union the tag comes first in the path, whatever the members' fields are called
        return tagged
    inner: list[Any] = []
    for kind in kinds:
        bare = _bare(kind)
        origin = get_origin(bare)
        if _is_model(bare) and isinstance(part, str) and part in _fields(bare):
            inner.append(_fields(bare)[part])
        elif isinstance(part, int) and origin in (list, tuple, set, frozenset):
            inner.append(get_args(bare)[0])
        elif origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            inner.append(get_args(bare)[1])
    return inner or [kind for kind in kinds if _called(kind, part)]


def _tags(kind: Any) -> list[str]:
    return [tag.tag for tag in get_args(kind)[1:] if isinstance(tag, Tag)] if get_origin(kind) is Annotated else []


def _called(kind: Any, part: str | int) -> bool:
    bare = _bare(kind)
    literals = [
        value
        for field in (bare.model_fields.values() if _is_model(bare) else ())
        if get_origin(field.annotation) is Literal
        for value in get_args(field.annotation)
    ]
    return part in literals or part == getattr(bare, "__name__", None)


def _expand(kinds: list[Any]) -> list[Any]:
    """Members of unions, one by one; a member's own Annotated (with its Tag) is kept."""
    flat: list[Any] = []
    for kind in kinds:
        bare = _bare(kind)
        flat.extend(_expand(list(get_args(bare))) if get_origin(bare) in (Union, UnionType) else [kind])
    return flat


def _bare(kind: Any) -> Any:
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}
