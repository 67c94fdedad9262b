"""The messages of PS3.7 9.3 and 10.3, typed from its tables and not from our classes, which are checked against it.

A line is a message (name, command field, clause, data set) or, indented, one of
its elements (tag, keyword, value representation, requirement).
"""

from __future__ import annotations

import re
from typing import NamedTuple


class ElementRow(NamedTuple):
    tag: int
    keyword: str
    vr: str
    requirement: str

    @property
    def attribute(self) -> str:
        """The keyword in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.keyword).lower()


class MessageRow(NamedTuple):
    name: str
    command_field: int
    clause: str
    data_set: str
    elements: list[ElementRow]

    @property
    def class_name(self) -> str:
        """C-STORE-RQ is CStoreRequest."""
        *words, kind = self.name.split("-")
        return "".join(map(str.capitalize, words)) + {"RQ": "Request", "RSP": "Response"}[kind]


def read(text: str) -> dict[str, MessageRow]:
    messages: list[MessageRow] = []
    for words in filter(None, map(str.split, text.splitlines())):
        if len(words[0]) == 8 and words[0].isalnum():
            tag, keyword, vr, requirement = words
            messages[-1].elements.append(ElementRow(int(tag, 16), keyword, vr, requirement))
        else:
            name, field, clause, data_set = words
            messages.append(MessageRow(name, int(field, 16), clause, data_set, []))
    return {message.name: message for message in messages}


MESSAGES = read("""
C-STORE-RQ 0001 9.3.1.1 always
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000700 Priority US M
  00000800 CommandDataSetType US M
  00001000 AffectedSOPInstanceUID UI M
  00001030 MoveOriginatorApplicationEntityTitle AE U
  00001031 MoveOriginatorMessageID US U
C-STORE-RSP 8001 9.3.1.2 never
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000901 OffendingElement AT S
  00000902 ErrorComment LO S
  00001000 AffectedSOPInstanceUID UI U
C-GET-RQ 0010 9.3.3.1 always
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000700 Priority US M
  00000800 CommandDataSetType US M
C-GET-RSP 8010 9.3.3.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000901 OffendingElement AT S
  00000902 ErrorComment LO S
  00001020 NumberOfRemainingSuboperations US C
  00001021 NumberOfCompletedSuboperations US C
  00001022 NumberOfFailedSuboperations US C
  00001023 NumberOfWarningSuboperations US C
C-FIND-RQ 0020 9.3.2.1 always
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000700 Priority US M
  00000800 CommandDataSetType US M
C-FIND-RSP 8020 9.3.2.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000901 OffendingElement AT S
  00000902 ErrorComment LO S
C-MOVE-RQ 0021 9.3.4.1 always
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000600 MoveDestination AE M
  00000700 Priority US M
  00000800 CommandDataSetType US M
C-MOVE-RSP 8021 9.3.4.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000901 OffendingElement AT S
  00000902 ErrorComment LO S
  00001020 NumberOfRemainingSuboperations US C
  00001021 NumberOfCompletedSuboperations US C
  00001022 NumberOfFailedSuboperations US C
  00001023 NumberOfWarningSuboperations US C
C-ECHO-RQ 0030 9.3.5.1 never
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
C-ECHO-RSP 8030 9.3.5.2 never
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
N-EVENT-REPORT-RQ 0100 10.3.1.1 optional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001000 AffectedSOPInstanceUID UI M
  00001002 EventTypeID US M
N-EVENT-REPORT-RSP 8100 10.3.1.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI U
  00001002 EventTypeID US C
N-GET-RQ 0110 10.3.2.1 never
  00000000 CommandGroupLength UL M
  00000003 RequestedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001001 RequestedSOPInstanceUID UI M
  00001005 AttributeIdentifierList AT U
N-GET-RSP 8110 10.3.2.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI U
  00001005 AttributeIdentifierList AT S
N-SET-RQ 0120 10.3.3.1 always
  00000000 CommandGroupLength UL M
  00000003 RequestedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001001 RequestedSOPInstanceUID UI M
N-SET-RSP 8120 10.3.3.2 optional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI U
  00001005 AttributeIdentifierList AT S
N-ACTION-RQ 0130 10.3.4.1 optional
  00000000 CommandGroupLength UL M
  00000003 RequestedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001001 RequestedSOPInstanceUID UI M
  00001008 ActionTypeID US M
N-ACTION-RSP 8130 10.3.4.2 conditional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI U
  00001008 ActionTypeID US C
N-CREATE-RQ 0140 10.3.5.1 optional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001000 AffectedSOPInstanceUID UI U
N-CREATE-RSP 8140 10.3.5.2 optional
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI C
  00001005 AttributeIdentifierList AT S
N-DELETE-RQ 0150 10.3.6.1 never
  00000000 CommandGroupLength UL M
  00000003 RequestedSOPClassUID UI M
  00000100 CommandField US M
  00000110 MessageID US M
  00000800 CommandDataSetType US M
  00001001 RequestedSOPInstanceUID UI M
N-DELETE-RSP 8150 10.3.6.2 never
  00000000 CommandGroupLength UL M
  00000002 AffectedSOPClassUID UI U
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
  00000900 Status US M
  00000902 ErrorComment LO S
  00000903 ErrorID US S
  00001000 AffectedSOPInstanceUID UI U
C-CANCEL-RQ 0FFF 9.3.2.3 never
  00000000 CommandGroupLength UL M
  00000100 CommandField US M
  00000120 MessageIDBeingRespondedTo US M
  00000800 CommandDataSetType US M
""")
