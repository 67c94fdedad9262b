"""What a server says of all files, and a handler of one."""

from __future__ import annotations

from typing import Any

import pytest

from dicomnet.errors import InvalidValue
from dicomnet.storage.rules import FileRules

RULES = FileRules(durable=True, check="warn", duplicates="refuse", strict_uids=True, reserve="3%")


@pytest.mark.parametrize(
    ("said", "durable", "check", "duplicates"),
    [
        ({}, True, "warn", "refuse"),
        ({"durable": False}, False, "warn", "refuse"),
        ({"check": "off"}, True, "off", "refuse"),
        ({"duplicates": "replace"}, True, "warn", "replace"),
        ({"durable": False, "check": "refuse", "duplicates": "keep-both"}, False, "refuse", "keep-both"),
    ],
)
def test_what_is_said_of_one_instance_changes_nothing_else(
    said: dict[str, Any], durable: bool, check: Any, duplicates: Any
) -> None:
    """Above all not whether it is durable."""
    assert RULES.but(**said) == FileRules(durable, check, duplicates, strict_uids=True, reserve="3%")


@pytest.mark.parametrize("said", [{"check": "maybe"}, {"duplicates": "some"}])
def test_what_is_no_rule_is_a_mistake(said: dict[str, Any]) -> None:
    """Also of one instance."""
    with pytest.raises(InvalidValue):
        RULES.but(**said)
