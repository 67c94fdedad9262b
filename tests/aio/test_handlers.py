from __future__ import annotations

import pytest

from dicomnet.aio.handlers import Handlers, verb_named
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import MODELS, SERVICES, Verb, verbs
from dicomnet.types import UID
from dicomnet.uids import KEYWORDS, STORAGE_CLASSES, Verification

CT = KEYWORDS["CTImageStorage"]
MR = KEYWORDS["MRImageStorage"]
WORKLIST = KEYWORDS["ModalityWorklistInformationModelFind"]
PRIVATE = UID("1.2.3.4.5")


def keep(request: object) -> None:
    """Does nothing, and is told from `other` by its identity."""


def other(request: object) -> None:
    """Does nothing either."""


class TestFinding:
    def test_a_function_for_a_class_comes_before_the_general_one(self) -> None:
        """Whoever names a class means it."""
        handlers = Handlers()
        handlers.add("store", keep)
        handlers.add("store", other, "CTImageStorage")
        assert handlers.find(Verb.STORE, CT) is other
        assert handlers.find(Verb.STORE, MR) is keep

    def test_the_general_store_takes_classes_that_nobody_knows(self) -> None:
        """If a private storage class was accepted, it is to be stored."""
        handlers = Handlers.of({"store": keep})
        assert handlers.find(Verb.STORE, PRIVATE) is keep
        assert handlers.find(Verb.STORE, WORKLIST) is None

    def test_the_general_find_is_for_the_two_roots_alone(self) -> None:
        """A function that looks for studies must not be asked for the worklist."""
        handlers = Handlers.of({"find": keep})
        assert handlers.find(Verb.FIND, MODELS["study-root"][Verb.FIND]) is keep
        assert handlers.find(Verb.FIND, MODELS["patient-root"][Verb.FIND]) is keep
        assert handlers.find(Verb.FIND, WORKLIST) is None
        assert handlers.find(Verb.MOVE, MODELS["study-root"][Verb.MOVE]) is None

    def test_a_function_for_a_model_takes_the_class_of_its_operation(self) -> None:
        """The same name means the class of C-FIND for find and that of C-MOVE for move."""
        handlers = Handlers()
        handlers.add("find", keep, "study-root", "worklist")
        handlers.add("move", other, "study-root")
        assert handlers.find(Verb.FIND, WORKLIST) is keep
        assert handlers.find(Verb.MOVE, MODELS["study-root"][Verb.MOVE]) is other

    def test_a_member_of_a_meta_class_is_found_by_its_context(self) -> None:
        """A film session is created in the context of a print meta SOP class."""
        handlers = Handlers()
        handlers.add("n_create", keep, "print")
        session, meta = KEYWORDS["BasicFilmSession"], KEYWORDS["BasicGrayscalePrintManagementMeta"]
        assert handlers.find(Verb.N_CREATE, session) is None
        assert handlers.find(Verb.N_CREATE, session, meta) is keep

    def test_a_request_about_a_procedure_step_is_found_by_its_context_first(self) -> None:
        """All of them name the Push class (PS3.4 CC.3.1): the context is what tells them apart."""
        handlers = Handlers()
        handlers.add("n-get", keep, "ups-push")
        handlers.add("n-get", other, "ups-pull")
        push, pull, watch = (KEYWORDS[f"UnifiedProcedureStep{name}"] for name in ("Push", "Pull", "Watch"))
        assert handlers.find(Verb.N_GET, push, push) is keep
        assert handlers.find(Verb.N_GET, push, pull) is other
        assert handlers.find(Verb.N_GET, push, watch) is keep

    def test_a_general_n_service_serves_every_class_that_knows_it(self) -> None:
        """So an event of whatever class finds the one function."""
        handlers = Handlers.of({"n_event_report": keep})
        assert handlers.find(Verb.N_EVENT_REPORT, KEYWORDS["StorageCommitmentPushModel"]) is keep
        assert handlers.find(Verb.N_EVENT_REPORT, KEYWORDS["PrintJob"]) is keep
        assert handlers.find(Verb.N_EVENT_REPORT, KEYWORDS["ModalityPerformedProcedureStep"]) is None


class TestAdding:
    def test_an_unknown_operation_is_refused_with_the_nearest(self) -> None:
        """A typing mistake must not become a handler that is never called."""
        with pytest.raises(InvalidValue, match="did you mean n-event-report"):
            Handlers.of({"n_event_repot": keep})

    def test_a_name_that_does_not_know_the_operation_is_refused(self) -> None:
        """Nothing is ever stored in a worklist."""
        with pytest.raises(InvalidValue, match="knows no store"):
            Handlers().add("store", keep, "ModalityWorklistInformationModelFind")

    def test_a_second_function_for_the_same_is_refused(self) -> None:
        """One of the two would silently not be called."""
        handlers = Handlers()
        handlers.add("store", keep, "CTImageStorage")
        with pytest.raises(InvalidValue, match="already"):
            handlers.add("store", other, "storage")

    def test_what_cannot_be_called_is_refused(self) -> None:
        """Better now than when the first request comes."""
        with pytest.raises(InvalidValue, match="is a function"):
            Handlers.of({"store": "incoming/"})  # type: ignore[dict-item]

    @pytest.mark.parametrize("text", ["n-create", "n_create", "N_CREATE"])
    def test_operations_may_be_written_as_python_or_people_do(self, text: str) -> None:
        """A keyword argument cannot hold a hyphen."""
        assert verb_named(text) is Verb.N_CREATE


class TestAbstractSyntaxes:
    def test_verification_is_always_served(self) -> None:
        """Whoever accepts associations answers an echo."""
        assert Handlers().abstract_syntaxes() == {Verification: {Verb.ECHO}}

    def test_storing_serves_every_storage_class(self) -> None:
        """Images may come in from a modality nobody has listed."""
        served = Handlers.of({"store": keep}).abstract_syntaxes()
        assert set(served) == {Verification, *SERVICES["storage"].sop_classes}
        assert served[CT] == {Verb.STORE}

    def test_getting_needs_the_storage_classes_without_storing_in_them(self) -> None:
        """Their instances go out in these contexts, with the peer as SCP."""
        served = Handlers.of({"get": keep}).abstract_syntaxes()
        assert served[MODELS["study-root"][Verb.GET]] == {Verb.GET}
        assert served[CT] == set()

    def test_an_n_service_without_names_serves_what_knows_it(self) -> None:
        """And nothing that does not."""
        served = dict(Handlers.of({"n_create": keep}).abstract_syntaxes())
        assert served.pop(Verification) == {Verb.ECHO}
        assert served.pop(KEYWORDS["ModalityPerformedProcedureStepNotification"]) == {Verb.N_EVENT_REPORT}
        assert KEYWORDS["ModalityPerformedProcedureStep"] in served
        assert all(Verb.N_CREATE in verbs(one) for one in served)
        assert not STORAGE_CLASSES & set(served)

    def test_several_operations_of_a_class_are_told_together(self) -> None:
        """A performed procedure step is created and changed."""
        handlers = Handlers()
        handlers.add("n_create", keep, "mpps")
        handlers.add("n_set", keep, "mpps")
        served = handlers.abstract_syntaxes()
        assert served[KEYWORDS["ModalityPerformedProcedureStep"]] == {Verb.N_CREATE, Verb.N_SET}
        assert handlers.verbs == {Verb.N_CREATE, Verb.N_SET}

    def test_what_is_added_later_is_served_from_then_on(self) -> None:
        """What was found for the associations before is not kept for those after."""
        handlers = Handlers()
        assert CT not in handlers.abstract_syntaxes()
        handlers.add("store", keep)
        assert handlers.abstract_syntaxes()[CT] == {Verb.STORE}
