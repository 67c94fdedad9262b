"""Messages to try things with: any of the 23 that may be sent."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dicomnet.dimse.commands import (
    COMMANDS,
    CFindResponse,
    Command,
    NActionResponse,
    NEventReportResponse,
    NGetResponse,
    Presence,
    Response,
    RetrieveResponse,
    UnknownCommand,
)
from dicomnet.dimse.status import Status
from dicomnet.types import Priority

numbers = st.integers(0, 0xFFFF)
tags = st.integers(0, 0xFFFF_FFFF)
uids = st.lists(st.integers(0, 10**9), min_size=1, max_size=6).map(lambda parts: ".".join(map(str, parts)))
titles = st.from_regex(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?", fullmatch=True)
comments = st.from_regex(r"[!-\[\]-~]([ -\[\]-~]{0,62}[!-\[\]-~])?", fullmatch=True)

general_statuses = st.sampled_from([0x0000, 0x0001, 0x0107, 0x0110, 0x0122, 0x0213, 0xA700, 0xB000, 0xC123]).map(Status)
cancelable_statuses = st.sampled_from([0xFE00, 0xFF00, 0xFF01]).map(Status) | general_statuses

BY_VR: dict[str, st.SearchStrategy[Any]] = {
    "US": numbers,
    "UI": uids,
    "AE": titles,
    "LO": comments,
    "AT": st.lists(tags, min_size=1, max_size=5).map(tuple),
}


@st.composite
def messages(draw: st.DrawFn, *classes: type[Command]) -> Command:
    """A message of one of the classes, of any of the 23 when none are given, with all that makes it right."""
    made = draw(st.sampled_from(classes or tuple(COMMANDS.values())))
    fields: dict[str, Any] = {}
    for _, attribute, vr, requirement in made.elements:
        if attribute not in ("command_field", "has_data_set", "status", "priority"):
            if requirement == "M" or draw(st.booleans()):
                fields[attribute] = draw(BY_VR[vr])
        elif attribute == "priority":
            fields[attribute] = draw(st.sampled_from(Priority))
    fields["has_data_set"] = made.data_set is Presence.ALWAYS
    if made.data_set in (Presence.OPTIONAL, Presence.CONDITIONAL):
        fields["has_data_set"] = draw(st.booleans())
    if issubclass(made, Response):
        status = fields["status"] = draw(cancelable_statuses if made.cancelable else general_statuses)
        _meet_conditions(draw, made, status, fields)
    return made(**fields)


def _meet_conditions(draw: st.DrawFn, made: type[Command], status: Status, fields: dict[str, Any]) -> None:
    if made is CFindResponse:
        fields["has_data_set"] = status.is_pending
    if issubclass(made, RetrieveResponse):
        for kind in ("completed", "failed", "warning", "remaining"):
            if status.is_pending:
                fields[f"number_of_{kind}_suboperations"] = draw(numbers)
        if not status.is_pending and not status.is_cancel:
            fields.pop("number_of_remaining_suboperations", None)
        fields["has_data_set"] &= not (status.is_pending or status.is_success)
    if made is NGetResponse:
        fields["has_data_set"] = status.is_success or (status.is_warning and fields["has_data_set"])
    if made is NEventReportResponse and fields["has_data_set"]:
        fields["event_type_id"] = draw(numbers)
    if made is NActionResponse and fields["has_data_set"]:
        fields["action_type_id"] = draw(numbers)


unknown_commands = st.builds(
    UnknownCommand,
    command_field=numbers.filter(lambda field: field not in COMMANDS),
    has_data_set=st.booleans(),
    message_id=st.none() | numbers,
    message_id_being_responded_to=st.none() | numbers,
    status=st.none() | cancelable_statuses,
    affected_sop_class_uid=st.none() | uids,
    requested_sop_class_uid=st.none() | uids,
    affected_sop_instance_uid=st.none() | uids,
    requested_sop_instance_uid=st.none() | uids,
)
