"""Values with declared fields as JSON has them, and back: what is kept is what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter

Value = TypeVar("Value")


def plain_fields(value: object, *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every field of a dataclass as JSON has it, but for some that are written otherwise."""
    return {
        name: adapter.dump_python(getattr(value, name), mode="json")
        for name, adapter in _adapters(_hashed(type(value)), but).items()
    }


def value_of(kind: type[Value], plain: Mapping[str, Any], **others: object) -> Value:
    """A value of what `plain_fields` made of it, and of the fields that were written otherwise.

    Fields that came later than what is kept have their default; checks of the value run again.
    """
    adapters = _adapters(_hashed(kind), tuple(others))
    known = {
        name: adapter.validate_python(plain[name]) for name, adapter in adapters.items() if name in plain
    }
    return kind(**known, **others)


def _hashed(kind: Any) -> Any:
    """A class is hashable; mypy takes it for its instances, which need not be (python/mypy#11470)."""
    return kind


@cache
def _adapters(kind: Any, but: tuple[str, ...]) -> dict[str, TypeAdapter[Any]]:
    """How each field is written and read, by the type it is declared with."""
    hints = get_type_hints(kind)
    return {one.name: TypeAdapter(hints[one.name]) for one in fields(kind) if one.name not in but}
