"""What a peer may not ask for goes no further than the reception."""

from __future__ import annotations

from typing import Any

import pytest

from dicomnet.errors import AssociationError, StatusError
from dicomnet.exchanges.commitment import commitment_result
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.reports import CommitReport, InstanceRef
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian, StorageCommitmentPushModel
from server.serving import calling, local

TRANSACTION = UID("2.25.99")
REFS = [InstanceRef(CTImageStorage, UID("1.2.3.1"))]
AS_PROVIDER = Wanted(StorageCommitmentPushModel, (ExplicitVRLittleEndian,), scu=True, scp=True)


@pytest.mark.parametrize("granted", [True, False])
async def test_only_who_may_report_events_is_believed_what_is_committed(granted: bool) -> None:
    """Somebody of ours waits, and a stranger knows the transaction; what he says is not even read."""
    verbs = ["echo", "n-action", *(["n-event-report"] if granted else [])]
    server = local(verbs={"ME": verbs})

    @server.on_commit
    def decide(refs: list[InstanceRef]) -> Any:
        return refs, []

    server.transactions.expect(CommitReport(TRANSACTION, REFS))
    event_type, dataset = commitment_result(TRANSACTION, REFS)
    told = False
    async with server, calling(server, AS_PROVIDER) as association:
        try:
            await association.n_event_report("storage-commitment", STORAGE_COMMITMENT_INSTANCE, event_type, dataset)
            told = True
        except (StatusError, AssociationError):
            pass
    assert told == granted
    assert (server.transactions.result(TRANSACTION) is not None) == granted
