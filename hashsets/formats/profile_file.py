"""Profiles: small YAML files in which a licensed member writes down the facts of its provider's list.

A value that says UNSURE is a fact that nobody has filled in: the profile is refused with its name. Words are read
as they are written: `no` is the word no, and 1 the word 1.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml  # type: ignore[import-untyped]

from hashsets.errors import InvalidListError

T = TypeVar("T")

UNSURE = "UNSURE"
"""Stands in a profile for a fact that its user has to fill in."""

PROFILE_MAX = 2**16
"""Bytes of a profile."""

DEPTH_MAX = 8
"""Levels of nesting of a profile."""


def refuse(reason: str) -> InvalidListError:
    """Return the error of a profile that cannot be used; the reason goes on from a colon."""
    return InvalidListError(f"The profile cannot be used: {reason}")


class _PlainLoader(yaml.BaseLoader):  # type: ignore[misc]
    """YAML to texts, lists and mappings of texts only: no objects, no aliases, no name twice, no deep nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise refuse("it holds an alias")
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise refuse("it is nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        line = node.start_mark.line + 1
        if len(names) != len(node.value):
            raise refuse(f"in the block from line {line} a name is not a word")
        if len(set(names)) != len(names):
            raise refuse(f"in the block from line {line} a name stands twice")
        return super().construct_mapping(node, deep=deep)


def _find_unsure(value: Any, path: str) -> str | None:
    """Return the name of the first fact that is not filled in."""
    if isinstance(value, dict):
        if UNSURE in value:
            return path or UNSURE
        inner = ((one, f"{path}.{name}".lstrip(".")) for name, one in value.items())
    elif isinstance(value, list):
        inner = ((one, path) for one in value)
    else:
        return path if value == UNSURE else None
    return next((found for one, name in inner if (found := _find_unsure(one, name))), None)


def read_profile(data: bytes) -> dict[str, Any]:
    """Return the facts of a profile: a mapping of names to texts, lists and mappings.

    Raises:
        InvalidListError: too large, not UTF-8, not YAML, not a mapping, or a fact is not filled in.
    """
    if len(data) > PROFILE_MAX:
        raise refuse(f"it is larger than {PROFILE_MAX} bytes")
    try:
        loader = _PlainLoader(data.decode("utf-8-sig"))
        try:
            facts = loader.get_single_data()
        finally:
            loader.dispose()
    except UnicodeDecodeError:
        raise refuse("it is not UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise refuse(f"it is not YAML near line {mark.line + 1}" if mark else "it is not YAML") from None
    if not isinstance(facts, dict):
        raise refuse("it is not a mapping of names to values")
    unsure = _find_unsure(facts, "")
    if unsure:
        raise refuse(f"{unsure} says {UNSURE}; fill in what the provider's documents say")
    return facts


def read_profile_file(path: Path) -> dict[str, Any]:
    """Return the facts of the profile in a file.

    Raises:
        InvalidListError: it cannot be opened, or as read_profile.
    """
    try:
        with path.open("rb") as stream:
            return read_profile(stream.read(PROFILE_MAX + 1))
    except OSError as error:
        raise refuse(f"it cannot be opened ({error.strerror})") from None


def check_names(
    facts: Mapping[str, Any], needed: Collection[str], allowed: Collection[str], under: str
) -> None:
    """See that a block names all that is needed and nothing that is not allowed.

    Args:
        under: how the block is called in a refusal, empty for the whole profile.

    Raises:
        InvalidListError: one clear line for the first mistake.
    """
    dot = f"{under}." if under else ""
    for name in facts:
        if name not in allowed:
            shown = (
                f"{dot}{name}"
                if name.isprintable() and len(name) <= 40
                else f"a name {under and 'under '}{under}"
            )
            raise refuse(f"{shown.strip()} is not known")
    for name in needed:
        if name not in facts:
            raise refuse(f"{dot}{name} is missing")


def take_word(facts: Mapping[str, Any], name: str) -> str:
    """Return a fact that must be one word or text.

    Raises:
        InvalidListError: it is empty or no text.
    """
    value = facts[name]
    if not isinstance(value, str) or not value:
        raise refuse(f"{name} must be one word")
    return value


def take_choice(facts: Mapping[str, Any], name: str, choices: Mapping[str, T]) -> T:
    """Return what one of several words stands for.

    Raises:
        InvalidListError: it is none of them.
    """
    value = facts[name]
    if not isinstance(value, str) or value not in choices:
        raise refuse(f"{name} must be one of: {' '.join(choices)}")
    return choices[value]


def take_block(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a fact that must be a mapping with something in it.

    Raises:
        InvalidListError: it is not.
    """
    value = facts[name]
    if not isinstance(value, dict) or not value:
        raise refuse(f"{name} must be a mapping of names to values")
    return value
