"""Storage commitment as a service: an N-ACTION is answered at once, its result is reported when it is known (PS3.4 J).

The result goes out on the association of the request if that still stands
after a moment: requestors that wait for it there keep it open. Others release
at once and listen; they are called at their address in the book, more
than once if need be, because they may be slow to listen, or restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, StatusError
from dicomnet.exchanges.commitment import commitment_result, instance_refs
from dicomnet.exchanges.reports import InstanceRef
from dicomnet.exchanges.services import STORAGE_COMMITMENT_INSTANCE
from dicomnet.limits import Limits
from dicomnet.types import UID, is_uid, printable
from dicomnet.uids import StorageCommitmentPushModel

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.server")

Verdict: TypeAlias = tuple[Iterable[InstanceRef], Iterable["InstanceRef | tuple[InstanceRef, int]"]]
"""What is committed and what is not, the latter perhaps with reasons."""
CommitFunction: TypeAlias = Callable[[list[InstanceRef]], "Verdict | Awaitable[Verdict]"]


class Reporter(Protocol):
    """What a commitment needs of the running server."""

    commitments: Commitments

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function of the user's, in a thread unless it is ``async``."""

    async def report_to_title(
        self, entity: Any, title: str, sop_class: UID, instance: str, event_type: int, dataset: Any, *, aet: str
    ) -> Any:
        """N-EVENT-REPORT on an association of our own, to where the address book of an entity has the title."""

    def start_task(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs something beside the associations."""

    async def pause(self, seconds: float) -> bool:
        """Lets time pass, unless the server comes to its end; whether it goes on."""


class Commitments:
    """Counts those that are not reported yet, in all and per address, against the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._per_address: Counter[str] = Counter()

    def enter(self, host: str) -> bool:
        """Counts one more, unless it is one too many."""
        limits = self._limits
        if self._per_address[host] >= limits.commitments_per_address or self._per_address.total() >= limits.commitments:
            return False
        self._per_address[host] += 1
        return True

    def leave(self, host: str) -> None:
        """One is over."""
        self._per_address[host] -= 1
        self._per_address += Counter()  # drops those that have none


class Committer(Protocol):
    """What a commitment needs of the title that is asked for it."""

    aet: str | None
    limits: Limits
    running: Reporter | None


def commitment_handler(entity: Committer, function: CommitFunction) -> Callable[[Any], Awaitable[None]]:
    """The N-ACTION handler that has a function decide, and the result reported."""

    async def commit(request: Any) -> None:
        message, dataset = request.message, request.dataset
        if message.action_type_id != REQUEST_COMMITMENT:
            raise StatusError(Status.NO_SUCH_ACTION_TYPE)
        if message.requested_sop_instance_uid != STORAGE_COMMITMENT_INSTANCE:
            raise StatusError(Status.NO_SUCH_SOP_INSTANCE)
        running, peer = entity.running, request.association.peer_address
        assert running is not None
        transaction, refs = await running.ask(_requested, dataset, entity.limits.committed_instances)
        host = "" if peer is None else peer[0]
        if not running.commitments.enter(host):
            raise StatusError(Status.RESOURCE_LIMITATION, "too many commitments are not reported yet")
        running.start_task(_Commitment(running, entity, request, host, transaction, refs).carry_out(function))

    return commit


def _requested(dataset: Dataset | None, most: int) -> tuple[str, list[InstanceRef]]:
    """Transaction and instances of a request; in a thread, because pydicom reads the list only now."""
    transaction = "" if dataset is None else str(dataset.get("TransactionUID") or "")
    if dataset is None or not is_uid(transaction) or not dataset.get("ReferencedSOPSequence"):
        raise StatusError(Status.MISSING_ATTRIBUTE_VALUE, "no transaction UID, or nothing to commit")
    items = dataset.ReferencedSOPSequence
    if len(items) > most:
        raise StatusError(Status.RESOURCE_LIMITATION, f"more than {most} instances in one request")
    try:
        refs = instance_refs(
            (item.get("ReferencedSOPClassUID"), item.get("ReferencedSOPInstanceUID")) for item in items
        )
    except DicomNetError as error:
        raise StatusError(Status.INVALID_ATTRIBUTE_VALUE, str(error)) from error
    return transaction, refs


class _Commitment:
    """One transaction, from its request to its report."""

    def __init__(
        self,
        running: Reporter,
        entity: Committer,
        request: Any,
        host: str,
        transaction_uid: str,
        refs: list[InstanceRef],
    ) -> None:
        self._running = running
        self._host = host
        self._entity = entity
        self._association = request.association
        self._id = request.association.id
        self._title = request.calling_ae
        self._our_title = entity.aet or request.called_ae
        self._peer = printable(self._title)
        self._transaction = transaction_uid
        self._what = f"commitment {transaction_uid}"
        self._refs = refs

    async def carry_out(self, function: CommitFunction) -> None:
        """From the decision to the report."""
        try:
            committed, failed = await self._ask(function)
            self._what += f" ({len(committed)} committed, {len(failed)} not)"
            await self._tell(*await self._running.ask(commitment_result, self._transaction, committed, failed))
        except asyncio.CancelledError:
            log.error("%s the server ends before %s is told to %s", self._id, self._what, self._peer)
            raise
        finally:
            self._running.commitments.leave(self._host)

    async def _tell(self, event_type: int, dataset: Any) -> None:
        if await self._report_here(event_type, dataset):
            return
        for pause in (*PAUSES, None):
            if await self._report_there(event_type, dataset):
                return
            if pause is not None and not await self._running.pause(pause):
                log.error("%s the server ends before %s is told to %s", self._id, self._what, self._peer)
                return
        log.error("%s %s is given up: %s was never told", self._id, self._what, self._peer)

    async def _ask(self, function: CommitFunction) -> tuple[list[InstanceRef], list[tuple[InstanceRef, int]]]:
        """What the function says; whatever it does not speak of, or if it fails, is not committed."""
        try:
            verdict = await self._running.ask(function, list(self._refs))
            committed, failed = await self._running.ask(_both_lists, verdict, self._refs)
        except Exception:
            log.exception("%s on_commit failed, so nothing is committed", self._id)
            committed, failed = [], [(ref, int(Status.PROCESSING_FAILURE)) for ref in self._refs]
        return committed, failed

    async def _report_here(self, event_type: int, dataset: Any) -> bool:
        """Whether the peer was told on the association of its request."""
        association = self._association
        await asyncio.sleep(MOMENT)  # who does not wait here has released it by then
        if not association.is_established:
            return False
        try:
            await association.event_report(StorageCommitmentPushModel, STORAGE_COMMITMENT_INSTANCE, event_type, dataset)
        except StatusError as error:
            # Some keep it for other things, and hear results at their listener only.
            log.warning("%s %s refuses a commitment result here: %s", self._id, self._peer, printable(str(error)))
            return False
        except DicomNetError as error:
            log.info("%s a commitment result did not get through: %s", self._id, printable(str(error)))
            return False
        log.info("%s %s reported to %s", self._id, self._what, self._peer)
        return True

    async def _report_there(self, event_type: int, dataset: Any) -> bool:
        """Whether there is no more to be done at the address of the peer: it was told, or never will be."""
        try:
            await self._running.report_to_title(
                self._entity,
                self._title,
                StorageCommitmentPushModel,
                STORAGE_COMMITMENT_INSTANCE,
                event_type,
                dataset,
                aet=self._our_title,
            )
        except DicomNetError as error:
            reason = printable(str(error))
            log.warning("%s %s cannot be reported to %s: %s", self._id, self._what, self._peer, reason)
            return isinstance(error, InvalidValue | StatusError)  # it has no address, or has heard it
        log.info("%s %s reported to %s on an association of our own", self._id, self._what, self._peer)
        return True


def _both_lists(
    verdict: Verdict, asked: Iterable[InstanceRef]
) -> tuple[list[InstanceRef], list[tuple[InstanceRef, int]]]:
    kept, lost = verdict
    committed = instance_refs(kept)
    failed = dict(_with_reason(one) for one in lost)
    told = {*committed, *failed}
    failed |= {ref: int(Status.PROCESSING_FAILURE) for ref in asked if ref not in told}
    return [ref for ref in committed if ref not in failed], list(failed.items())


def _with_reason(one: Any) -> tuple[InstanceRef, int]:
    """A reference that is not committed, with its failure reason if there is one."""
    if len(one) == 2 and isinstance(one[1], int):
        return instance_refs([one[0]])[0], one[1]
    return instance_refs([one])[0], int(Status.PROCESSING_FAILURE)


MOMENT = 0.5
"""Seconds that the requestor gets to release the association, if it does not want to wait for the result there."""

PAUSES = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds between the attempts to reach a peer that has to be called."""

REQUEST_COMMITMENT = 1
"""The action type (PS3.4 Table J.3-1)."""
