"""`dicomnet commit`: asks a peer to promise that it keeps instances (storage commitment, PS3.4 J)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from dicomnet.cli.outcome import Report
from dicomnet.cli.requestor import Caller
from dicomnet.cli.wording import count_of
from dicomnet.errors import DicomNetError, InvalidValue
from dicomnet.exchanges.reports import CommitReport, InstanceRef
from dicomnet.exchanges.requestor import one_class
from dicomnet.sync.peer import Peer
from dicomnet.types import UID, uid


def run(caller: Caller, instances: Sequence[str], *, port: int | None, wait: float | None) -> bool:
    """Asks for the commitment, waits for the answer, and prints it.

    Args:
        instances: files and folders, or ``CLASS:UID``.
        port: where we listen for an answer that comes on an association of the peer's; None listens nowhere.
        wait: seconds for the answer.

    Returns:
        Whether all is committed.

    Raises:
        ClickException: it was refused, or no answer came.
    """
    report = Report(caller.verbose)
    refs = _refs(instances, report)
    report.tell_skipped()
    report.tell_problems()
    if not refs:
        click.echo("nothing to commit: no instance in what was given", err=True)
        return False
    options = caller.options()
    try:
        with ExitStack() as stack:
            if port is None:
                peer = stack.enter_context(Peer(caller.address, **options))
            else:
                from dicomnet.cli.local import borrowing_peer

                peer = stack.enter_context(borrowing_peer(caller, port, options))
            answer = peer.commit(refs, timeout=wait, check=False)
    except DicomNetError as error:
        raise caller.failure(error) from error
    _tell(answer, caller)
    return answer.ok and not report.failed


def _refs(instances: Sequence[str], report: Report) -> list[InstanceRef]:
    """The identities, each once; what stands in a file is read from its head."""
    from dicomnet.cli.send import gather

    refs: dict[InstanceRef, None] = {}
    for given in instances:
        path = Path(given)
        if path.exists():
            found = gather([path], report)
            refs.update(dict.fromkeys(InstanceRef(file.sop_class_uid, file.sop_instance_uid) for file in found))
        else:
            refs[_ref(given)] = None
    return list(refs)


def _ref(text: str) -> InstanceRef:
    sop_class, colon, instance = text.rpartition(":")
    try:
        if colon:
            return InstanceRef(one_class(sop_class), UID(uid(instance)))
    except InvalidValue as error:
        raise click.UsageError(f"{text!r}: {error}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    raise click.UsageError(f"{text!r} is neither a file nor of the form CLASS:UID; for example CTImageStorage:1.2.3.4")


def _tell(answer: CommitReport, caller: Caller) -> None:
    reasons: Counter[str] = Counter()
    for ref, reason in answer.failed:
        text = f"{reason:04X}, {reason.meaning('storage_commitment')}"
        reasons[text] += 1
        if caller.verbose:
            click.echo(f"{ref.sop_instance_uid}: not committed: {text}", err=True)
    for ref in answer.missing if caller.verbose else ():
        click.echo(f"{ref.sop_instance_uid}: not mentioned in the answer", err=True)
    if not caller.verbose:
        for text, number in reasons.items():
            click.echo(f"{count_of(number, 'instance')} not committed: {text} (-v tells each)", err=True)
        if answer.missing:
            click.echo(
                f"{count_of(len(answer.missing), 'instance')} not mentioned in the answer (-v tells each)", err=True
            )
    click.echo(f"{len(answer.committed)} of {len(answer.requested)} committed")
