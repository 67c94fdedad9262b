"""Elements of data sets that may hold anything: nothing here raises for what pydicom cannot convert."""

from __future__ import annotations

import copy
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement


def texts_of(dataset: Dataset, tag: int, vr: str) -> list[str]:
    """The values of an element as text, without padding (PS3.5 6.2) and without those that are empty."""
    element: Any = dataset.get_item(tag)
    if element is None:
        return []
    try:
        value = dataset[tag].value
        if dataset[tag].VR == "SQ":
            return []
        values = [_text(each) for each in (value if _is_list(value) else [value])]
    except Exception:  # noqa: BLE001  pydicom raises whatever its conversions meet
        text = _text(element.value)
        values = [text] if vr in _UNSPLIT else text.split("\\")
    if vr in _SPACED:
        return [stripped for text in values if (stripped := text.rstrip(_PADDING))]
    return [stripped for text in values if (stripped := text.strip(_PADDING))]


def items_of(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence; none if it is absent, or no sequence."""
    if dataset.get_item(tag) is None:
        return []
    try:
        return list(dataset[tag].value) if dataset[tag].VR == "SQ" else []
    except Exception:  # noqa: BLE001  pydicom raises whatever its conversions meet
        return []


def vr_of(dataset: Dataset, tag: int) -> str:
    """The VR of an element, one only, and none that its value was found not to have."""
    from pydicom import datadict

    try:
        vr = dataset[tag].VR
    except Exception:  # noqa: BLE001  pydicom raises whatever its conversions meet
        element = dataset.get_item(tag)
        vr = (element and element.VR) or ""
        if not vr:
            try:
                vr = datadict.dictionary_VR(tag)
            except KeyError:
                vr = "UN"
    return "OW" if "OW" in vr else vr.split(" or ")[0]


def copy_of(dataset: Dataset, tag: int) -> DataElement | None:
    """An element that the caller may change, as bytes (VR UN) if it cannot be read; None if it is absent or bulk data."""
    from pydicom import DataElement, config

    element: Any = dataset.get_item(tag)
    if element is None:
        return None
    try:
        element = dataset[tag]
        if element.VR == "SQ":
            return DataElement(tag, "SQ", [_whole(item) for item in element.value])
        if element.VR in _WORDS or tag >> 16 == _PIXEL_GROUP:
            return None
        if _is_list(element.value):
            return DataElement(tag, element.VR, list(element.value), validation_mode=config.IGNORE)
        return copy.copy(cast("DataElement", element))
    except Exception:  # noqa: BLE001  pydicom raises whatever its conversions meet
        unread = DataElement(tag, "OB", element.value if isinstance(element.value, bytes) else b"")
        unread.VR = "UN"  # only now: of its own accord pydicom puts the VR that it knows in place of UN
        return unread


def empty_element(tag: int, vr: str) -> DataElement:
    """An element without a value."""
    from pydicom import dataelem

    return dataelem.DataElement(tag, vr, dataelem.empty_value_for_VR(vr))


def with_charset_of(dataset: Dataset) -> Dataset:
    """An empty data set with the character set of another one."""
    from pydicom import Dataset

    found = Dataset()
    charset = copy_of(dataset, _SPECIFIC_CHARACTER_SET)
    if charset is not None and charset.value:
        found[_SPECIFIC_CHARACTER_SET] = charset
    return found


def _is_list(value: Any) -> bool:
    # The look into the registry of abstract classes costs more than all else here, and most values are text.
    return not isinstance(value, str) and isinstance(value, MutableSequence)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _whole(item: Dataset) -> Dataset:
    """An item of a sequence that was asked for whole."""
    found = with_charset_of(item)
    for tag in item.keys():  # noqa: SIM118  iterating a data set decodes its values
        if (element := copy_of(item, tag)) is not None:
            found[tag] = element
    return found


_SPECIFIC_CHARACTER_SET = 0x0008_0005
_PIXEL_GROUP = 0x7FE0
_PADDING = " \0"
# A space at the beginning means something in these (PS3.5 6.2).
_SPACED = frozenset("LT ST UC UR UT".split())
_UNSPLIT = frozenset("LT ST UR UT".split())
_WORDS = frozenset("OD OF OL OV OW".split())
