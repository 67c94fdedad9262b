"""Statuses: categories by the ranges of PS3.7 Annex C, words by the tables of PS3.7 and PS3.4."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
from hypothesis import given, strategies as st

from dicomnet.dimse._status_table import COMMON, GENERAL, SERVICES, USUAL_SERVICE
from dicomnet.dimse.status import Category, Status

SUCCESS, PENDING, CANCEL, WARNING, FAILURE = Category

# Typed from PS3.7 Annex C: the first and the last code of each range.
RANGES = [
    (0x0000, 0x0000, SUCCESS, True),
    (0x0001, 0x0001, WARNING, True),
    (0x0002, 0x00FF, FAILURE, False),
    (0x0100, 0x0106, FAILURE, True),
    (0x0107, 0x0107, WARNING, True),
    (0x0108, 0x0115, FAILURE, True),
    (0x0116, 0x0116, WARNING, True),
    (0x0117, 0x02FF, FAILURE, True),
    (0x0300, 0x9FFF, FAILURE, False),
    (0xA000, 0xAFFF, FAILURE, True),
    (0xB000, 0xBFFF, WARNING, True),
    (0xC000, 0xCFFF, FAILURE, True),
    (0xD000, 0xFDFF, FAILURE, False),
    (0xFE00, 0xFE00, CANCEL, True),
    (0xFE01, 0xFEFF, FAILURE, False),
    (0xFF00, 0xFF01, PENDING, True),
    (0xFF02, 0xFFFF, FAILURE, False),
]

# Typed from PS3.7 Annex C and the tables of PS3.4.
CODES = {
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
}

TABLE = [
    *((None, None, code, text) for row in (GENERAL, COMMON) for code, text in row.items()),
    *(
        (service, operation, code, text)
        for service, operations in SERVICES.items()
        for operation, row in operations.items()
        for code, text in row.items()
    ),
]

# Typed from PS3.4: what each service adds, by the letter its codes begin with.
CATEGORIES = {"0": None, "A": FAILURE, "B": WARNING, "C": FAILURE, "F": None}


class TestCategory:
    @pytest.mark.parametrize(("first", "last", "category", "defined"), RANGES)
    def test_ranges(self, first: int, last: int, category: Category, defined: bool) -> None:
        """The whole range has the category, and only ranges of the standard may be sent."""
        for code in range(first, last + 1):
            assert Status(code).category is category
            assert Status(code).is_defined is defined

    def test_ranges_cover_all_numbers(self) -> None:
        """No 16-bit number is without a category."""
        assert [first for first, *_ in RANGES] == [0, *(last + 1 for _, last, *_ in RANGES[:-1])]
        assert RANGES[-1][1] == 0xFFFF

    @given(st.integers(0, 0xFFFF).map(Status))
    def test_exactly_one_question_is_answered_with_yes(self, status: Status) -> None:
        """The properties agree with the category, and only pending is not final."""
        answers = {
            SUCCESS: status.is_success,
            PENDING: status.is_pending,
            CANCEL: status.is_cancel,
            WARNING: status.is_warning,
            FAILURE: status.is_failure,
        }
        assert [category for category, answer in answers.items() if answer] == [status.category]
        assert status.is_final is not status.is_pending

    @given(st.integers())
    def test_no_number_is_refused(self, code: int) -> None:
        """Numbers that do not even fit are failures, so that whatever came can be logged."""
        status = Status(code)
        assert status.category in Category
        assert str(status)
        assert not (status.is_defined and not 0 <= code <= 0xFFFF)


class TestNames:
    @pytest.mark.parametrize(("name", "code"), CODES.items())
    def test_constants(self, name: str, code: int) -> None:
        """Each name is the code of the standard, as a Status."""
        status = getattr(Status, name)
        assert status == code
        assert isinstance(status, Status)

    def test_every_constant_is_in_the_list(self) -> None:
        """No constant is untested, and none announced is missing."""
        assert {name for name in vars(Status) if name.isupper()} == set(CODES)
        assert {name for name in Status.__annotations__ if name.isupper()} == set(CODES)

    def test_looks(self) -> None:
        """It prints as the standard writes it, and goes on being a number."""
        assert repr(Status.OUT_OF_RESOURCES) == "Status(0xA700)"
        assert str(Status.OUT_OF_RESOURCES) == f"{Status.OUT_OF_RESOURCES}" == "A700 refused: out of resources"
        assert f"{Status.PENDING:04X}" == "FF00"
        assert str(Status(0xD123)) == "D123 failure, not named by the standard"
        assert str(Status(0xB123)) == "B123 warning, not named by the standard"
        assert Status(0) == 0
        assert {Status.SUCCESS: 1}[0] == 1

    def test_copies(self) -> None:
        """A status survives being copied and pickled."""
        assert copy.deepcopy(Status.CANCEL) == pickle.loads(pickle.dumps(Status.CANCEL)) == Status.CANCEL
        assert isinstance(pickle.loads(pickle.dumps(Status.CANCEL)), Status)


class TestMeaning:
    @pytest.mark.parametrize(("service", "operation", "code", "text"), TABLE)
    def test_every_row(self, service: str | None, operation: str | None, code: str, text: str) -> None:
        """Each code of the table is found, at both ends of its range, and has the category its letter says."""
        assert re.fullmatch(r"[0-9A-F]{4}|[0-9A-F]{2}xx|[0-9A-F]xxx", code)
        assert text
        assert text == text.strip()
        row = SERVICES[service][operation] if service and operation else {**COMMON, **GENERAL}
        for digit in "0F":
            written = code.replace("x", digit)
            status = Status(int(written, 16))
            if written == code or written not in row:
                assert status.meaning(service, operation) == text
            assert CATEGORIES[code[0]] in (None, status.category)
            assert status.is_defined

    def test_a_code_goes_before_its_range(self) -> None:
        """Where a range has exceptions, these are meant."""
        assert Status(0xA701).meaning("query_retrieve", "C-MOVE") == "refused: cannot calculate the number of matches"
        assert Status(0xA7FF).meaning("storage", "C-STORE") == "refused: out of resources"
        assert Status(0xA701).meaning("storage", "C-STORE") == "refused: out of resources"

    @pytest.mark.parametrize(
        ("code", "service", "message", "text"),
        [
            (0xB000, None, "C-STORE", "stored, but elements were coerced"),
            (0xB000, None, "C-STORE-RSP", "stored, but elements were coerced"),
            (0xB000, None, "C-MOVE-RSP", "sub-operations complete, one or more failed or gave a warning"),
            (0xB000, None, None, "done, but with coerced elements or failed sub-operations"),
            (0x0000, "verification", None, "alive"),
            (0x0000, "no such service", "C-ECHO", "success"),
            (0xC307, "unified_procedure_step", "N-GET-RSP", "no such step here"),
            (0xB304, "unified_procedure_step", "N-ACTION", "already CANCELED"),
            (0xC315, "unified_procedure_step", "N-ACTION-RQ", "event reports are not supported"),
            (0xC601, "print_management", "N-ACTION", "no print job: the queue is full"),
            (0xC606, "print_management", None, "more than one VOI LUT box"),
            (0x0110, "modality_performed_procedure_step", "N-SET", "the step is COMPLETED or DISCONTINUED"),
            (0x0110, "modality_performed_procedure_step", "N-CREATE", "processing failure"),
            (0xB001, "repository_query", "C-FIND", "matching ended at the limit of responses"),
            (0xFF00, "repository_query", "C-FIND", "a match"),
            (0xAA02, "composite_instance_root_retrieve", "C-GET", "cannot extract the frames"),
            (0xC001, "storage", "N-ACTION", "cannot understand or process"),
            (0x0211, "storage", "C-STORE", "unrecognized operation"),
        ],
    )
    def test_as_precise_as_the_question(self, code: int, service: str | None, message: str | None, text: str) -> None:
        """The service goes before the general meaning, and the usual service stands in for none."""
        assert Status(code).meaning(service, message).startswith(text)

    @pytest.mark.parametrize("code", [code for code in CODES.values() if code])
    def test_every_constant_has_words(self, code: int) -> None:
        """No status that has a name is a bare number in the log."""
        assert "not named" not in Status(code).meaning()

    def test_usual_services_exist(self) -> None:
        """The stand-ins have a row for the operation."""
        for operation, service in USUAL_SERVICE.items():
            assert operation in SERVICES[service]
