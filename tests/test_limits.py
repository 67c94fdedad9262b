"""Which limits make no sense."""

from __future__ import annotations

import pytest

from dicomnet.limits import SMALLEST_MAX_PDU_LENGTH, Limits


@pytest.mark.parametrize("name", ["max_pdu_length", "sent_pdu_length"])
@pytest.mark.parametrize("length", [-1, 0, 1, 7])
def test_no_message_fits_into_such_pdus(name: str, length: int) -> None:
    """A header of six bytes and two of data are the least, both ways, and 0 is not what we announce."""
    with pytest.raises(ValueError, match=f"PDUs of {length} bytes, 8 are needed"):
        Limits(**{name: length})


def test_the_smallest_message_fits() -> None:
    """Eight is enough."""
    limits = Limits(max_pdu_length=SMALLEST_MAX_PDU_LENGTH, sent_pdu_length=SMALLEST_MAX_PDU_LENGTH)
    assert (limits.max_pdu_length, limits.sent_pdu_length) == (8, 8)
