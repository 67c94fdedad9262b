"""What services are called, and what their SOP classes can do."""

from __future__ import annotations

import pytest

from dicomnet import uids
from dicomnet.dimse.commands import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    Request,
)
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import (
    DISPLAY_SYSTEM_INSTANCE,
    MODELS,
    PRINTER_CONFIGURATION_INSTANCE,
    PRINTER_INSTANCE,
    PROCEDURAL_EVENT_LOGGING_INSTANCE,
    SERVICES,
    STORAGE_COMMITMENT_INSTANCE,
    STORAGE_MANAGEMENT_INSTANCE,
    SUBSTANCE_LOGGING_INSTANCE,
    UPS_FILTERED_SUBSCRIPTION,
    UPS_GLOBAL_SUBSCRIPTION,
    Verb,
    carriers,
    carries,
    model_class,
    of_n_service,
    sent_by_scp,
    sop_classes,
    verb_of,
    verbs,
)

# Written down from PS3.4 by number, without the registry's keywords.
NUMBERS = {
    "verification": "1.2.840.10008.1.1",
    "study-root-find": "1.2.840.10008.5.1.4.1.2.2.1",
    "study-root-move": "1.2.840.10008.5.1.4.1.2.2.2",
    "study-root-get": "1.2.840.10008.5.1.4.1.2.2.3",
    "patient-root-find": "1.2.840.10008.5.1.4.1.2.1.1",
    "patient-root-move": "1.2.840.10008.5.1.4.1.2.1.2",
    "patient-root-get": "1.2.840.10008.5.1.4.1.2.1.3",
    "patient-study-only-find": "1.2.840.10008.5.1.4.1.2.3.1",
    "patient-study-only-move": "1.2.840.10008.5.1.4.1.2.3.2",
    "patient-study-only-get": "1.2.840.10008.5.1.4.1.2.3.3",
    "composite-instance-root-move": "1.2.840.10008.5.1.4.1.2.4.2",
    "composite-instance-root-get": "1.2.840.10008.5.1.4.1.2.4.3",
    "without-bulk-data-get": "1.2.840.10008.5.1.4.1.2.5.3",
    "worklist": "1.2.840.10008.5.1.4.31",
    "mpps": "1.2.840.10008.3.1.2.3.3",
    "mpps-retrieve": "1.2.840.10008.3.1.2.3.4",
    "mpps-notification": "1.2.840.10008.3.1.2.3.5",
    "storage-commitment": "1.2.840.10008.1.20.1",
    "instance-availability": "1.2.840.10008.5.1.4.33",
    "ups-push": "1.2.840.10008.5.1.4.34.6.1",
    "ups-watch": "1.2.840.10008.5.1.4.34.6.2",
    "ups-pull": "1.2.840.10008.5.1.4.34.6.3",
    "ups-event": "1.2.840.10008.5.1.4.34.6.4",
    "ups-query": "1.2.840.10008.5.1.4.34.6.5",
    "print-grayscale": "1.2.840.10008.5.1.1.9",
    "print-color": "1.2.840.10008.5.1.1.18",
    "media-creation": "1.2.840.10008.5.1.1.33",
    "relevant-patient-breast": "1.2.840.10008.5.1.4.37.2",
    "relevant-patient-cardiac": "1.2.840.10008.5.1.4.37.3",
    "hanging-protocol-find": "1.2.840.10008.5.1.4.38.2",
    "hanging-protocol-move": "1.2.840.10008.5.1.4.38.3",
    "hanging-protocol-get": "1.2.840.10008.5.1.4.38.4",
    "color-palette-find": "1.2.840.10008.5.1.4.39.2",
    "color-palette-get": "1.2.840.10008.5.1.4.39.4",
    "implant-template-find": "1.2.840.10008.5.1.4.43.2",
    "implant-assembly-template-move": "1.2.840.10008.5.1.4.44.3",
    "implant-template-group-get": "1.2.840.10008.5.1.4.45.4",
    "defined-procedure-protocol-find": "1.2.840.10008.5.1.4.20.1",
    "protocol-approval-find": "1.2.840.10008.5.1.4.1.1.200.4",
    "inventory-find": "1.2.840.10008.5.1.4.1.1.201.2",
    "inventory-get": "1.2.840.10008.5.1.4.1.1.201.4",
    "storage-management": "1.2.840.10008.5.1.4.1.1.201.5",
    "repository-query": "1.2.840.10008.5.1.4.1.1.201.6",
    "product-characteristics": "1.2.840.10008.5.1.4.41",
    "substance-approval": "1.2.840.10008.5.1.4.42",
    "substance-logging": "1.2.840.10008.1.42",
    "procedural-event-logging": "1.2.840.10008.1.40",
    "rt-conventional-machine-verification": "1.2.840.10008.5.1.4.34.8",
    "rt-ion-machine-verification": "1.2.840.10008.5.1.4.34.9",
    "display-system": "1.2.840.10008.5.1.1.40",
}

PRIVATE = "1.3.6.1.4.1.99999.7"


class TestNames:
    @pytest.mark.parametrize(("name", "number"), NUMBERS.items())
    def test_stand_for_the_classes_of_the_standard(self, name: str, number: str) -> None:
        """Each name of one class leads to its UID."""
        assert sop_classes(name) == (number,)

    def test_of_several_classes(self) -> None:
        """Some services are negotiated by more than one class."""
        ups = {f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 6)}
        assert set(sop_classes("ups")) == ups
        assert set(sop_classes("relevant-patient")) == {f"1.2.840.10008.5.1.4.37.{last}" for last in range(1, 4)}
        assert sop_classes("rt-machine-verification") == (
            NUMBERS["rt-conventional-machine-verification"],
            NUMBERS["rt-ion-machine-verification"],
        )
        assert set(sop_classes("print")) == {
            f"1.2.840.10008.5.1.1.{last}" for last in ("9", "18", "23", "15", "14", "16.376")
        }

    def test_are_known_to_their_services(self) -> None:
        """A service is found by its own name and has classes, each once."""
        for name, service in SERVICES.items():
            assert service.name == name
            assert service.sop_classes
            assert len(set(service.sop_classes)) == len(service.sop_classes)

    def test_cover_what_is_in_use(self) -> None:
        """Every class that is not retired can be asked for by the name of a service, those within a meta class by it."""
        named = {sop_class for service in SERVICES.values() for sop_class in service.sop_classes}
        left_out = {
            sop_class
            for sop_class, service in uids.SERVICE_CLASSES.items()
            if service not in {"MediaStorage", "RealTimeCommunication"}
            and sop_class not in uids.RETIRED
            and not any(carries(one, sop_class) for one in named)
        }
        assert left_out == {uids.VOILUTBox}

    def test_may_be_a_keyword_or_a_uid(self) -> None:
        """A SOP class is found under its own name too, and a private one by its UID."""
        assert sop_classes("CTImageStorage") == ("1.2.840.10008.5.1.4.1.1.2",)
        assert sop_classes("1.2.840.10008.5.1.4.1.1.2") == ("1.2.840.10008.5.1.4.1.1.2",)
        assert sop_classes(PRIVATE) == (PRIVATE,)
        assert sop_classes("DetachedPatientManagement") == ("1.2.840.10008.3.1.2.1.1",)

    @pytest.mark.parametrize(
        ("wrong", "meant"),
        [
            ("stuyd-root-find", "study-root-find"),
            ("Study_Root_Find", "study-root-find"),
            ("comitment", "storage-commitment"),
            ("CTImageStorge", "CTImageStorage"),
            ("?", "verification"),
        ],
    )
    def test_that_nothing_has_lead_to_the_nearest(self, wrong: str, meant: str) -> None:
        """The refusal says what may have been meant."""
        with pytest.raises(InvalidValue, match=f"{meant}( |,|\\?)"):
            sop_classes(wrong)

    @pytest.mark.parametrize(
        "name", ["ExplicitVRLittleEndian", "1.2.840.10008.1.2", "ExplicitVRBigEndian", "PrinterInstance"]
    )
    def test_of_something_else_are_refused(self, name: str) -> None:
        """Neither a transfer syntax nor an instance can be proposed as an abstract syntax."""
        with pytest.raises(InvalidValue, match="is not a SOP class"):
            sop_classes(name)


class TestStorage:
    def test_has_everything_that_is_stored(self) -> None:
        """All classes in use are there, those of other objects than patients' too."""
        assert set(sop_classes("storage")) >= uids.STORAGE_CLASSES - uids.RETIRED
        assert uids.HangingProtocolStorage in sop_classes("storage")
        assert set(sop_classes("storage")) <= uids.STORAGE_CLASSES

    def test_begins_with_what_hospitals_have(self) -> None:
        """The usual ones in both plain syntaxes fit into the first association."""
        usual = sop_classes("storage")[:64]
        assert usual[:2] == (uids.CTImageStorage, uids.MRImageStorage)
        for keyword in (
            "ComputedRadiographyImageStorage DigitalXRayImageStorageForPresentation UltrasoundImageStorage "
            "XRayAngiographicImageStorage NuclearMedicineImageStorage PositronEmissionTomographyImageStorage "
            "SecondaryCaptureImageStorage ComprehensiveSRStorage GrayscaleSoftcopyPresentationStateStorage "
            "KeyObjectSelectionDocumentStorage SegmentationStorage RTPlanStorage"
        ).split():
            assert uids.KEYWORDS[keyword] in usual

    def test_ends_with_what_is_rare(self) -> None:
        """Objects of nobody come after those of patients, then luggage and pipes, and at the very end what is retired."""
        order = [
            3 if one in uids.RETIRED else 2 if ".1.1.501." in one or ".1.1.601." in one else 1 if other else 0
            for one in sop_classes("storage")
            for other in [uids.SERVICE_CLASSES[one] == "NonPatientObjectStorage"]
        ]
        assert order == sorted(order)
        assert set(order) == {0, 1, 2, 3}


class TestModels:
    @pytest.mark.parametrize(
        ("model", "verb", "name"),
        [
            ("study-root", "find", "study-root-find"),
            ("study-root", "move", "study-root-move"),
            ("patient-root", "get", "patient-root-get"),
            ("without-bulk-data", "get", "without-bulk-data-get"),
            ("inventory", "find", "inventory-find"),
            ("worklist", "find", "worklist"),
            ("ups", "find", "ups-pull"),
            ("ups-query", "find", "ups-query"),
            ("repository-query", "find", "repository-query"),
        ],
    )
    def test_have_a_class_for_each_operation(self, model: str, verb: str, name: str) -> None:
        """The class is the one that the service of that name proposes."""
        assert model_class(model, verb) == NUMBERS[name]

    def test_every_class_knows_its_operation_and_no_model_leaves_one_out(self) -> None:
        """The table of models and that of operations agree, and every query and retrieve class has a model."""
        for known in MODELS.values():
            for verb, sop_class in known.items():
                assert verb in verbs(sop_class)
        modelled = {sop_class for known in MODELS.values() for sop_class in known.values()}
        assert modelled == {one for one in uids.SERVICE_CLASSES if verbs(one) < set(Verb) and verbs(one) & RETRIEVAL}

    def test_general_query_stands_for_relevant_patient(self) -> None:
        """Of three classes with one model, the general one is asked."""
        assert model_class("relevant-patient", "find") == "1.2.840.10008.5.1.4.37.1"

    @pytest.mark.parametrize("model", ["worklist", "ups", "relevant-patient", "repository-query"])
    @pytest.mark.parametrize("verb", ["move", "get"])
    def test_that_are_only_queried_cannot_be_retrieved(self, model: str, verb: str) -> None:
        """The refusal says what they know instead."""
        with pytest.raises(InvalidValue, match=f"{model} knows find, not {verb}"):
            model_class(model, verb)

    def test_that_are_only_retrieved_cannot_be_queried(self) -> None:
        """There is no query for single frames."""
        with pytest.raises(InvalidValue, match="knows move, get, not find"):
            model_class("composite-instance-root", "find")

    def test_may_be_given_by_uid_or_keyword(self) -> None:
        """A class of the operation passes, a private one always."""
        assert model_class(NUMBERS["worklist"], "find") == NUMBERS["worklist"]
        assert model_class("InventoryGet", "get") == NUMBERS["inventory-get"]
        assert model_class(PRIVATE, "move") == PRIVATE

    @pytest.mark.parametrize(
        ("model", "verb"), [(NUMBERS["study-root-find"], "move"), ("CTImageStorage", "find"), (PRIVATE, "store")]
    )
    def test_by_uid_are_refused_for_another_operation(self, model: str, verb: str) -> None:
        """A class that finds does not move, and none stores."""
        with pytest.raises(InvalidValue, match=f"is not a SOP class of {verb}"):
            model_class(model, verb)

    @pytest.mark.parametrize(
        ("model", "meant"), [("studyroot", "study-root"), ("work-list", "worklist"), ("x", "study-root")]
    )
    def test_that_nobody_knows_lead_to_the_nearest(self, model: str, meant: str) -> None:
        """The refusal says what may have been meant."""
        with pytest.raises(InvalidValue, match=f"{meant}( |,|\\?)"):
            model_class(model, "find")


class TestVerbs:
    @pytest.mark.parametrize(
        ("sop_class", "known"),
        [
            ("1.2.840.10008.1.1", {"echo"}),
            ("1.2.840.10008.5.1.4.1.1.2", {"store"}),
            ("1.2.840.10008.5.1.4.1.1.6", {"store"}),
            ("1.2.840.10008.5.1.4.39.1", {"store"}),
            ("1.2.840.10008.5.1.4.1.2.2.3", {"get"}),
            ("1.2.840.10008.3.1.2.3.3", {"n-create", "n-set"}),
            ("1.2.840.10008.1.20.1", {"n-action", "n-event-report"}),
            ("1.2.840.10008.5.1.4.34.6.3", {"find", "n-get", "n-set", "n-action"}),
            ("1.2.840.10008.5.1.4.34.6.4", {"n-event-report"}),
            ("1.2.840.10008.5.1.1.16", {"n-get", "n-event-report"}),
            ("1.2.840.10008.5.1.1.40", {"n-get"}),
            ("1.2.840.10008.5.1.1.9", {"n-create", "n-set", "n-delete", "n-action", "n-get", "n-event-report"}),
            ("1.2.840.10008.1.3.10", set()),
        ],
    )
    def test_are_those_of_the_class(self, sop_class: str, known: set[str]) -> None:
        """What PS3.4 lists for a class, and for a meta class what it lists for its members."""
        assert verbs(sop_class) == known

    def test_of_an_unknown_class_are_all(self) -> None:
        """What a private class does, only its makers know."""
        assert verbs(PRIVATE) == set(Verb)
        assert verbs("1.2.840.10008.3.1.2.1.1") == set(Verb)

    def test_are_known_of_every_class_in_use(self) -> None:
        """Only what is retired, or as good as retired, may do anything."""
        unknown = {one for one in uids.SERVICE_CLASSES if one not in uids.RETIRED and verbs(one) == set(Verb)}
        assert unknown == {uids.VOILUTBox}

    @pytest.mark.parametrize(
        ("request_class", "verb"),
        [
            (CEchoRequest, "echo"),
            (CStoreRequest, "store"),
            (CFindRequest, "find"),
            (CGetRequest, "get"),
            (CMoveRequest, "move"),
            (NCreateRequest, "n-create"),
            (NSetRequest, "n-set"),
            (NGetRequest, "n-get"),
            (NActionRequest, "n-action"),
            (NDeleteRequest, "n-delete"),
            (NEventReportRequest, "n-event-report"),
        ],
    )
    def test_are_told_from_a_request(self, request_class: type[Request], verb: str) -> None:
        """Each request asks for one operation."""
        assert verb_of(request_class()) == verb

    def test_a_cancel_has_none(self) -> None:
        """It ends an operation and is none."""
        with pytest.raises(InvalidValue, match="C-CANCEL-RQ"):
            verb_of(CCancelRequest(message_id_being_responded_to=1))

    def test_only_event_reports_come_from_the_scp(self) -> None:
        """Everything else is asked by the SCU, C-STORE during a C-GET included: there it is the SCU of storage."""
        assert [verb for verb in Verb if sent_by_scp(NUMBERS["storage-commitment"], verb)] == ["n-event-report"]


class TestCarries:
    @pytest.mark.parametrize("sop_class", [*NUMBERS.values(), PRIVATE])
    def test_its_own_class(self, sop_class: str) -> None:
        """A context is first of all for its abstract syntax."""
        assert carries(sop_class, sop_class)

    def test_the_members_of_a_print_meta_class(self) -> None:
        """Film session, film box and printer belong to both, each image box to its own."""
        gray, color = "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.1.18"
        for member in ("1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.2", "1.2.840.10008.5.1.1.16"):
            assert carries(gray, member)
            assert carries(color, member)
        assert carries(gray, "1.2.840.10008.5.1.1.4")
        assert not carries(gray, "1.2.840.10008.5.1.1.4.1")
        assert carries(color, "1.2.840.10008.5.1.1.4.1")
        assert not carries(color, "1.2.840.10008.5.1.1.4")
        assert not carries(gray, "1.2.840.10008.5.1.1.23")
        assert not carries("1.2.840.10008.5.1.1.1", gray)

    def test_the_push_class_in_every_procedure_step_context(self) -> None:
        """Messages about procedure steps name the Push class; no other class travels so."""
        push, *others = (NUMBERS[f"ups-{one}"] for one in ("push", "watch", "pull", "event", "query"))
        for other in others:
            assert carries(other, push)
            assert not carries(push, other)
        assert not carries(NUMBERS["worklist"], push)

    def test_nothing_else(self) -> None:
        """Storage classes do not stand for each other."""
        assert not carries("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4")
        assert not carries(PRIVATE, "1.2.840.10008.5.1.4.1.1.4")


def test_well_known_instances_have_the_numbers_of_the_standard() -> None:
    """The instances that nobody creates."""
    assert STORAGE_COMMITMENT_INSTANCE == "1.2.840.10008.1.20.1.1"
    assert PRINTER_INSTANCE == "1.2.840.10008.5.1.1.17"
    assert PRINTER_CONFIGURATION_INSTANCE == "1.2.840.10008.5.1.1.17.376"
    assert UPS_GLOBAL_SUBSCRIPTION == "1.2.840.10008.5.1.4.34.5"
    assert UPS_FILTERED_SUBSCRIPTION == "1.2.840.10008.5.1.4.34.5.1"
    assert STORAGE_MANAGEMENT_INSTANCE == "1.2.840.10008.5.1.4.1.1.201.1.1"
    assert SUBSTANCE_LOGGING_INSTANCE == "1.2.840.10008.1.42.1"
    assert PROCEDURAL_EVENT_LOGGING_INSTANCE == "1.2.840.10008.1.40.1"
    assert DISPLAY_SYSTEM_INSTANCE == "1.2.840.10008.5.1.1.40.1"


RETRIEVAL = {Verb.FIND, Verb.MOVE, Verb.GET}


def test_a_message_may_travel_in_the_context_of_a_larger_class() -> None:
    """Printers may know the meta SOP class only (PS3.4 H.3.2); the class itself is always one of them."""
    assert set(carriers(uids.BasicFilmBox)) == {
        uids.BasicFilmBox,
        uids.BasicGrayscalePrintManagementMeta,
        uids.BasicColorPrintManagementMeta,
    }
    assert uids.UnifiedProcedureStepPull in carriers(uids.UnifiedProcedureStepPush)
    assert carriers(uids.CTImageStorage) == (uids.CTImageStorage,)


@pytest.mark.parametrize("name", ["print-grayscale", "print-color", "BasicGrayscalePrintManagementMeta"])
def test_a_message_is_about_a_member_of_a_meta_class(name: str) -> None:
    """There are no instances of a meta SOP class (PS3.4 H.3.2): the error names what there is."""
    with pytest.raises(InvalidValue, match=r"say which one: .*BasicFilmSession"):
        of_n_service(name)
