"""How the nouns that every message needs are made in half the time. Nothing of what they are.

The `__init__` of a frozen dataclass sets each field through a checked call; that was a third of an engine step.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

C = TypeVar("C", bound=type[Any])


def quickly_made(cls: C) -> C:
    """Give a frozen dataclass with slots an `__init__` that fills an open twin, then closes it. It stays frozen."""
    scope: dict[str, Any] = {"closed": cls, "missing": MISSING, "set_": object.__setattr__}
    scope["twin"] = type(cls.__name__, (), {"__slots__": cls.__slots__})
    parameters, body = [], []
    for field in fields(cls):
        name, given = field.name, field.name
        if field.default_factory is not MISSING:
            scope[f"make_{name}"] = field.default_factory
            parameters.append(f"{name}=missing")
            given = f"make_{name}() if {name} is missing else {name}"
        elif field.default is not MISSING:
            scope[f"default_{name}"] = field.default
            parameters.append(f"{name}=default_{name}")
        else:
            parameters.append(name)
        body.append(f"self.{name} = {given}")
    lines = [f"def __init__(self, {', '.join(parameters)}):", "set_(self, '__class__', twin)", *body]
    exec("\n ".join([*lines, "self.__class__ = closed"]), scope)  # noqa: S102  (as dataclasses does: our own names only)
    cls.__init__ = scope["__init__"]
    return cls
