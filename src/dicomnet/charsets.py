"""Text on its way out: no character is lost because (0008,0005) does not say enough, or pydicom encodes it anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, cast

from dicomnet.errors import InvalidValue

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.tag import BaseTag


def in_its_charset(dataset: Dataset, *, any_charset: bool) -> Dataset:
    """The data set, or one to be encoded in its place, whose character sets hold all its text (PS3.3 C.12.1.1.2).

    Values that nobody has decoded are not looked at.

    Args:
        dataset: stays as it is.
        any_charset: whether a declared character set that does not hold the text gives way to one that does.

    Raises:
        InvalidValue: a declared character set does not hold the text, and may not give way.
    """
    result = dataset
    for terms, element, value in _texts(dataset, ()):
        text = str(value)
        if text.isascii():
            continue
        if not _holds(terms, text):
            if any_charset or not terms:
                return _redeclared(dataset)
            charset = "\\".join(terms)
            raise InvalidValue(f"{element.keyword or element.tag}: {text!r} cannot be written in {charset}")
        if result is dataset and getattr(value, "encodings", ()) is None:
            result = _with_new_names(dataset)
    return result


def with_unreadable_text(dataset: Dataset, encoding: tuple[bool, bool]) -> Dataset:
    """The data set, or one to be encoded in its place, in which text that cannot be read stays the bytes that it is.

    pydicom reads all values to write them in another encoding, and what is not
    in its character set would come out of that as question marks.

    Args:
        dataset: stays as it is.
        encoding: what it will be encoded in: whether the VR is implicit, and whether it is little endian.
    """
    if dataset.original_encoding == encoding:
        return dataset
    from pydicom import DataElement, config

    kept: list[DataElement] = []
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if element is None or not (value := _text_or_items(element)):
            continue
        if isinstance(value, bytes):
            read = dataset[tag]
            if read.VR in _CHARSET_VRS and "\ufffd" in str(read.value):
                kept.append(DataElement(tag, read.VR, value, validation_mode=config.IGNORE))
            value = read.value if read.VR == "SQ" else ()
        items = [with_unreadable_text(item, encoding) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            kept.append(DataElement(tag, "SQ", items))
    if not kept:
        return dataset
    copied = copy_of(dataset)
    for each in kept:
        copied[each.tag] = each
    return copied


def copy_of(dataset: Dataset, tags: Iterable[BaseTag] | None = None) -> Dataset:
    """The same elements, or some of them, in another data set; pydicom's own copies share one dictionary."""
    from pydicom import Dataset

    copied = Dataset({tag: dataset.get_item(tag) for tag in (dataset.keys() if tags is None else tags)})
    implicit_vr, little_endian = dataset.original_encoding
    copied.set_original_encoding(implicit_vr, little_endian, dataset.original_character_set)
    return copied


def encodes(text: str, encoding: str) -> bool:
    """Whether pydicom encodes this text in one of its encodings without loss."""
    from pydicom import charset

    if encoding == GB_2312 and GB_2312_ESCAPE not in text and not text.isascii():
        return False  # it would come out without its escape sequence
    try:
        if encoding in charset.custom_encoders:
            charset.custom_encoders[encoding](text, errors="strict")
        else:
            text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _texts(dataset: Dataset, terms: Sequence[str]) -> Iterator[tuple[Sequence[str], DataElement, Any]]:
    """Every value that was decoded and that a character set applies to, with the terms of that: none for the default."""
    if _SPECIFIC_CHARACTER_SET in dataset:
        terms = _terms(dataset)
    for each in dataset.values():
        if each.is_raw:
            continue
        element = cast("DataElement", each)
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item, terms)
        elif element.VR in _CHARSET_VRS and element.value is not None:
            value = element.value
            for text in value if isinstance(value, MutableSequence) else (value,):
                if not isinstance(text, bytes):  # which are written as they are
                    yield terms, element, text


def _terms(dataset: Dataset) -> Sequence[str]:
    value = dataset[_SPECIFIC_CHARACTER_SET].value or ()
    terms = (value,) if isinstance(value, str) else tuple(value)
    return () if all(term in _DEFAULT_REPERTOIRE for term in terms) else terms


def _holds(terms: Sequence[str], text: str) -> bool:
    from pydicom import charset

    encodings = charset.convert_encodings(list(terms)) if terms else []
    if not encodings or terms[0] in _DEFAULT_REPERTOIRE:
        encodings[:1] = ["ascii"]  # pydicom takes Latin-1 for it
    if "\ufffd" in text:  # was read so: there is no more to be lost
        text = text.replace("\ufffd", "")
    if any(encodes(text, encoding) for encoding in encodings):
        return True
    return len(encodings) > 1 and all(any(encodes(character, encoding) for encoding in encodings) for character in text)


def _redeclared(dataset: Dataset) -> Dataset:
    """A copy that declares one character set for all text in it."""
    from pydicom import DataElement

    copied = _with_new_names(dataset, decode=True)
    fits = all(encodes(str(value), "latin-1") for _, _, value in _texts(copied, ()))
    copied[_SPECIFIC_CHARACTER_SET] = DataElement(_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 100" if fits else "ISO_IR 192")
    return copied


def _with_new_names(dataset: Dataset, *, decode: bool = False) -> Dataset:
    """A copy with names that were never encoded: pydicom's remember how they were first, and do so for ever.

    Args:
        decode: whether to read all that is still bytes as its character sets say, which are then left out.
    """
    from pydicom import DataElement, config

    copied = copy_of(dataset)
    for tag in sorted(copied.keys()):
        element = copied[tag] if decode else copied.get_item(tag)
        if element is None or element.is_raw:
            continue
        if element.VR == "SQ":
            items = [_with_new_names(item, decode=decode) for item in element.value]
            copied[tag] = DataElement(tag, "SQ", items)
        elif element.VR == "PN" and not element.is_empty:
            names = [str(name) for name in (element.value if element.VM > 1 else (element.value,))]
            copied[tag] = DataElement(tag, "PN", names, validation_mode=config.IGNORE)
    if decode:
        copied.pop(_SPECIFIC_CHARACTER_SET, None)
    return copied


def _text_or_items(element: DataElement | RawDataElement) -> Any:
    """The bytes of a value that may be text outside ASCII or items, or the items."""
    if not element.is_raw:
        return element.value if element.VR == "SQ" else None
    vr = element.VR or _vr(element.tag)
    if element.value is None or not (vr in _CHARSET_VRS or vr in ("SQ", "UN")) or element.value.isascii():
        return None
    return element.value


def _vr(tag: int) -> str:
    from pydicom import datadict

    try:
        return datadict.dictionary_VR(tag)
    except KeyError:
        return "UN"


GB_2312 = "iso_ir_58"
"""What pydicom calls ISO 2022 IR 58, whose escape sequence it neither writes nor takes out of what it reads."""
GB_2312_ESCAPE = "\x1b$)A"

_SPECIFIC_CHARACTER_SET = 0x0008_0005
_DEFAULT_REPERTOIRE = ("", "ISO_IR 6", "ISO 2022 IR 6")
# PS3.5 6.1.2.3: those that (0008,0005) applies to.
_CHARSET_VRS = frozenset("LO LT PN SH ST UC UT".split())
