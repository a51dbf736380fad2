"""Rows to dataclasses: every column by its name, enums and JSON as the dataclass declares them."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import psycopg
from psycopg.rows import RowMaker

T = TypeVar("T")
Connection = psycopg.Connection[Any]


@cache
def _enum_fields(cls: type[Any]) -> dict[str, type[StrEnum]]:
    if not is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is not a dataclass")
    hints = get_type_hints(cls)
    found: dict[str, type[StrEnum]] = {}
    for spec in fields(cls):
        hint = hints[spec.name]
        options = get_args(hint) if get_origin(hint) in (Union, type(int | str)) else (hint,)
        for option in options:
            if isinstance(option, type) and issubclass(option, StrEnum):
                found[spec.name] = option
    return found


def row_of(cls: type[T]) -> Callable[[psycopg.Cursor[Any]], RowMaker[T]]:
    """Return a psycopg row factory that builds `cls` and turns text into the enums it declares."""
    enums = _enum_fields(cls)  # type: ignore[arg-type]  # a class is hashable

    def factory(cursor: psycopg.Cursor[Any]) -> RowMaker[T]:
        names = [column.name for column in cursor.description or ()]

        def make(values: Sequence[Any]) -> T:
            row = dict(zip(names, values, strict=True))
            for name, enum in enums.items():
                if row[name] is not None:
                    row[name] = enum(row[name])
            return cls(**row)

        return make

    return factory
