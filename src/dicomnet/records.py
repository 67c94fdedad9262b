"""Dataclasses that cost little to define.

The standard library compiles every method of a dataclass, up to seven of them,
each time the program starts. We have a hundred such classes, and a command
that is over in a tenth of a second spent a fifth of it there. Here `__init__`
alone is compiled; the other methods are closures over the names of the fields.
In every other respect what comes of it is a dataclass: `fields`, `replace`,
`asdict` and `match` take it as one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, field as field
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(field_specifiers=(field,))
def dataclass(
    *, frozen: bool = False, slots: bool, kw_only: bool = False, eq: bool = True
) -> Callable[[type[T]], type[T]]:
    """Makes a class a dataclass whose fields are slots.

    A method that the class defines itself stays.

    Args:
        frozen: values are never changed, and can be hashed.
        slots: True. It stands where it is used, for readers who know the standard library's.
        kw_only: fields are given by name only.
        eq: values with equal fields are equal; otherwise each is equal to itself only.
    """
    assert slots

    def decorate(cls: type[T]) -> type[T]:
        own = {name for name, value in vars(cls).items() if value is not None}  # `__eq__` alone makes `__hash__` None
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
        fields = dataclasses.fields(made)  # type: ignore[arg-type]  # it is one now
        methods: dict[str, Any] = {"__repr__": _repr(fields)}
        if "__init__" not in own:
            methods["__init__"] = _init(made, fields, frozen)
        if eq:
            methods |= _comparison(fields, frozen)
        if frozen:
            methods |= _freezing(made, fields)
        for name in methods.keys() - own:
            setattr(made, name, methods[name])
        return made

    return decorate


def _init(cls: type, fields: Iterable[Field[Any]], frozen: bool) -> Callable[..., None]:
    """Compiled, since it runs for every value. It sets the slots of a frozen one behind the back of `__setattr__`."""
    scope: dict[str, Any] = {"MISSING": MISSING}
    positional = ["self"]
    named: list[str] = []
    body: list[str] = []
    for each in fields:
        name, default = each.name, f"default_{each.name}"
        parameter, value = f"{name}={default}", name if each.init else default
        if each.default is not MISSING:
            scope[default] = each.default
        elif each.default_factory is not MISSING:
            scope[default] = each.default_factory
            parameter = f"{name}=MISSING"
            value = f"{default}() if {name} is MISSING else {name}" if each.init else f"{default}()"
        else:
            parameter = name
        if each.init:
            (named if each.kw_only else positional).append(parameter)
        if frozen:
            scope[f"set_{name}"] = getattr(cls, name).__set__
            body.append(f" set_{name}(self, {value})")
        else:
            body.append(f" self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    parameters = ", ".join([*positional, "*", *named] if named else positional)
    exec("\n".join([f"def __init__({parameters}):", *body, " return"]), scope)  # noqa: S102  # names out of our sources
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {each.name: each.type for each in fields if each.init} | {"return": "None"}
    return init


def _repr(fields: Iterable[Field[Any]]) -> Callable[[Any], str]:
    names = [each.name for each in fields if each.repr]

    def __repr__(self: Any) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"

    return __repr__


def _comparison(fields: Iterable[Field[Any]], frozen: bool) -> dict[str, Any]:
    names = [each.name for each in fields if each.compare]
    compared: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        return compared(self) == compared(other) if type(self) is type(other) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(compared(self))

    return {"__eq__": __eq__, "__hash__": __hash__ if frozen else None}


def _freezing(cls: type, fields: Iterable[Field[Any]]) -> dict[str, Any]:
    names = [each.name for each in fields]

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807  # for copies, which `__setattr__` would refuse
        for name, value in zip(names, state, strict=True):
            getattr(cls, name).__set__(self, value)

    return {"__getstate__": __getstate__, "__setstate__": __setstate__, "__setattr__": _refuse, "__delattr__": _refuse}


def _refuse(_: Any, name: str, *__: object) -> None:
    raise FrozenInstanceError(f"{name!r} belongs to a value that never changes")
