"""C-GET and C-MOVE by whatever keys: queries resolve them and tell what to expect; what a peer refuses is asked for once more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from dicomnet.errors import ContextRefused, DicomNetError, InvalidValue, StatusError
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.contexts import Wanted, wanted
from dicomnet.exchanges.keys import NotUnique, build_retrieve, model_of
from dicomnet.exchanges.lines import Lines
from dicomnet.exchanges.modalities import CLASSES_OF, USUAL_CLASSES, contexts_to_receive
from dicomnet.exchanges.reports import RetrieveReport, add_report
from dicomnet.exchanges.requestor import Requestor
from dicomnet.exchanges.retrieve import Callbacks, Inbox
from dicomnet.exchanges.services import MODELS, Verb, model_class, model_name
from dicomnet.exchanges.steps import Script, Work
from dicomnet.exchanges.values import dataset_of
from dicomnet.types import UID
from dicomnet.uids import STORAGE_CLASSES

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match

log = logging.getLogger("dicomnet.association")


class Host(Protocol):
    """A server of ours that takes what a peer sends on associations of its own."""

    @property
    def title(self) -> str:
        """The AE title that the peer knows it by."""

    @property
    def transactions(self) -> Transactions: ...

    def open_inbox(self, destination: Any) -> OpenInbox:
        """From now on what arrives from a C-MOVE of ours is kept here; may wait for a disk."""


class OpenInbox(Inbox, Protocol):
    def close(self) -> None: ...


class Asker(Lines):
    """Associations, and queries on them."""

    def matches(self, what: str, keys: Any, **options: Any) -> Script[list[Match]]:
        """All matches of a query."""
        raise NotImplementedError


def get(
    asker: Asker, destination: Any, keys: Any, *, model: str = "study-root", level: str | None = None, **options: Any
) -> Script[RetrieveReport]:
    """C-GET: finds out which instances there are, and has them sent in the syntaxes they are kept in."""
    sop_class = model_class(model, Verb.GET)
    model = model_name(model, sop_class)
    level, unique = yield from _resolve(asker, model, sop_class, keys, level)
    calls = Callbacks()
    options = calls.guard_all(options)

    def get_one(keys: Any) -> Script[RetrieveReport]:
        classes, count = yield from _classes(asker, model, sop_class, keys)
        part = yield from _get_one(asker, destination, keys, model, level, sop_class, classes, calls, options)
        in_doubt = count is not None and (not part.ok or _lacks_some(part, keys, count))
        if in_doubt and not part.missing and not _ended_by_us(part):
            part.expected = yield from _instances(asker, model, keys)
        return part

    return (yield from _one_after_the_other(unique, get_one, calls, RetrieveReport(found=bool(unique))))


def move(
    asker: Asker,
    host: Host | None,
    to: Any,
    keys: Any,
    *,
    model: str = "study-root",
    level: str | None = None,
    here: bool = False,
    **options: Any,
) -> Script[RetrieveReport]:
    """C-MOVE, to another application entity by title or, with ``here``, through our own server to a destination."""
    sop_class = model_class(model, Verb.MOVE)
    model = model_name(model, sop_class)
    level, unique = yield from _resolve(asker, model, sop_class, keys, level)
    contexts = _contexts(model, sop_class)
    calls = Callbacks()
    options = calls.guard_all(options)

    def move_one(keys: Any) -> Script[RetrieveReport]:
        if here:
            return (yield from _move_here(asker, host, to, contexts, keys, model, level, options))
        call = partial(_move, to=to, keys=keys, model=model, level=level, **options)
        return (yield from asker.once(contexts, call, idempotent=False))

    return (
        yield from _one_after_the_other(unique, move_one, calls, RetrieveReport(arrived_here=here, found=bool(unique)))
    )


def _one_after_the_other(
    unique: Sequence[Any], retrieve: Callable[[Any], Script[RetrieveReport]], calls: Callbacks, report: RetrieveReport
) -> Script[RetrieveReport]:
    """The sum of several retrieves. One that cannot be had ends them; it is raised only if nothing came before."""
    for keys in unique:
        try:
            part = yield from retrieve(keys)
        except Exception as error:
            if error is calls.raised:
                done = getattr(error, "report", None)
                if isinstance(done, RetrieveReport):
                    _add(report, done)
                add_report(error, report)
                raise
            came = report.instances or report.completed or report.warning
            if not isinstance(error, DicomNetError) or not came:
                raise
            report.error = error
            break
        _add(report, part)
        if _ended_by_us(part):
            break
    return report


def _contexts(model: str, sop_class: UID) -> list[Wanted]:
    """Those of a retrieve, and of the query of its model: some archives let only those retrieve who may query."""
    query = MODELS[model].get(Verb.FIND) if model in MODELS else None
    return wanted([sop_class] if query is None else [sop_class, query])


def _resolve(
    asker: Asker, model: str, sop_class: UID, keys: Any, level: str | None
) -> Script[tuple[str, list[Mapping[Any, object] | Dataset]]]:
    """The unique keys to retrieve by; a find says which, if others were given."""
    try:
        found, _ = build_retrieve(model_of(sop_class), keys, level=level)
    except NotUnique as problem:
        known = model_of(sop_class)
        rank = known.level(level or problem.level)
        if rank is None:
            raise
        uniques = [one.unique for one in (*known.above(rank), rank)]
    else:
        return found, [dataset_of(keys)]
    matches = yield from asker.matches(rank.name, keys, model=model)
    resolved = [
        {key: str(match[key].value) for key in uniques if key in match and match[key].value} for match in matches
    ]
    return rank.name, [dict(one) for one in dict.fromkeys(tuple(one.items()) for one in resolved if uniques[-1] in one)]


def _classes(asker: Asker, model: str, sop_class: UID, keys: Any) -> Script[tuple[list[UID], int | None]]:
    """The SOP classes in a study, and how many instances it has, as far as the peer tells."""
    study = _value(keys, "StudyInstanceUID")
    if not study or "\\" in study:
        return list(USUAL_CLASSES), None
    known = model_of(sop_class)
    upper = {"PatientID": _value(keys, "PatientID")} if known.level("PATIENT") else {}
    asked = ("SOPClassesInStudy", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")
    classes: dict[UID, None] = {}
    modalities: set[str] = set()
    count: int | None = None
    try:
        for match in (
            yield from asker.matches("STUDY", {**upper, "StudyInstanceUID": study}, model=model, returning=asked)
        ):
            classes.update(dict.fromkeys(UID(uid) for uid in _values(match, "SOPClassesInStudy")))
            modalities.update(_values(match, "ModalitiesInStudy"))
            number = str(match.get("NumberOfStudyRelatedInstances") or "")
            count = int(number) if number.isdecimal() else count
        if not classes and not modalities and known.level("SERIES"):
            for match in (yield from asker.matches("SERIES", {**upper, "StudyInstanceUID": study}, model=model)):
                modalities.update(_values(match, "Modality"))
    except (StatusError, ContextRefused) as error:
        log.info("%s does not tell which classes it will send: %s", asker.settings.address, error)
    for modality in modalities if not classes else ():
        classes.update(dict.fromkeys(CLASSES_OF.get(modality, ())))
    if not classes or not STORAGE_CLASSES.issuperset(classes) or modalities.difference(CLASSES_OF):
        classes.update(dict.fromkeys(USUAL_CLASSES))
    return list(classes), count


def _get_one(
    asker: Asker,
    destination: Any,
    keys: Any,
    model: str,
    level: str,
    sop_class: UID,
    classes: Sequence[UID],
    calls: Callbacks,
    options: Any,
) -> Script[RetrieveReport]:
    def call(line: Requestor) -> Script[RetrieveReport]:
        return line.get(destination, keys, model=model, level=level, **options)

    contexts = [*_contexts(model, sop_class), *contexts_to_receive(classes)]
    while True:
        line = yield from asker.take(contexts)
        try:
            report = yield from call(line.requestor)
        except Exception as error:
            yield from asker.give_back(line)
            if error is calls.raised or not line.was_closed_before(error):
                raise
            log.info("%s is asked again: %s", asker.settings.address, error)
            continue
        except BaseException:
            asker.leave(line)
            raise
        break
    refused = [one for one in classes if not line.may_receive(one)]
    yield from asker.give_back(line)
    if report.missing_count and refused and not _ended_by_us(report):
        again = [*_contexts(model, sop_class), *contexts_to_receive(refused, one_context=True)]
        log.info("%s is asked again for %d classes that it had refused", asker.settings.address, len(refused))
        try:
            second = yield from asker.once(again, call, idempotent=False)
        except DicomNetError as error:
            if error is calls.raised:
                raise
            log.warning("%s does not send them either: %s", asker.settings.address, error)
        else:
            have = {instance.sop_instance_uid for instance in report.received}
            report.instances += [one for one in second.instances if one.sop_instance_uid not in have]
            report.status, report.failed_uids = second.status, second.failed_uids
    return report


def _lacks_some(report: RetrieveReport, keys: Any, count: int) -> bool:
    """Whether a peer that calls it a success has brought fewer instances of a whole study than it says that there are."""
    if _value(keys, "SeriesInstanceUID") or _value(keys, "SOPInstanceUID"):
        return False
    return len({instance.sop_instance_uid for instance in report.received}) < count


def _instances(asker: Asker, model: str, keys: Any) -> Script[set[UID] | None]:
    """The instances that there should be, from queries down to the IMAGE level."""
    study = {key: _value(keys, key) for key in ("PatientID", "StudyInstanceUID") if _value(keys, key)}
    found: set[UID] = set()
    try:
        series = [_value(keys, "SeriesInstanceUID")]
        if not series[0]:
            matches = yield from asker.matches("SERIES", study, model=model)
            series = [str(match.SeriesInstanceUID) for match in matches]
        for one in series:
            images = yield from asker.matches("IMAGE", {**study, "SeriesInstanceUID": one}, model=model)
            found.update(UID(str(match.SOPInstanceUID)) for match in images if "SOPInstanceUID" in match)
    except DicomNetError as error:
        log.info("%s does not tell which instances there are: %s", asker.settings.address, error)
        return None
    wanted_instances = _value(keys, "SOPInstanceUID")
    if wanted_instances:
        found.intersection_update(wanted_instances.split("\\"))
    return found


def _move_here(
    asker: Asker,
    host: Host | None,
    destination: Any,
    contexts: Sequence[Wanted],
    keys: Any,
    model: str,
    level: str,
    options: Any,
) -> Script[RetrieveReport]:
    if host is None:
        raise InvalidValue("a move to a folder comes through a server of ours: use server.peer(...)")
    inbox: OpenInbox = yield Work(lambda: host.open_inbox(destination))
    try:
        return (
            yield from asker.once(
                contexts,
                lambda line: line.move(host.title, keys, model=model, level=level, inbox=inbox, **options),
                idempotent=False,
            )
        )
    finally:
        inbox.close()


def _move(line: Requestor, **arguments: Any) -> Script[RetrieveReport]:
    return line.move(**arguments)


def _add(whole: RetrieveReport, part: RetrieveReport) -> None:
    """Adds the report of one of several retrieves."""
    if whole.status is None or (whole.status.is_success and part.status is not None):
        whole.status = part.status
    whole.completed += part.completed
    whole.failed += part.failed
    whole.warning += part.warning
    whole.error_comment = whole.error_comment or part.error_comment
    whole.instances += part.instances
    whole.failed_uids += part.failed_uids
    whole.error = whole.error or part.error
    if part.expected is not None:
        whole.expected = (whole.expected or set()) | part.expected


def _ended_by_us(report: RetrieveReport) -> bool:
    return report.status is not None and report.status.is_cancel


def _value(keys: Any, keyword: str) -> str:
    """A key as text, several values with backslashes between them; empty if it is not there."""
    value = keys.get(keyword) or ""
    return value if isinstance(value, str) else "\\".join(map(str, value))


def _values(match: Match, keyword: str) -> list[str]:
    value = match.get(keyword)
    if value is None or value == "":
        return []
    return [str(value)] if isinstance(value, str) else [str(one) for one in value]
