from __future__ import annotations

import dataclasses

import pytest

from dicomnet.pdu import PduType, PresentationDataValue
from pdu.vectors import INFORMATION, VECTORS, Vector, accepted, requested


@pytest.mark.parametrize(
    ("control", "is_command", "is_last"),
    [(0, False, False), (1, True, False), (2, False, True), (3, True, True), (0xFC, False, False), (0xFF, True, True)],
)
def test_two_bits_of_the_control_header_count(control: int, is_command: bool, is_last: bool) -> None:
    """Bit 0 tells command from data, bit 1 the last fragment from others, and the rest tells nothing (PS3.8 E.2)."""
    value = PresentationDataValue(1, control, b"")
    assert (value.is_command, value.is_last) == (is_command, is_last)


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_a_class_knows_its_pdu_type(vector: Vector) -> None:
    """The first byte of a PDU is the type of its class."""
    assert vector.value.pdu_type == vector.data[0]
    assert vector.value.pdu_type in PduType


@pytest.mark.parametrize("value", [requested(), accepted()], ids=["A-ASSOCIATE-RQ", "A-ASSOCIATE-AC"])
def test_the_echo_does_not_count_in_comparisons(value: object) -> None:
    """Reserved bytes are not tested, so values that differ in them alone are equal."""
    echoed = dataclasses.replace(value, echo=b"x" * 64)  # type: ignore[type-var]
    assert echoed == value
    assert hash(echoed) == hash(value)
    assert "xxx" not in repr(echoed)


def test_the_text_of_a_pdv_shows_the_size_of_its_fragment() -> None:
    """Fragments hold patients' data, so that texts show how long they are and not what is in them."""
    assert (
        repr(PresentationDataValue(3, 2, b"DOE^JANE"))
        == "PresentationDataValue(context_id=3, control=2, data=<8 bytes>)"
    )


def test_values_cannot_be_changed() -> None:
    """A PDU read once says the same for ever."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        INFORMATION.max_pdu_length = 1  # type: ignore[misc]
