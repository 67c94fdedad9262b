"""Our dataclasses do what those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any, ClassVar

import pytest

from dicomnet.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    """A frozen value."""

    origin: ClassVar[str] = "top left"

    x: int
    y: int = 0
    name: str = field(default="", compare=False)
    secret: str = field(default="s", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot(Point):
    """A frozen value with a base."""

    color: str


@dataclass(slots=True)
class Basket:
    """A value that may be changed, with a default that is made anew and a field that nobody gives."""

    eggs: list[int] = field(default_factory=list)
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.count = len(self.eggs)


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value without fields."""


@dataclass(slots=True, eq=False)
class Thing:
    """Equal to itself only."""

    name: str


@dataclass(frozen=True, slots=True)
class Odd:
    """Has methods of its own."""

    value: int

    def __repr__(self) -> str:
        return "odd"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Odd)


def test_fields_are_given_by_place_or_name_with_defaults() -> None:
    """As in any dataclass."""
    assert (Point(1).y, Point(1, 2).y, Point(x=1, y=3).y) == (0, 2, 3)
    spot = Spot(1, color="red")
    assert (spot.x, spot.color) == (1, "red")


@pytest.mark.parametrize("arguments", [(), (1, 2, "n", "s", "red")], ids=["too few", "a name only by place"])
def test_arguments_that_do_not_fit_are_refused(arguments: tuple[Any, ...]) -> None:
    """With a TypeError."""
    with pytest.raises(TypeError):
        Spot(*arguments)


def test_the_signature_tells_names_and_annotations() -> None:
    """What help and editors show."""
    assert str(inspect.signature(Point)).startswith("(x: 'int', y: 'int' = 0, name: 'str' = ''")


def test_equal_fields_make_equal_values() -> None:
    """Of the same class, and without the fields that are not compared."""
    assert Point(1, 2) == Point(1, 2, name="other")
    assert Point(1, 2) != Point(2, 2)
    assert Point(1, 2) != (1, 2, "s")
    assert Point(1) != Spot(1, color="red")
    assert Nothing() == Nothing()
    assert Thing("a") != Thing("a")


def test_frozen_values_are_hashed_by_their_fields_and_others_not_at_all() -> None:
    """A value that may change has no hash, unless it is equal to itself only."""
    assert len({Point(1), Point(1, name="n"), Point(2), Nothing(), Nothing()}) == 3
    assert hash(Thing("a"))
    with pytest.raises(TypeError):
        hash(Basket())


def test_a_frozen_value_refuses_changes() -> None:
    """Also deletions, and new attributes."""
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: setattr(point, "z", 2), lambda: delattr(point, "x")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert point.x == 1


def test_there_is_no_dictionary() -> None:
    """Fields are slots, also those of a base."""
    assert not hasattr(Spot(1, color="red"), "__dict__")
    with pytest.raises(AttributeError):
        Basket().other = 1  # type: ignore[attr-defined]


def test_a_repr_names_the_fields_but_hidden_ones() -> None:
    """And the class."""
    assert repr(Spot(1, color="red")) == "Spot(x=1, y=0, name='', color='red')"
    assert repr(Nothing()) == "Nothing()"


def test_methods_of_the_class_stay() -> None:
    """Only what it does not define is made; the hash is."""
    assert (repr(Odd(1)), Odd(1) == Odd(2), hash(Odd(1)) == hash(Odd(1))) == ("odd", True, True)


def test_a_default_can_be_made_for_each_value() -> None:
    """And `__post_init__` runs when all are there."""
    first, second = Basket(), Basket([1, 2])
    first.eggs.append(3)
    assert (Basket().eggs, first.count, second.count) == ([], 0, 2)


def test_the_tools_of_the_standard_library_take_it_as_a_dataclass() -> None:
    """`fields`, `replace`, `asdict` and `match`."""
    assert [each.name for each in dataclasses.fields(Spot)] == ["x", "y", "name", "secret", "color"]
    assert dataclasses.replace(Spot(1, color="red"), x=2) == Spot(2, color="red")
    assert dataclasses.asdict(Basket([1])) == {"eggs": [1], "count": 1}
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("value", [Spot(1, color="red"), Basket([1]), Nothing()])
def test_values_can_be_copied_and_pickled(value: Any, again: Any) -> None:
    """Frozen ones, too."""
    assert again(value) == value
