"""Errors that are kept, and raised more than once."""

from __future__ import annotations

import pickle

import pytest

from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ContextRefused,
    DicomNetError,
    DicomTimeout,
    NotAnInstance,
    NothingArrived,
    PartialFailure,
    SendQueueFull,
    StatusError,
    StorageError,
    again,
)
from dicomnet.exchanges.reports import Outcome, StoreReport, StoreResult


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


@pytest.mark.parametrize(
    "error",
    [
        AssociationAborted(2, 1, by_peer=False, detail="why"),
        AssociationRejected(1, 1, 7, called_ae="THEM", calling_ae="ME"),
        ConnectFailed("1.2.3.4:104", "refused"),
        ContextRefused("1.2.3", "why", proposed=False),
        DicomTimeout("the answer", 1.5),
        NotAnInstance("a/path", "why"),
        NothingArrived("ME:11112", 3, connected=True),
        StatusError(0xA700, "full", operation="C-STORE", meaning="out of resources"),
        StorageError("why", status=0xC000, comment="what"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_passes_from_one_process_to_another(error: DicomNetError) -> None:
    """Or a pool of processes would break where one of its jobs fails."""
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), twin.__dict__) == (type(error), str(error), error.__dict__)


def test_a_storage_error_tells_the_peer_no_path() -> None:
    """What it concerns stands in its text alone, also when it has passed from one process to another."""
    error = StorageError("odd length", of="/srv/a.dcm", status=0xC000)
    for one in (error, pickle.loads(pickle.dumps(error)), again(error)):
        assert (str(one), one.comment) == ("/srv/a.dcm: odd length", "odd length")


def test_a_report_passes_from_one_process_to_another() -> None:
    """With the error that carries it."""
    report = StoreReport([StoreResult("a", Outcome.FAILED, error=StorageError("why"), detail="why")])
    assert str(pickle.loads(pickle.dumps(PartialFailure(report))).report) == str(report)


def test_a_rejection_names_the_title_that_the_peer_does_not_know() -> None:
    """Which of the two it is depends on the reason; without titles the sentence is whole as well."""
    titles = {"called_ae": "THEM", "calling_ae": "ME"}
    assert "called AE title THEM; check" in str(AssociationRejected(1, 1, 7, **titles))
    assert "our calling AE title ME; it must" in str(AssociationRejected(1, 1, 3, **titles))
    assert "called AE title; check" in str(AssociationRejected(1, 1, 7))
