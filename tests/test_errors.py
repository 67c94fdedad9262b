"""Errors that are kept, and raised more than once."""

from __future__ import annotations

import pytest

from dicomnet.errors import AssociationAborted, ConnectFailed, DicomNetError, DicomTimeout, SendQueueFull, again


@pytest.mark.parametrize(
    "kept",
    [
        DicomTimeout("the answer", 1.5),
        AssociationAborted(2, 1, by_peer=True, detail="unrecognized PDU"),
        ConnectFailed("1.2.3.4:104", "refused"),
        SendQueueFull(3, 2),
        DicomNetError("plain"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_kept_is_raised_as_a_twin(kept: DicomNetError) -> None:
    """It says the same and knows the same, and the kept one remembers no frame."""
    kept.__cause__ = OSError(5, "why")
    with pytest.raises(type(kept)) as caught:
        raise again(kept)
    raised = caught.value
    assert raised is not kept
    assert kept.__traceback__ is None
    assert (str(raised), raised.args, raised.__dict__) == (str(kept), kept.args, kept.__dict__)
    assert raised.__cause__ is kept.__cause__
