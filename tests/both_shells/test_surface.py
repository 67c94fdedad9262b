"""Both shells are one library: the same names with the same arguments, awaited in one of them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from dicomnet import aio, sync

CLASSES = ["Association", "Matches", "Peer", "PeerMatches"]

AWAITED = {"__enter__": "__aenter__", "__exit__": "__aexit__", "__iter__": "__aiter__", "__next__": "__anext__"}

ONLY_ON_A_LOOP = {"Association": {"__await__"}}
"""A blocking association is open when it is made."""

AT_ONCE = {"__iter__", "abort", "find"}
"""Methods that never wait, on a loop either."""


def methods(kind: type[Any]) -> dict[str, Any]:
    """The public methods and properties of a class, and those that the language calls."""
    spoken = {"__await__", "__init__", "__repr__", *AWAITED, *AWAITED.values()}
    return {name: value for name, value in vars(kind).items() if name in spoken or not name.startswith("_")}


def arguments(function: Any) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def test_both_modules_offer_the_same_names() -> None:
    """Whoever changes from one shell to the other finds everything."""
    assert sorted(sync.__all__) == sorted(aio.__all__)


def test_both_ways_to_associate_take_the_same_arguments() -> None:
    """Names, kinds and defaults."""
    assert arguments(sync.associate) == arguments(aio.associate)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_same_methods_in_both_shells(name: str) -> None:
    """But for the special names of what is awaited, and what only a loop needs."""
    blocking, on_loop = methods(getattr(sync, name)), methods(getattr(aio, name))
    assert {AWAITED.get(each, each) for each in blocking} == set(on_loop) - ONLY_ON_A_LOOP.get(name, set())


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("Matches", "PeerMatches")])
def test_a_class_is_made_of_the_same_arguments_in_both_shells(name: str) -> None:
    """Names, kinds and defaults."""
    assert arguments(getattr(sync, name)) == arguments(getattr(aio, name))


@pytest.mark.parametrize("name", CLASSES)
def test_a_method_takes_the_same_arguments_in_both_shells(name: str) -> None:
    """Names, kinds and defaults; on a loop those that may wait are coroutines, in the other shell none is."""
    on_loop = methods(getattr(aio, name))
    for method, blocking in methods(getattr(sync, name)).items():
        twin = on_loop[AWAITED.get(method, method)]
        if isinstance(blocking, property):
            assert isinstance(twin, property), method
        elif method not in ("__init__", "__repr__"):
            assert arguments(blocking) == arguments(twin), method
            assert not inspect.iscoroutinefunction(blocking), method
            assert inspect.iscoroutinefunction(twin) == (method not in AT_ONCE), method
