"""What a provider chooses of what it has: the answers to a C-FIND, the instances of a C-GET or C-MOVE (PS3.4 C.4.1 to C.4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dicomnet.dimse.status import Status
from dicomnet.errors import StatusError
from dicomnet.exchanges.elements import texts_of
from dicomnet.exchanges.matching import Matcher
from dicomnet.exchanges.models import PATIENT_ROOT, WORKLIST, Level, Model
from dicomnet.exchanges.values import path_of
from dicomnet.records import dataclass

if TYPE_CHECKING:
    from pydicom import Dataset


def find_matches(
    model: Model, level: str | None, identifier: Dataset, datasets: Iterable[Dataset]
) -> Iterator[Dataset]:
    """The answers to a C-FIND of a model, as lazily as the data sets come.

    At a level above the instances each entity is answered once, by its unique
    keys. What lacks the unique keys of the level is no entity of it.

    Raises:
        StatusError: the identifier has no level that the model knows (A900).
    """
    rank = _rank(model, level)
    unique = [] if rank is None else [each.unique for each in (*model.above(rank), rank)]
    matcher = Matcher(
        identifier, unknown_matches=model is not WORKLIST, combine_date_and_time=model is WORKLIST, unique=unique
    )
    tags = [path_of(keyword)[0] for keyword in unique]
    many = rank is not None and rank.unique != _INSTANCE
    seen = set()
    for dataset in datasets:
        if not matcher.matches(dataset):
            continue
        if many:
            entity = tuple(tuple(texts_of(dataset, tag, "UI")) for tag in tags)
            if entity in seen:
                continue
            seen.add(entity)
        yield matcher.answer(dataset)


@dataclass(frozen=True, slots=True)
class Named:
    """The instances that the unique keys of a C-GET or C-MOVE name (PS3.4 C.4.2.1.4)."""

    keys: dict[int, frozenset[str]]
    """The values that are meant, by tag."""

    @classmethod
    def by(cls, model: Model, level: str | None, identifier: Dataset) -> Named:
        """Reads the unique keys; others, which a retrieve must not have, are passed over (PS3.4 C.4.2.1.4).

        Raises:
            StatusError: the level is none of the model, or nothing names what to retrieve at it (A900).
        """
        rank = _rank(model, level)
        known = [each.unique for each in (PATIENT_ROOT if model.open else model).levels] or [_INSTANCE]
        needed = known if model.open else [rank.unique if rank else _INSTANCE]
        keys = {keyword: frozenset(texts_of(identifier, path_of(keyword)[0], "UI")) for keyword in known}
        if not any(keys[keyword] for keyword in needed):
            raise StatusError(Status.DATA_SET_MISMATCH, f"no {' or '.join(needed)} to retrieve by")
        return cls({path_of(keyword)[0]: texts for keyword, texts in keys.items() if texts})

    def has(self, dataset: Dataset) -> bool:
        """Whether it is one of them; one that lacks a key is not."""
        return all(not texts.isdisjoint(texts_of(dataset, tag, "UI")) for tag, texts in self.keys.items())


def _rank(model: Model, level: str | None) -> Level | None:
    """The level that a request is at; None for a model without."""
    if model.open or not model.levels:
        return None
    rank = model.level(level or "")
    if rank is None:
        known = ", ".join(each.name for each in model.levels)
        raise StatusError(Status.DATA_SET_MISMATCH, f"no level of {model.name} ({known})")
    return rank


_INSTANCE = "SOPInstanceUID"
