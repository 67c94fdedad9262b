"""What users write with annotations, for the type checker alone: nothing here runs, and nothing may need a cast."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydicom import Dataset

import dicomnet


def ask(address: str) -> list[str]:
    """The errors have their facts, and the matches are data sets."""
    try:
        with dicomnet.associate(address, contexts=["verification", "study-root-find"]) as association:
            print(association.echo(), association.contexts[0].transfer_syntax, association.terms.operations_invoked)
            return [
                described(match) for match in association.find("STUDY", PatientID="1", returning="StudyDescription")
            ]
    except dicomnet.AssociationRejected as error:
        print(error.result, error.source, error.reason, error.transient, error.called_ae)
    except dicomnet.StatusError as error:
        print(error.status, error.error_comment, error.response.message_id_being_responded_to)
    except dicomnet.DicomTimeout as error:
        print(error.waiting_for, error.seconds)
    return []


def described(match: dicomnet.Match) -> str:
    return f"{match.StudyInstanceUID} {match.problem} {match.unsupported_keys} {len(match.raw)}"


def bring(peer: dicomnet.Peer, folder: Path) -> dicomnet.CommitReport | None:
    """A report comes with the error."""
    try:
        stored = peer.store(folder, progress=lambda progress: print(progress.instances, progress.bytes))
        return peer.commit(stored)
    except dicomnet.PartialFailure as error:
        for result in error.report.failed:
            print(result.name, result.detail)
    return None


async def pull(address: str, out: Path) -> int:
    """The same on an event loop, many at a time."""
    few = asyncio.Semaphore(8)
    async with dicomnet.aio.Peer(address) as peer:

        async def get(match: dicomnet.Match) -> dicomnet.RetrieveReport:
            async with few:
                return await peer.get(out / match.StudyInstanceUID, StudyInstanceUID=match.StudyInstanceUID)

        reports = await asyncio.gather(*[get(match) async for match in peer.find("STUDY")])
        seen = await peer.get(None, StudyInstanceUID="1.2.3")
    print([one.data.dataset().PatientID for one in seen.received if one.data is not None])
    return sum(len(report.received) for report in reports)


def hear(request: dicomnet.sync.Request) -> int:
    """A handler of a blocking association."""
    print(request.calling_ae, request.event_type, request.dataset)
    return dicomnet.Status.SUCCESS


async def hear_on_a_loop(request: dicomnet.aio.Request) -> tuple[int, Dataset]:
    """A handler of one on a loop."""
    print(request.calling_ae, request.called_ae, request.message_id)
    return dicomnet.Status.SUCCESS, Dataset()


def listen(address: str) -> bool:
    with dicomnet.associate(address, contexts="storage-commitment", handlers={"n-event-report": hear}) as association:
        return association.wait(5)
