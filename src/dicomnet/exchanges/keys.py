"""The identifiers of C-FIND, C-GET and C-MOVE, checked before anything is sent (PS3.4 C.4.1 to C.4.3, K.4, CC.2.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.models import Level, Model, model_of
from dicomnet.exchanges.values import (
    ask_for,
    check_items,
    check_lengths,
    choose_charset,
    dataset_of,
    is_single,
    is_universal,
    keyword_of,
    path_of,
    several,
)

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Level", "Model", "NotUnique", "build_query", "build_retrieve", "model_of"]


class NotUnique(InvalidValue):
    """A retrieve takes unique keys only, and needs those of the levels above: a find has to resolve what was given.

    ``level`` is what was to be retrieved, ``keys`` those that a retrieve may
    not have, ``missing`` the unique keys that it lacks.
    """

    def __init__(self, level: str, keys: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> None:
        super().__init__(level, keys, missing)
        self.level = level
        self.keys = keys
        self.missing = missing

    def __str__(self) -> str:
        parts = []
        if self.keys:
            parts.append(f"{', '.join(self.keys)} cannot be given")
        if self.missing:
            parts.append(f"{', '.join(self.missing)} must be given")
        what = f"to retrieve at the {self.level} level" if self.level else "to retrieve"
        return f"{' and '.join(parts)} {what}; a find has to resolve the unique keys first"


def build_query(
    model: Model,
    level: str | None,
    keys: Mapping[Any, object] | Dataset,
    *,
    returning: Iterable[str | int] = (),
    charset: str | None = None,
    relational: bool = False,
) -> Dataset:
    """The identifier of a C-FIND-RQ.

    The unique and required keys of the level are always asked for, as are the
    keys of a worklist that an answer has to have.

    Args:
        model: what `model_of` says of the SOP class.
        level: such as ``STUDY``, for a model that has levels; None takes (0008,0052) of the keys.
        keys: a data set, or values by keyword, by tag (a number, ``0010,0020``), or by several of these joined by dots
            for what is in a sequence. A value is text, a number, a date or time, a pair of these for a range in which
            None is an open end, a list, for a sequence another mapping; None and ``""`` match everything.
        returning: further attributes to ask for, one or several.
        charset: what (0008,0005) shall be, several terms with backslashes between them; without it, the least that the
            values need.
        relational: relational queries were negotiated (PS3.4 C.5.1.1): any keys at any level.

    Raises:
        InvalidValue: an attribute is not known, a value does not suit it, or the model does not let it be asked for.
    """
    if model.retrieve_only:
        raise InvalidValue(f"the {model.name} model has no queries (PS3.4 Y, Z)")
    dataset, level, charset = _read(keys, level, charset)
    for key in several(returning):
        ask_for(dataset, path_of(key))
    rank = _level(model, level)
    if rank is not None:
        if not relational:
            _check_levels(model, rank, dataset)
            _check_above(model, rank, dataset)
        for key in (*(each.unique for each in model.above(rank)), rank.unique, *rank.required):
            ask_for(dataset, path_of(key))
    for key in model.required:
        ask_for(dataset, path_of(key))
    return _finished(dataset, rank.name if rank else level, charset)


def build_retrieve(
    model: Model,
    keys: Mapping[Any, object] | Dataset,
    *,
    level: str | None = None,
    charset: str | None = None,
    relational: bool = False,
) -> tuple[str, Dataset]:
    """The level and the identifier of a C-GET-RQ or C-MOVE-RQ; the level is empty where the model has none.

    Args:
        model: what `model_of` says of the SOP class.
        keys: as for `build_query`. UIDs of the level may be several; keys without a value are left out.
        level: what to retrieve; None takes the lowest level that a key was given of.
        charset: as for `build_query`.
        relational: relational retrieval was negotiated (PS3.4 C.5.2.1): the levels above need not be given.

    Raises:
        NotUnique: a find has to resolve the keys first.
        InvalidValue: an attribute is not known, a value does not suit it, or there is nothing to retrieve by.
    """
    dataset, level, charset = _read(keys, level, charset)
    if model.open:
        return level or "", _finished(dataset, level, charset)
    if model.required:
        raise InvalidValue(f"nothing can be retrieved from the {model.name} model")
    for element in list(dataset):
        if is_universal(element):
            del dataset[element.tag]
    given = [keyword_of(tag) for tag in dataset.keys() if tag != _QUERY_RETRIEVE_VIEW]  # noqa: SIM118  decodes nothing
    if not given:
        raise InvalidValue("nothing says what to retrieve; give at least one key")
    if not model.levels:
        _level(model, level)
        _check_unique("", given, ("SOPInstanceUID",))
        return "", _finished(dataset, None, charset)
    rank = _level(model, level) if level else _lowest(model, given)
    assert rank is not None
    if model.choice and rank is model.levels[-1]:
        _check_choice(model, rank, dataset, given)
    else:
        _check_retrieve(model, rank, dataset, given, relational=relational)
    return rank.name, _finished(dataset, rank.name, charset)


def _read(
    keys: Mapping[Any, object] | Dataset, level: str | None, charset: str | None
) -> tuple[Dataset, str | None, str | None]:
    """The keys as a data set of our own, and the level and character set, which may stand among them."""
    dataset = dataset_of(keys)
    stated = _taken(dataset, _QUERY_RETRIEVE_LEVEL)
    if level and stated and level.upper() != stated.upper():
        raise InvalidValue(f"the keys say {stated} as QueryRetrieveLevel, and {level} was asked for")
    level = level or stated
    charset = charset or _taken(dataset, _SPECIFIC_CHARACTER_SET)
    return dataset, level.upper() if level else None, charset


def _taken(dataset: Dataset, tag: int) -> str | None:
    """The text of an element that is no key, which is taken out."""
    if tag not in dataset:
        return None
    element = dataset[tag]
    del dataset[tag]
    if is_universal(element):
        return None
    return "\\".join([element.value] if element.VM == 1 else element.value)


def _level(model: Model, name: str | None) -> Level | None:
    if model.open:
        return None
    if not model.levels:
        if name:
            raise InvalidValue(f"the {model.name} model has no levels, and {name} was asked for")
        return None
    levels = ", ".join(level.name for level in model.levels)
    if not name:
        raise InvalidValue(f"the {model.name} model is asked at a level: {levels}")
    level = model.level(name)
    if level is None:
        raise InvalidValue(f"the {model.name} model has no level {name}; it has {levels}")
    return level


def _check_levels(model: Model, level: Level, dataset: Dataset) -> None:
    """PS3.4 C.4.1.2.1: keys of the level itself, and of those above the unique ones only."""
    uniques = [each.unique for each in model.above(level)]
    for tag in dataset.keys():  # noqa: SIM118  iterating a data set decodes its values
        keyword = keyword_of(tag)
        name = model.level_of(keyword)
        if name is None or name == level.name or keyword in uniques:
            continue
        if model.level(name) is None:
            raise InvalidValue(f"{keyword} is a key of the {name} level, which the {model.name} model does not have")
        also = " (at STUDY there is ModalitiesInStudy)" if keyword == "Modality" and level.name == "STUDY" else ""
        raise InvalidValue(
            f"{keyword} is a key of the {name} level, and {level.name} is asked at; ask at {name}{also},"
            " or negotiate relational queries"
        )


def _check_above(model: Model, level: Level, dataset: Dataset) -> None:
    for above in model.above(level):
        element = dataset.get(path_of(above.unique)[0])
        if element is None or not is_single(element):
            problem = "is missing" if element is None or is_universal(element) else "must be one value"
            raise InvalidValue(
                f"{above.unique} {problem}: a query at the {level.name} level names its {above.name}"
                " (PS3.4 C.4.1.2.1), unless relational queries are negotiated"
            )


def _lowest(model: Model, given: list[str]) -> Level:
    """What is to be retrieved: the lowest level that a key was given of."""
    if model.choice:
        return model.levels[-1 if set(model.choice) & set(given) else 0]
    names = {model.level_of(keyword) for keyword in given}
    return next((level for level in reversed(model.levels) if level.name in names), model.levels[0])


def _check_retrieve(model: Model, level: Level, dataset: Dataset, given: list[str], *, relational: bool) -> None:
    """PS3.4 C.4.2.2.1: one value for each level above, one or several UIDs of the level, nothing else."""
    above = model.above(level)
    for below in model.levels[len(above) + 1 :]:
        if below.unique in given and below.unique != level.unique:
            raise InvalidValue(f"{below.unique} retrieves at the {below.name} level, and {level.name} was asked for")
    needed = (*(() if relational else (each.unique for each in above)), level.unique)
    _check_unique(level.name, given, needed, allowed={each.unique for each in above}, wild=_wild(dataset))
    for each in above:
        if each.unique in dataset and not is_single(dataset[each.unique]):
            raise InvalidValue(
                f"{each.unique} must be one value to retrieve at the {level.name} level (PS3.4 C.4.2.2.1)"
            )
    if level.unique == "PatientID" and not is_single(dataset["PatientID"]):
        raise InvalidValue("PatientID must be one value; retrieve one patient at a time (PS3.4 C.4.2.1.4)")


def _check_unique(
    level: str,
    given: list[str],
    needed: tuple[str, ...],
    *,
    allowed: Iterable[str] = (),
    wild: Iterable[str] = (),
) -> None:
    refused = tuple(key for key in given if key not in (*needed, *allowed) or key in wild)
    missing = tuple(key for key in needed if key not in given)
    if refused or missing:
        raise NotUnique(level, refused, missing)


def _check_choice(model: Model, level: Level, dataset: Dataset, given: list[str]) -> None:
    """PS3.4 Y.4.1.2.1: frames of one instance, chosen in one way."""
    _check_unique(level.name, [key for key in given if key not in model.choice], (level.unique,))
    if not is_single(dataset[level.unique]):
        raise InvalidValue(f"{level.unique} must be one value to retrieve at the {level.name} level (PS3.4 Y.4.1.2.1)")
    chosen = [key for key in given if key in model.choice]
    if len(chosen) != 1:
        raise InvalidValue(f"exactly one of {', '.join(model.choice)} says which frames, not {len(chosen)} of them")


def _wild(dataset: Dataset) -> list[str]:
    """The unique keys that are no values but patterns, which a find can resolve."""
    return ["PatientID"] if "PatientID" in dataset and _has_wildcard(dataset.PatientID) else []


def _has_wildcard(value: object) -> bool:
    return any(character in str(value) for character in "*?")


def _finished(dataset: Dataset, level: str | None, charset: str | None) -> Dataset:
    if level:
        dataset.QueryRetrieveLevel = level
    check_items(dataset)
    choose_charset(dataset, charset)
    check_lengths(dataset)
    return dataset


_SPECIFIC_CHARACTER_SET = 0x0008_0005
_QUERY_RETRIEVE_LEVEL = 0x0008_0052
_QUERY_RETRIEVE_VIEW = 0x0008_0053
