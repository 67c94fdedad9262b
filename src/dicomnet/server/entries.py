"""What an audit says of each event: one flat mapping, with the codes of PS3.15 A.5 where there is one.

Never what a patient is called, unless that is asked for: of an identifier the
names of its keys are told, the level, and the studies that it names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from dicomnet.aio.observe import (
    Associated,
    Cause,
    ConnectionRefused,
    Denied,
    Ended,
    Observed,
    Rejected,
    RequestAnswered,
    RequestBegan,
)
from dicomnet.dimse.status import Status
from dicomnet.exchanges.services import Verb
from dicomnet.logs import LONGEST_LOG_VALUE
from dicomnet.uids import name as name_of

Entry = dict[str, Any]


def entry_of(event: Observed, *, values: bool = False) -> Entry | None:
    """What is written of an event; None if nothing is.

    Args:
        values: whether keys of identifiers are told with what they ask for, patients' names and all.
    """
    told = _TOLD.get(type(event))
    facts = None if told is None else told(event, values)
    if facts is None:
        return None
    host, port = event.peer_address or (None, None)
    who = {
        "association": event.association or None,
        "calling_ae": event.calling_ae or None,
        "called_ae": event.called_ae or None,
        "address": host,
        "port": port or None,
        "via": event.via,
        "user": event.user,
        "certificate": event.certificate,
    }
    event_name, code, type_code, outcome, what = facts
    return {"event": event_name, "code": code, "type": type_code, "outcome": outcome, **who, **what}


def line_of(entry: Entry) -> str:
    """An entry as one line of JSON; what it does not know is left out, and nothing in it steers a terminal."""
    text = json.dumps({key: _cut(value) for key, value in entry.items() if value is not None}, ensure_ascii=False)
    if not text.isprintable():
        text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    return text


Facts = tuple[str, str | None, str | None, int, Entry]
"""The event, its EventID and EventTypeCode, the outcome, and what else is to say."""


def _associated(event: Associated, _: bool) -> Facts:
    login = (USER_AUTHENTICATION, "110122") if event.user is not None else (None, None)
    return "association accepted", *login, DONE, {"contexts": event.contexts}


def _rejected(event: Rejected, _: bool) -> Facts:
    codes: tuple[str | None, str | None] = (None, None)
    if event.cause is Cause.USER_IDENTITY:
        codes = USER_AUTHENTICATION, "110122"
    elif event.cause in _NOT_AUTHENTIC:
        codes = SECURITY_ALERT, "110126"
    what = {"cause": str(event.cause), "rejection": f"{event.result}/{event.source}/{event.reason}"}
    return "association rejected", *codes, FAILED, what | {"claimed_user": event.claimed_user}


def _refused(event: ConnectionRefused, _: bool) -> Facts:
    codes = (SECURITY_ALERT, "110126") if event.cause in _NOT_AUTHENTIC else (None, None)
    return "connection refused", *codes, FAILED, {"cause": str(event.cause), "detail": event.detail}


def _denied(event: Denied, _: bool) -> Facts:
    what = {"operations": [str(verb) for verb in event.verbs], "status": _code(event.status)}
    return "operation denied", SECURITY_ALERT, "110132", FAILED, what


def _ended(event: Ended, _: bool) -> Facts:
    logout = (USER_AUTHENTICATION, "110123") if event.user is not None else (None, None)
    how = "released" if event.error is None else str(event.error)
    return "association ended", *logout, DONE if event.error is None else PARTLY, {"how": how}


def _began(event: RequestBegan, _: bool) -> Facts | None:
    if event.verb not in (Verb.GET, Verb.MOVE):
        return None
    what = {"operation": str(event.verb), "sop_class": event.sop_class_uid, "destination": event.destination}
    return "transfer begun", "110102", None, DONE, what


def _answered(event: RequestAnswered, values: bool) -> Facts:
    outcome = FAILED if event.status is None else _outcome(event.status)
    what: Entry = {
        "operation": str(event.verb),
        "sop_class": event.sop_class_uid,
        "sop_class_name": name_of(event.sop_class_uid),
        "instance": event.sop_instance_uid,
        "status": _code(event.status),
        "bytes": event.bytes,
        "seconds": round(event.seconds, 3),
    }
    if event.verb is Verb.FIND:
        what["matches"] = event.matches
    if event.suboperations is not None:
        what |= dict(zip(("completed", "failed", "warnings"), event.suboperations, strict=True))
    what["destination"] = event.destination
    if event.identifier is not None:
        what |= _identifier(event.identifier, values)
    kind, code, action = _REQUESTS.get(event.verb, (str(event.verb), None, None))
    if event.verb in _RECORDS and any(word in what["sop_class_name"] for word in _PROCEDURES):
        code, action = "110111", _RECORDS[event.verb]
    return kind, code, None, outcome, {"action": action, **what}


def _identifier(identifier: Any, values: bool) -> Entry:
    """What was asked for: no more than `MOST_KEYS` of it, for a stranger wrote it."""
    from pydicom import datadict

    tags = [tag for tag in identifier.keys() if tag != _LEVEL][:MOST_KEYS]  # noqa: SIM118 (a data set is no mapping)
    names = [datadict.keyword_for_tag(tag) or str(tag) for tag in tags]
    found: Entry = {"level": _text(identifier, "QueryRetrieveLevel"), "studies": _studies(identifier)}
    if not values:
        return found | {"keys": names}
    return found | {"keys": {name: _value(identifier, tag) for name, tag in zip(names, tags, strict=True)}}


def _studies(identifier: Any) -> list[str] | None:
    value = identifier.get("StudyInstanceUID")
    studies = [value] if isinstance(value, str) else list(value or ())
    return [str(one) for one in studies[:MOST_KEYS] if one] or None


def _text(identifier: Any, keyword: str) -> str | None:
    value = identifier.get(keyword)
    return str(value) if value else None


def _value(identifier: Any, tag: Any) -> str:
    element = identifier[tag]
    return f"{len(element.value or ())} items" if element.VR == "SQ" else str(element.value or "")


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_LOG_VALUE:
        return f"{value[:LONGEST_LOG_VALUE]}... [{len(value)} characters]"
    if isinstance(value, list):
        return [_cut(one) for one in value]
    if isinstance(value, dict):
        return {key: _cut(one) for key, one in value.items()}
    return value


def _code(status: Status | None) -> str | None:
    return None if status is None else f"{status:04X}"


def _outcome(status: Status) -> int:
    return DONE if status.is_success else FAILED if status.is_failure else PARTLY


DONE, PARTLY, FAILED = 0, 4, 8
"""EventOutcomeIndicator (PS3.15 A.5): success, minor failure, serious failure."""

USER_AUTHENTICATION, SECURITY_ALERT = "110114", "110113"

MOST_KEYS = 64
"""Keys of an identifier, and studies that it names; a query of a person has a dozen."""

_LEVEL = 0x00080052

_NOT_AUTHENTIC: Iterable[Cause] = (
    *(Cause.CALLED_TITLE, Cause.CALLING_TITLE, Cause.ADDRESS, Cause.CERTIFICATE),
    *(Cause.USER_IDENTITY, Cause.TLS),
)

_REQUESTS: dict[Verb, tuple[str, str | None, str | None]] = {
    Verb.STORE: ("instances transferred", "110104", "C"),
    Verb.GET: ("instances transferred", "110104", "R"),
    Verb.MOVE: ("instances transferred", "110104", "R"),
    Verb.FIND: ("query", "110112", "E"),
}

_RECORDS = {Verb.N_CREATE: "C", Verb.N_SET: "U", Verb.N_GET: "R", Verb.N_ACTION: "U", Verb.N_DELETE: "D"}
_PROCEDURES = ("Procedure Step",)
"""The classes whose objects are procedure records: MPPS and UPS."""

_TOLD: dict[type[Observed], Callable[[Any, bool], Facts | None]] = {
    Associated: _associated,
    Rejected: _rejected,
    ConnectionRefused: _refused,
    Denied: _denied,
    Ended: _ended,
    RequestBegan: _began,
    RequestAnswered: _answered,
}
