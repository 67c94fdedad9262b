"""Which data sets an identifier matches, and what is answered of them: attribute matching for providers (PS3.4 C.2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from dicomnet.exchanges.criteria import Criterion, criterion, date_and_time
from dicomnet.exchanges.elements import copy_of, empty_element, items_of, texts_of, vr_of, with_charset_of
from dicomnet.exchanges.values import keyword_of, path_of
from dicomnet.records import dataclass

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement


def matches(
    identifier: Dataset, dataset: Dataset, *, unknown_matches: bool = True, person_names_ignore_case: bool = True
) -> bool:
    """Whether a data set is one of those that an identifier asks for; see `Matcher`, which is faster for many."""
    return Matcher(
        identifier, unknown_matches=unknown_matches, person_names_ignore_case=person_names_ignore_case
    ).matches(dataset)


def answer(identifier: Dataset, dataset: Dataset) -> Dataset:
    """What is returned of a data set that matches; see `Matcher.answer`."""
    return Matcher(identifier).answer(dataset)


class Matcher:
    """An identifier of C-FIND, ready to be laid beside many data sets.

    Nothing that stands in a data set makes it raise: a value that pydicom
    cannot convert is compared as the text that it is.
    """

    def __init__(
        self,
        identifier: Dataset,
        *,
        unknown_matches: bool = True,
        person_names_ignore_case: bool = True,
        combine_date_and_time: bool = False,
        unique: Iterable[str] = (),
    ) -> None:
        """Reads the keys.

        The query/retrieve level, the character set, the time zone, and what
        says where instances are retrieved from, are none. Of a key that is a
        sequence the first item counts (PS3.4 C.2.2.2.6).

        Args:
            identifier: as it came.
            unknown_matches: whether a key matches an attribute that is absent or empty, as in query and retrieve (PS3.4
                C.2.2.1.2); in a modality worklist only a universal one does (PS3.4 K.2.2.1.1.1).
            person_names_ignore_case: PS3.4 C.2.2.2.1 leaves it open.
            combine_date_and_time: whether ranges of a date and of its time, such as StudyDate and StudyTime, are one
                (PS3.4 C.2.2.2.5.4): if negotiated, and always in a modality worklist.
            unique: keywords of what every entity has; a data set without is none, and does not match.
        """
        options = _Options(unknown_matches, person_names_ignore_case, combine_date_and_time)
        self._identifier = identifier
        self._keys = [
            key
            for tag in identifier.keys()  # noqa: SIM118  iterating a data set decodes its values
            if tag not in _ABOUT_THE_IDENTIFIER and tag.group not in (0, 2) and tag.element
            for key in (_Key.of(identifier, tag, options),)
        ]
        self._tests = [*_presence(unique), *_tests(self._keys, options)]

    @property
    def is_universal(self) -> bool:
        """Whether it matches everything, as it only says what to return."""
        return not self._tests

    def matches(self, dataset: Dataset) -> bool:
        """Whether the data set meets every key (PS3.4 C.2.2.2)."""
        return all(test(dataset) for test in self._tests)

    def answer(self, dataset: Dataset) -> Dataset:
        """What was asked for of a data set that matches, and nothing else, in a data set of its own (PS3.4 C.4.1.1.3.2).

        Attributes that it does not have come back empty. Of a sequence the
        items that match come back, with the attributes that were asked for in
        it; all of it where none were (PS3.4 C.2.2.2.6). The query/retrieve
        level is that of the identifier, the character set that of the data set.
        Bulk data comes back empty.
        """
        found = with_charset_of(dataset)
        if (level := copy_of(self._identifier, _QUERY_RETRIEVE_LEVEL)) is not None:
            found[_QUERY_RETRIEVE_LEVEL] = level
        for key in self._keys:
            element = key.answer(dataset)
            if element is not None:
                found[key.tag] = element
        return found


@dataclass(frozen=True, slots=True)
class _Options:
    unknown_matches: bool
    ignore_case: bool
    combine: bool

    def inside(self, item: Dataset) -> Matcher:
        """The keys in an item of a sequence."""
        return Matcher(
            item,
            unknown_matches=self.unknown_matches,
            person_names_ignore_case=self.ignore_case,
            combine_date_and_time=self.combine,
        )


@dataclass(frozen=True, slots=True)
class _Key:
    """An attribute of the identifier: what is asked of it, and what of it shall be returned."""

    tag: int
    vr: str
    texts: list[str]
    criterion: Criterion | None = None
    item: Matcher | None = None
    """The keys in a sequence; None for one that is asked for whole."""

    @classmethod
    def of(cls, identifier: Dataset, tag: int, options: _Options) -> _Key:
        vr = vr_of(identifier, tag)
        if vr == "SQ":
            items = items_of(identifier, tag)
            return cls(tag, vr, [], item=options.inside(items[0]) if items and len(items[0]) else None)
        texts = texts_of(identifier, tag, vr)
        asked = None if tag in _WHERE_FROM else criterion(vr, texts, ignore_case=options.ignore_case)
        return cls(tag, vr, texts, asked)

    @property
    def is_universal(self) -> bool:
        return self.criterion is None and (self.item is None or self.item.is_universal)

    def test(self, dataset: Dataset, *, unknown_matches: bool) -> bool:
        if self.item is not None:
            items = items_of(dataset, self.tag)
            return any(map(self.item.matches, items)) if items else unknown_matches
        texts = texts_of(dataset, self.tag, self.vr)
        if not texts and self.tag in _OF_THE_INSTANCE:
            texts = texts_of(dataset, _OF_THE_INSTANCE[self.tag], self.vr)
        assert self.criterion is not None
        return any(map(self.criterion, texts)) if texts else unknown_matches

    def answer(self, dataset: Dataset) -> DataElement | None:
        """The element to be returned; None for what is left out if the data set does not have it."""
        from pydicom import DataElement

        element = None
        if self.item is None:
            element = copy_of(dataset, self.tag)
        elif items := items_of(dataset, self.tag):
            element = DataElement(self.tag, "SQ", [self.item.answer(item) for item in items if self.item.matches(item)])
        if element is not None or self.tag in _WHERE_FROM:
            return element
        return empty_element(self.tag, self.vr)


def _presence(unique: Iterable[str]) -> Iterator[Callable[[Dataset], bool]]:
    for keyword in unique:
        (tag,) = path_of(keyword)
        yield partial(_has, tag)


def _has(tag: int, dataset: Dataset) -> bool:
    return bool(texts_of(dataset, tag, "UI"))


def _tests(keys: Iterable[_Key], options: _Options) -> Iterator[Callable[[Dataset], bool]]:
    """What a data set has to meet, one test for each key that does not match everything."""
    asked = {key.tag: key for key in keys if not key.is_universal}
    if options.combine:
        for date, time in _pairs(asked):
            together = date_and_time("\\".join(date.texts), "\\".join(time.texts))
            if together is not None:
                del asked[date.tag], asked[time.tag]
                yield _together(date, time, together, options)
    for key in asked.values():
        yield partial(key.test, unknown_matches=options.unknown_matches)


def _pairs(keys: Mapping[int, _Key]) -> list[tuple[_Key, _Key]]:
    """Dates with their times, which their keywords show."""
    named = {keyword_of(tag): key for tag, key in keys.items()}
    return [
        (date, named[f"{keyword[:-4]}Time"])
        for keyword, date in named.items()
        if date.vr == "DA" and keyword.endswith("Date") and f"{keyword[:-4]}Time" in named
    ]


def _together(date: _Key, time: _Key, criterion: Criterion, options: _Options) -> Callable[[Dataset], bool]:
    def test(dataset: Dataset) -> bool:
        days, times = (texts_of(dataset, key.tag, key.vr) for key in (date, time))
        if days and times:
            return any(criterion(day + clock) for day, clock in zip(days, times, strict=False))
        return all(key.test(dataset, unknown_matches=options.unknown_matches) for key in (date, time))

    return test


_SPECIFIC_CHARACTER_SET = 0x0008_0005
_QUERY_RETRIEVE_LEVEL = 0x0008_0052
# (0008,0053) is QueryRetrieveView, (0008,0201) TimezoneOffsetFromUTC: how to read the keys, and no keys (PS3.4 C.4.1.1.3.1).
_ABOUT_THE_IDENTIFIER = frozenset((_SPECIFIC_CHARACTER_SET, _QUERY_RETRIEVE_LEVEL, 0x0008_0053, 0x0008_0201))
# RetrieveAETitle, InstanceAvailability, RetrieveURL, StorageMediaFileSetID, StorageMediaFileSetUID, RetrieveURI,
# RetrieveLocationUID.
_WHERE_FROM = frozenset((0x0008_0054, 0x0008_0056, 0x0008_1190, 0x0088_0130, 0x0088_0140, 0x0040_E010, 0x0040_E011))
# ModalitiesInStudy and SOPClassesInStudy are made of the instances: one that has the value shows that its study does.
_OF_THE_INSTANCE = {0x0008_0061: 0x0008_0060, 0x0008_0062: 0x0008_0016}
