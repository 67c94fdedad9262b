"""From what a caller writes to the elements of a data set: names of attributes, values of their VRs, a character set."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomnet.charsets import encodes
from dicomnet.errors import InvalidValue
from dicomnet.types import is_uid
from dicomnet.uids import KEYWORDS

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

Path = tuple[int, ...]
"""The tags on the way to an attribute, through the items of sequences."""


def path_of(key: str | int) -> Path:
    """The way to an attribute: ``PatientID``, ``0010,0020``, ``(0010,0020)``, ``00100020``, or several joined by dots.

    Raises:
        InvalidValue: there is no such attribute; the text names the nearest.
    """
    if isinstance(key, int):
        if not 0 <= key <= 0xFFFF_FFFF:
            raise InvalidValue(f"{key} is no tag")
        return (key,)
    return tuple(_tag_of(part.strip()) for part in key.split("."))


def keyword_of(tag: int) -> str:
    """The keyword of a tag, or the tag as it is printed if it has none."""
    from pydicom import datadict

    return datadict.keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def dataset_of(keys: Mapping[Any, object] | Dataset) -> Dataset:
    """A data set of these keys; that of the caller is copied and stays as it is.

    Groups 0000 and 0002 and group lengths are left out.

    Raises:
        InvalidValue: these are no keys, an attribute is not known, or its value does not suit it.
    """
    from pydicom import Dataset

    dataset = Dataset()
    if isinstance(keys, Dataset):
        for tag in keys.keys():  # noqa: SIM118  iterating a data set decodes its values
            if tag.group not in (0, 2) and tag.element:
                element = keys[tag]
                dataset[tag] = _element(tag, element.value, element.VR)
        return dataset
    if not isinstance(keys, Mapping):
        raise InvalidValue(f"{type(keys).__name__} is neither a data set nor a mapping of attributes to values")
    for key, value in keys.items():
        _put(dataset, path_of(key), value)
    return dataset


def record_of(values: Mapping[Any, object]) -> tuple[Dataset, list[str]]:
    """A data set of what is known of something, and the keywords of what it is without, being no value of its attribute.

    Raises:
        InvalidValue: an attribute is not known.
    """
    from pydicom import Dataset

    dataset, left_out = Dataset(), []
    for key, value in values.items():
        path = path_of(key)
        try:
            _put(dataset, path, value)
        except InvalidValue:
            left_out.append(keyword_of(path[-1]))
    return dataset, left_out


def several(attributes: str | int | Iterable[str | int]) -> list[str | int]:
    """Attributes as a list; one alone is one, and not the characters of its name."""
    return [attributes] if isinstance(attributes, str | int) else list(attributes)


def ask_for(dataset: Dataset, path: Path) -> None:
    """Adds a key without a value, which matches everything and is returned (PS3.4 C.2.2.2.3), unless it is there."""
    if len(path) > 1:
        ask_for(_item(dataset, path[0]), path[1:])
    elif path[0] not in dataset:
        dataset[path[0]] = _element(path[0], None)


def is_universal(element: DataElement) -> bool:
    """Whether a key matches everything because it has no value."""
    value = element.value
    return value is None or (hasattr(value, "__len__") and not len(value))


def is_single(element: DataElement) -> bool:
    """Whether a key matches one value and nothing else, as a unique key above the level has to (PS3.4 C.4.1.2.1)."""
    return not is_universal(element) and element.VM == 1 and not _WILDCARDS.search(str(element.value))


def choose_charset(dataset: Dataset, charset: str | None) -> None:
    """Sets (0008,0005) as the values need it: not at all, ISO_IR 100 or ISO_IR 192; a given one is always set.

    Raises:
        InvalidValue: a value cannot be encoded in the given character set, or the set is unknown.
    """
    from pydicom import DataElement, charset as charsets, config

    texts = list(_texts(dataset))
    terms = charset.split("\\") if charset else _sufficient(texts)
    for term in terms:
        if term not in charsets.python_encoding:
            raise InvalidValue(f"{term!r} is no character set of PS3.3 C.12.1.1.2")
    encodings = [_ASCII if term in _DEFAULT_REPERTOIRE else charsets.python_encoding[term] for term in terms] or [
        _ASCII
    ]
    for text in texts:
        if not all(any(encodes(character, encoding) for encoding in encodings) for character in text):
            raise InvalidValue(f"{text!r} cannot be written in {charset}")
    dataset.pop(_SPECIFIC_CHARACTER_SET, None)
    if terms:
        dataset[_SPECIFIC_CHARACTER_SET] = DataElement(
            _SPECIFIC_CHARACTER_SET, "CS", terms, validation_mode=config.IGNORE
        )


def check_items(dataset: Dataset) -> None:
    """Raises `InvalidValue` for keys that are sequences of several items (PS3.4 C.2.2.2.6)."""
    for element in dataset.iterall():
        if element.VR == "SQ" and len(element.value) > 1:
            raise InvalidValue(f"{keyword_of(element.tag)}: a sequence has one item in a key, not {len(element.value)}")


def check_lengths(dataset: Dataset) -> None:
    """Raises `InvalidValue` where a value is longer than explicit VR can say: 65,534 bytes (PS3.5 7.1.2)."""
    for element in dataset.iterall():
        if element.VR in _LONG_VRS or is_universal(element):
            continue
        parts = [element.value] if element.VM == 1 else element.value
        if isinstance(parts[0], int | float) and not hasattr(parts[0], "original_string"):
            continue
        length = sum(len(str(part).encode()) + 1 for part in parts) - 1
        if length > _LONGEST:
            raise InvalidValue(
                f"{keyword_of(element.tag)} has {len(parts)} values of {length} bytes in all, {_LONGEST} are the most;"
                f" ask in several requests"
            )


def _tag_of(name: str) -> int:
    from pydicom import datadict

    if match := _TAG.fullmatch(name):
        return int(match[1] + match[2], 16)
    tag = datadict.tag_for_keyword(name)
    if tag is None:
        from difflib import get_close_matches

        lower = {keyword.lower(): keyword for keyword in datadict.keyword_dict}
        nearest = get_close_matches(name.lower(), lower, n=1)
        hint = f"; did you mean {lower[nearest[0]]}?" if nearest else ""
        raise InvalidValue(f"there is no attribute {name!r}{hint}")
    return tag


def _put(dataset: Dataset, path: Path, value: object) -> None:
    element = _element(path[-1], value)  # first, so that a value which is none leaves no trace
    for tag in path[:-1]:
        dataset = _item(dataset, tag)
    dataset[path[-1]] = element


def _item(dataset: Dataset, tag: int) -> Dataset:
    """The first item of a sequence, which are made if they are not there."""
    from pydicom import Dataset

    sequence = dataset[tag] if tag in dataset else _element(tag, None)
    if sequence.VR != "SQ":
        raise InvalidValue(f"{keyword_of(tag)} is no sequence")
    dataset[tag] = sequence
    if not sequence.value:
        sequence.value.append(Dataset())
    item: Dataset = sequence.value[0]
    return item


def _element(tag: int, value: object, vr: str | None = None) -> DataElement:
    from pydicom import config, datadict, dataelem

    if vr is None:
        try:
            vr = datadict.dictionary_VR(tag)
        except KeyError:
            raise InvalidValue(f"the VR of {keyword_of(tag)} is not known; give the keys as a Dataset") from None
    vr = "OW" if "OW" in vr else vr.split(" or ")[0]
    try:
        if vr == "SQ":
            value = _items(value)
        elif value is None or value == "" or (isinstance(value, list | tuple) and not value):
            value = dataelem.empty_value_for_VR(vr)
        else:
            value = _values(vr, value)
        # A key may be longer than its VR lets a value be, and hold what only a key may hold (PS3.4 C.2.2.2).
        return dataelem.DataElement(tag, vr, value, validation_mode=config.IGNORE)
    except InvalidValue as error:
        raise InvalidValue(f"{keyword_of(tag)}: {error}") from None
    except Exception as error:
        raise InvalidValue(f"{keyword_of(tag)}: {value!r} is no value of VR {vr}: {error}") from error


def _items(value: Any) -> list[Dataset]:
    from pydicom import Dataset

    if value is None or value == "":
        return []
    return [dataset_of(item) for item in ([value] if isinstance(value, Mapping | Dataset) else value)]


def _values(vr: str, value: Any) -> Any:
    if vr in _TEMPORAL and isinstance(value, tuple) and len(value) == 2:
        first, last = ("" if end is None else _text(vr, end) for end in value)
        return f"{first}-{last}" if first or last else ""
    if vr in _BYTES:
        if not isinstance(value, bytes):
            raise InvalidValue(f"VR {vr} takes bytes, not {value!r}")
        return value
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    if vr == "AT":
        return [path_of(each)[-1] for each in values]
    if vr in _INTEGERS:
        return [int(each) for each in values]
    if vr in _FLOATS:
        return [float(each) for each in values]
    if vr in _UNSPLIT:
        return "\\".join(map(str, values))
    texts = [part for each in values for part in _text(vr, each).split("\\")]
    return texts if len(texts) > 1 else texts[0]


def _text(vr: str, value: Any) -> str:
    """One value as a key has it, or several with backslashes between them."""
    if vr in _TEMPORAL and isinstance(value, datetime.date | datetime.time):
        return _moment(vr, value)
    text = str(value)
    if text == _EMPTY_VALUE:
        return text
    if vr == "UI":
        text = KEYWORDS.get(text, text)
    if vr not in _WILDCARD_VRS and _WILDCARDS.search(text):
        # PS3.4 C.2.2.2.4
        raise InvalidValue(f"{text!r}: there are no wildcards in VR {vr}; leave it empty to match everything")
    for part in text.split("\\"):
        if vr == "UI" and part and not is_uid(part.strip()):
            raise InvalidValue(f"{part!r} is not a UID (1 to 64 digits and dots)")
        if vr in _TEMPORAL and not _TEMPORAL[vr].fullmatch(part.strip()):
            raise InvalidValue(f"{part!r} is neither a value nor a range of VR {vr}")
    return text


def _moment(vr: str, value: datetime.date | datetime.time) -> str:
    date = time = ""
    if isinstance(value, datetime.date):
        date = f"{value.year:04}{value.month:02}{value.day:02}"
    if isinstance(value, datetime.time | datetime.datetime):
        time = f"{value.hour:02}{value.minute:02}{value.second:02}"
        if value.microsecond:
            time += f".{value.microsecond:06}"
    if vr == "DT" and date:
        return date + time + (value.strftime("%z")[:5] if time else "")
    if vr == "DT" or not (text := date if vr == "DA" else time):
        raise InvalidValue(f"{value!r} is no value of VR {vr}")
    return text


def _texts(dataset: Dataset) -> Iterator[str]:
    """Every value that the character set applies to; one that it does not apply to has to be ASCII (PS3.5 6.1.2.3)."""
    for element in dataset.iterall():
        if element.VR in _BYTES or element.VR == "SQ" or is_universal(element):
            continue
        for value in [element.value] if element.VM == 1 else element.value:
            text = str(value)
            if element.VR in _CHARSET_VRS:
                yield text
            elif not text.isascii():
                raise InvalidValue(f"{keyword_of(element.tag)}: {text!r} is not ASCII, as VR {element.VR} has to be")


def _sufficient(texts: Sequence[str]) -> list[str]:
    if all(text.isascii() for text in texts):
        return []
    return ["ISO_IR 100" if all(encodes(text, "latin-1") for text in texts) else "ISO_IR 192"]


_SPECIFIC_CHARACTER_SET = 0x0008_0005
_ASCII = "ascii"
_DEFAULT_REPERTOIRE = ("", "ISO_IR 6", "ISO 2022 IR 6")
_TAG = re.compile(r"\(?([0-9a-fA-F]{4}),? ?([0-9a-fA-F]{4})\)?")
_WILDCARDS = re.compile(r"[*?]")
_EMPTY_VALUE = '""'
# PS3.4 C.2.2.2.7: two quotation marks match what has no value, where that was negotiated.
_WILDCARD_VRS = frozenset("AE CS LO LT PN SH ST UC UR UT".split())
_CHARSET_VRS = frozenset("LO LT PN SH ST UC UT".split())
_UNSPLIT = frozenset("LT ST UR UT".split())
_INTEGERS = frozenset("SL SS SV UL US UV".split())
_FLOATS = frozenset("FD FL".split())
_BYTES = frozenset("OB OD OF OL OV OW UN".split())
_LONG_VRS = _BYTES | frozenset("SQ SV UC UR UT UV".split())
_LONGEST = 65_534
# PS3.4 C.2.2.2.5: single values and ranges, open at either end.
_TEMPORAL = {
    "DA": re.compile(r"\d{8}|\d{8}-(\d{8})?|-\d{8}"),
    "TM": re.compile(r"[\d.]+|[\d.]+-[\d.]*|-[\d.]+"),
    "DT": re.compile(r"(?=.*\d)[\d.+-]+"),
}
