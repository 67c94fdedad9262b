"""What a response says of its operation: a number, its category, and words for it (PS3.7 Annex C)."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from dicomnet.dimse._status_table import COMMON, GENERAL, SERVICES, USUAL_SERVICE


class Category(Enum):
    """What a status means for the operation, whatever the service (PS3.7 C.1 to C.5)."""

    SUCCESS = "success"
    PENDING = "pending"
    """Matches or sub-operations go on; the only category that is not final."""
    CANCEL = "cancel"
    WARNING = "warning"
    """Done, but not quite as asked."""
    FAILURE = "failure"
    """Not done; also every number that the standard gives to no category."""


class Status(int):
    """The status of a response: a number that knows its category and its meaning.

    Any number will do, since peers send what they like and what they sent has
    to reach the logs; ``is_defined`` tells whether the standard lets us send it.
    """

    __slots__ = ()

    # PS3.7 C.1 to C.5: one meaning in every service.
    SUCCESS: ClassVar[Status]
    NO_SUCH_ATTRIBUTE: ClassVar[Status]
    INVALID_ATTRIBUTE_VALUE: ClassVar[Status]
    ATTRIBUTE_LIST_ERROR: ClassVar[Status]
    PROCESSING_FAILURE: ClassVar[Status]
    DUPLICATE_SOP_INSTANCE: ClassVar[Status]
    NO_SUCH_SOP_INSTANCE: ClassVar[Status]
    NO_SUCH_EVENT_TYPE: ClassVar[Status]
    NO_SUCH_ARGUMENT: ClassVar[Status]
    INVALID_ARGUMENT_VALUE: ClassVar[Status]
    ATTRIBUTE_VALUE_OUT_OF_RANGE: ClassVar[Status]
    INVALID_SOP_INSTANCE: ClassVar[Status]
    NO_SUCH_SOP_CLASS: ClassVar[Status]
    CLASS_INSTANCE_CONFLICT: ClassVar[Status]
    MISSING_ATTRIBUTE: ClassVar[Status]
    MISSING_ATTRIBUTE_VALUE: ClassVar[Status]
    SOP_CLASS_NOT_SUPPORTED: ClassVar[Status]
    NO_SUCH_ACTION_TYPE: ClassVar[Status]
    NOT_AUTHORIZED: ClassVar[Status]
    DUPLICATE_INVOCATION: ClassVar[Status]
    UNRECOGNIZED_OPERATION: ClassVar[Status]
    MISTYPED_ARGUMENT: ClassVar[Status]
    RESOURCE_LIMITATION: ClassVar[Status]
    CANCEL: ClassVar[Status]

    # Given by the service classes of PS3.4.
    OPTIONAL_ATTRIBUTES_NOT_SUPPORTED: ClassVar[Status]
    DUPLICATE_TRANSACTION_UID: ClassVar[Status]
    """A failure reason inside storage commitment results, not a status of a response (PS3.3 C.14.1.1)."""
    OUT_OF_RESOURCES: ClassVar[Status]
    CANNOT_CALCULATE_MATCHES: ClassVar[Status]
    CANNOT_PERFORM_SUBOPERATIONS: ClassVar[Status]
    MOVE_DESTINATION_UNKNOWN: ClassVar[Status]
    DATA_SET_MISMATCH: ClassVar[Status]
    CANNOT_UNDERSTAND: ClassVar[Status]
    UNABLE_TO_PROCESS: ClassVar[Status]
    """What C-FIND, C-GET and C-MOVE call the number of CANNOT_UNDERSTAND."""
    COERCION: ClassVar[Status]
    SUBOPERATIONS_WARNING: ClassVar[Status]
    """What C-GET and C-MOVE mean by the number of COERCION: some sub-operations failed or warned."""
    ELEMENTS_DISCARDED: ClassVar[Status]
    DATA_SET_MISMATCH_WARNING: ClassVar[Status]
    PENDING: ClassVar[Status]
    PENDING_WARNING: ClassVar[Status]
    """A match, but some optional keys were not supported."""

    @property
    def category(self) -> Category:
        """The category by the ranges of PS3.7 Annex C; never by a list, which peers do not keep to."""
        if self == 0x0000:
            return Category.SUCCESS
        if self in _PENDING:
            return Category.PENDING
        if self == 0xFE00:
            return Category.CANCEL
        if self in _WARNINGS or 0xB000 <= self <= 0xBFFF:
            return Category.WARNING
        return Category.FAILURE

    @property
    def is_success(self) -> bool:
        return self == 0x0000

    @property
    def is_pending(self) -> bool:
        return self in _PENDING

    @property
    def is_cancel(self) -> bool:
        return self == 0xFE00

    @property
    def is_warning(self) -> bool:
        return self.category is Category.WARNING

    @property
    def is_failure(self) -> bool:
        return self.category is Category.FAILURE

    @property
    def is_final(self) -> bool:
        """Whether no further response to the same request follows."""
        return self not in _PENDING

    @property
    def is_defined(self) -> bool:
        """Whether the number lies in a range that PS3.7 Annex C opens: others must not be sent."""
        return (
            self in _PENDING
            or self in (0x0000, 0x0001, 0xFE00)
            or 0x0100 <= self <= 0x02FF
            or 0xA000 <= self <= 0xCFFF  # Axxx, Bxxx and Cxxx
        )

    def meaning(self, service: str | None = None, message: str | None = None) -> str:
        """Says what the status means, as precisely as the arguments allow.

        Args:
            service: the service class as ``SERVICES`` of the status table spells
                it (``"storage"``, ``"unified_procedure_step"``).
            message: the operation (``"C-STORE"``, also ``"C-STORE-RSP"``) or one
                of the service's own rows (``"film box N-CREATE"``). Without a
                service, the one that this operation usually belongs to is meant.
        """
        operation = message.removesuffix("-RQ").removesuffix("-RSP") if message else None
        if service is None and operation is not None:
            service = USUAL_SERVICE.get(operation)
        found = _find_in_service(self, service, operation) if service is not None else None
        return (
            found or _find(self, GENERAL) or _find(self, COMMON) or f"{self.category.value}, not named by the standard"
        )

    def __repr__(self) -> str:
        return f"Status(0x{self:04X})"

    def __str__(self) -> str:
        return f"{self:04X} {self.meaning()}"


def _find_in_service(status: int, service: str, operation: str | None) -> str | None:
    rows = SERVICES.get(service, {})
    if operation in rows:
        return _find(status, rows[operation])
    # "N-ACTION" alone asks all rows of that operation, no operation asks every row.
    for name, row in rows.items():
        if operation is None or operation in name.split(" "):
            found = _find(status, row)
            if found:
                return found
    return None


def _find(status: int, row: dict[str, str]) -> str | None:
    """The text of the code itself or, failing that, of the narrowest range around it."""
    code = f"{status:04X}"
    for pattern in (code, code[:2] + "xx", code[:1] + "xxx"):
        if pattern in row:
            return row[pattern]
    return None


_PENDING = (0xFF00, 0xFF01)
_WARNINGS = (0x0001, 0x0107, 0x0116)

for _name, _code in {
    "SUCCESS": 0x0000,
    "OPTIONAL_ATTRIBUTES_NOT_SUPPORTED": 0x0001,
    "NO_SUCH_ATTRIBUTE": 0x0105,
    "INVALID_ATTRIBUTE_VALUE": 0x0106,
    "ATTRIBUTE_LIST_ERROR": 0x0107,
    "PROCESSING_FAILURE": 0x0110,
    "DUPLICATE_SOP_INSTANCE": 0x0111,
    "NO_SUCH_SOP_INSTANCE": 0x0112,
    "NO_SUCH_EVENT_TYPE": 0x0113,
    "NO_SUCH_ARGUMENT": 0x0114,
    "INVALID_ARGUMENT_VALUE": 0x0115,
    "ATTRIBUTE_VALUE_OUT_OF_RANGE": 0x0116,
    "INVALID_SOP_INSTANCE": 0x0117,
    "NO_SUCH_SOP_CLASS": 0x0118,
    "CLASS_INSTANCE_CONFLICT": 0x0119,
    "MISSING_ATTRIBUTE": 0x0120,
    "MISSING_ATTRIBUTE_VALUE": 0x0121,
    "SOP_CLASS_NOT_SUPPORTED": 0x0122,
    "NO_SUCH_ACTION_TYPE": 0x0123,
    "NOT_AUTHORIZED": 0x0124,
    "DUPLICATE_TRANSACTION_UID": 0x0131,
    "DUPLICATE_INVOCATION": 0x0210,
    "UNRECOGNIZED_OPERATION": 0x0211,
    "MISTYPED_ARGUMENT": 0x0212,
    "RESOURCE_LIMITATION": 0x0213,
    "OUT_OF_RESOURCES": 0xA700,
    "CANNOT_CALCULATE_MATCHES": 0xA701,
    "CANNOT_PERFORM_SUBOPERATIONS": 0xA702,
    "MOVE_DESTINATION_UNKNOWN": 0xA801,
    "DATA_SET_MISMATCH": 0xA900,
    "COERCION": 0xB000,
    "SUBOPERATIONS_WARNING": 0xB000,
    "ELEMENTS_DISCARDED": 0xB006,
    "DATA_SET_MISMATCH_WARNING": 0xB007,
    "CANNOT_UNDERSTAND": 0xC000,
    "UNABLE_TO_PROCESS": 0xC000,
    "CANCEL": 0xFE00,
    "PENDING": 0xFF00,
    "PENDING_WARNING": 0xFF01,
}.items():
    setattr(Status, _name, Status(_code))
