"""The requestor's side: as many associations as its contexts need, and one as far as anybody sees."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from dicomnet.dimse.commands import CFindRequest, NEventReportRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    ContextRefused,
    DicomTimeout,
    InvalidValue,
    StateError,
)
from dicomnet.exchanges.contexts import Wanted, wanted
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.reports import InstanceRef, Outcome, StoreReport
from dicomnet.exchanges.requestor import Requestor, merged_keys, one_class, query_class, wanted_for_retrieve
from dicomnet.exchanges.session import Inbound
from dicomnet.exchanges.settings import settings_for
from dicomnet.exchanges.steps import Pause, Script, Wait
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.pdu import ExtendedNegotiation
from dicomnet.types import UID
from dicomnet.uids import (
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
    Verification,
)
from dicomnet.ul.negotiation import Policy, conclude
from exchanges.stage import JPEG, MR_IMAGE_STORAGE, Failing, Item, Items, Scp, Stage, dataset, decoded
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_FIND, VERIFICATION

A_MATCH = b"\x08\x00\x05\x00\x00\x00\x00\x00"


def private(number: int) -> UID:
    return UID(f"1.2.826.0.1.3680043.1.{number}")


def many(count: int) -> list[Wanted]:
    """Verification, and so many private classes; more than 127 of them need a second association."""
    return [Wanted(VERIFICATION, (EXPLICIT_LE,)), *(Wanted(private(n), (EXPLICIT_LE,)) for n in range(count))]


def start(scp: Scp | None, names: Any, *, open_it: bool = True, stage: Stage | None = None, **options: Any) -> Any:
    stage = stage or Stage(scp)
    settings = settings_for("ACCEPTOR@peer:104", aet="REQUESTOR", **options.pop("settings", {}))
    requestor = Requestor(settings, wanted(names), **options)
    if open_it:
        stage.run(requestor.open())
    return stage, requestor


def until_cancelled(inbound: Inbound, _: bytes | None) -> Script[None]:
    while not inbound.cancelled and not inbound.session.over:
        inbound.respond(Status.PENDING, A_MATCH)
        yield Wait(inbound.session, lambda: inbound.cancelled, 1.0)
    inbound.respond(Status.CANCEL)


# Opening.


def test_a_requestor_proposes_what_it_wants_and_says_who_it_is() -> None:
    """Titles, window and maximum length as in its settings."""
    scp = Scp()
    _, requestor = start(scp, ["verification", "CTImageStorage"], settings={"window": 4, "max_pdu_length": 32768})
    (request,) = scp.asked
    assert (request.calling_ae, request.called_ae) == ("REQUESTOR", "ACCEPTOR")
    assert [one.abstract_syntax for one in request.contexts] == [VERIFICATION, CT_IMAGE_STORAGE, CT_IMAGE_STORAGE]
    assert request.user_information.max_pdu_length == 32768
    assert requestor.session.check().operations_invoked == 4
    assert requestor.established


def test_a_requestor_without_contexts_is_a_mistake() -> None:
    """PS3.8 9.3.2 wants one at least."""
    with pytest.raises(InvalidValue, match="at least one"):
        Requestor(settings_for("peer"), [])


def test_before_it_is_open_there_is_no_association() -> None:
    """Whoever asks is told."""
    stage, requestor = start(Scp(), ["verification"], open_it=False)
    assert not requestor.established
    with pytest.raises(StateError, match="no association yet"):
        stage.run(requestor.echo())
    with pytest.raises(StateError, match="no association yet"):
        stage.run(requestor.store(Items(1)))


def test_a_peer_that_does_not_want_us_is_told_apart() -> None:
    """It cannot be reached, it rejects, or it does not answer."""
    stage, requestor = start(Scp(Policy(calling_ae=["FRIEND"])), ["verification"], open_it=False)
    with pytest.raises(AssociationRejected) as caught:
        stage.run(requestor.open())
    assert (caught.value.source, caught.value.reason) == (1, 3)
    assert caught.value.__notes__ == [f"{requestor.settings.calling_ae} was calling {requestor.settings.address}"]
    stage.refuse_connections = True
    with pytest.raises(ConnectFailed):
        stage.run(requestor.open())
    stage, requestor = start(None, ["verification"], open_it=False)
    with pytest.raises(DicomTimeout):
        stage.run(requestor.open())
    assert not requestor.established


def test_opening_that_was_left_leaves_no_association_behind() -> None:
    """Ctrl-C while the peer thinks: it is aborted."""
    stage, requestor = start(None, ["verification"], open_it=False)
    task = stage.start(requestor.open())
    stage.rest()
    task.leave()
    stage.rest()
    assert stage.sessions[0].over
    assert not requestor.established


def test_a_peer_that_refuses_every_context_is_released_in_order() -> None:
    """The error names what was refused."""
    scp = Scp(Policy(abstract_syntaxes={}))
    stage, requestor = start(scp, ["CTImageStorage", "verification"], open_it=False)
    with pytest.raises(ContextRefused, match="CT Image Storage, Verification SOP Class refused") as caught:
        stage.run(requestor.open())
    assert caught.value.proposed
    assert stage.sessions[0].error is None
    assert stage.sessions[0].closed_down
    assert not requestor.established


# One association after the other.


def test_further_associations_are_opened_when_they_are_needed() -> None:
    """One at a time, and the first again when its contexts are."""
    scp = Scp()
    stage, requestor = start(scp, many(200))
    assert [len(request.contexts) for request in scp.asked] == [128]
    stage.run(requestor.echo())
    stage.run(requestor.n_delete(private(0), "1.2.3"))
    assert len(scp.asked) == 1
    stage.run(requestor.n_delete(private(199), "1.2.3"))
    assert [len(request.contexts) for request in scp.asked] == [128, 73]
    assert stage.sessions[0].over
    assert stage.sessions[0].error is None
    stage.run(requestor.n_delete(private(150), "1.2.3"))
    assert len(scp.asked) == 2
    stage.run(requestor.echo())
    assert len(scp.asked) == 3
    assert requestor.sessions == [stage.sessions[2]]
    stage.run(requestor.release())
    assert all(session.over and session.error is None for session in stage.sessions)


def test_a_first_association_in_use_stays_beside_the_second() -> None:
    """Somebody waits on it at this moment."""
    held: list[Inbound] = []
    scp = Scp(echo=lambda inbound, _: held.append(inbound))
    stage, requestor = start(scp, many(200))
    task = stage.start(requestor.echo())
    stage.rest()
    stage.run(requestor.n_delete(private(199), "1.2.3"))
    assert len(requestor.sessions) == 2
    assert all(session.established for session in requestor.sessions)
    held[0].respond(Status.SUCCESS)
    stage.rest()
    assert task.outcome() == Status.SUCCESS
    stage.run(requestor.n_delete(private(0), "1.2.3"))
    assert len(scp.asked) == 2
    stage.run(requestor.release())
    assert all(session.over and session.error is None for session in stage.sessions)


def test_two_tasks_that_need_different_associations_wait_for_each_other() -> None:
    """Neither sends on one that is being released, and neither opens one twice."""
    scp = Scp()
    stage, requestor = start(scp, many(200))
    scripts = [requestor.n_delete(private(n), "1.2.3") for n in (199, 0, 198, 1, 197)]
    tasks = [stage.start(script) for script in scripts]
    stage.until(lambda: all(task.done for task in tasks))
    assert [task.outcome().status for task in tasks] == [Status.SUCCESS] * 5
    assert len(scp.asked) <= 4
    stage.run(requestor.release())
    assert all(session.over and session.error is None for session in stage.sessions)


def test_an_association_is_not_replaced_under_one_who_is_about_to_send() -> None:
    """He ends what was left on it first, which takes a moment."""
    scp = Scp(find=until_cancelled)
    stage, requestor = start(scp, [*wanted(["study-root-find"]), *many(200)])
    find: Find = stage.run(requestor.find("STUDY", {}))
    stage.run(find.next())
    first, second = stage.start(requestor.echo()), stage.start(requestor.n_delete(private(199), "1.2.3"))
    stage.until(lambda: first.done and second.done)
    assert first.outcome() == Status.SUCCESS
    assert second.outcome().status == Status.SUCCESS
    assert len(requestor.sessions) == 2


def test_a_store_and_another_operation_share_what_they_need() -> None:
    """Each has its own association as long as both are at work."""
    scp = Scp()
    stage, requestor = start(scp, ["verification"], flexible=True)
    tasks = [stage.start(requestor.store(Items(20))), *(stage.start(requestor.echo()) for _ in range(5))]
    stage.until(lambda: all(task.done for task in tasks))
    assert tasks[0].outcome().ok
    assert [task.outcome() for task in tasks[1:]] == [Status.SUCCESS] * 5


def test_an_abort_ends_what_is_being_opened_and_a_release_waits_for_it() -> None:
    """No association is left behind by whoever ends them all."""
    stage, requestor = start(Scp(), many(200))
    task = stage.start(requestor.n_delete(private(199), "1.2.3"))
    stage.until(lambda: len(stage.sessions) == 2)
    requestor.abort()
    stage.rest()
    with pytest.raises(AssociationAborted):
        task.outcome()
    stage, requestor = start(Scp(), many(200))
    task = stage.start(requestor.n_delete(private(199), "1.2.3"))
    stage.run(requestor.release())
    assert task.done
    assert all(session.over for session in stage.sessions)


def test_a_replacement_that_was_left_harms_nobody() -> None:
    """Ctrl-C in the middle of the release: what follows goes on from there."""
    for moments in range(6):
        scp = Scp()
        stage, requestor = start(scp, many(200), stage=Stage(scp, latency=0.1))
        task = stage.start(requestor.n_delete(private(199), "1.2.3"))
        stage.advance(moments * 0.1)
        task.leave()
        assert stage.run(requestor.echo()) == Status.SUCCESS
        assert len(requestor.standing) == 1
        stage.run(requestor.release())
        assert all(session.over for session in stage.sessions)


def test_a_find_left_on_the_first_association_ends_with_it() -> None:
    """Nobody is at it; its iterator says so."""
    scp = Scp(find=until_cancelled)
    names = [*wanted(["study-root-find"]), *many(200)]
    stage, requestor = start(scp, names)
    find: Find = stage.run(requestor.find("STUDY", {}))
    stage.run(find.next())
    stage.run(requestor.n_delete(private(199), "1.2.3"))
    assert len(scp.cancels) == 1
    assert len(requestor.sessions) == 1
    with pytest.raises(StateError):
        stage.run(find.next())


def test_an_association_that_could_not_be_opened_may_be_tried_again() -> None:
    """The peer was away; that it has the class is still not known."""
    scp = Scp()
    stage, requestor = start(scp, many(200))
    stage.refuse_connections = True
    with pytest.raises(ConnectFailed):
        stage.run(requestor.n_delete(private(199), "1.2.3"))
    assert not requestor.established
    stage.refuse_connections = False
    assert stage.run(requestor.n_delete(private(199), "1.2.3")).status == Status.SUCCESS
    assert stage.run(requestor.echo()) == Status.SUCCESS


def test_what_the_peer_refused_whole_is_not_asked_for_again() -> None:
    """And the error tells that it was proposed."""
    served: dict[str, None] = dict.fromkeys([VERIFICATION, *(private(n) for n in range(127))])
    scp = Scp(Policy(abstract_syntaxes=served))
    stage, requestor = start(scp, many(200))
    with pytest.raises(ContextRefused):
        stage.run(requestor.n_delete(private(199), "1.2.3"))
    for _ in range(3):
        with pytest.raises(ContextRefused, match="proposed, but refused") as caught:
            stage.run(requestor.n_delete(private(198), "1.2.3"))
        assert caught.value.proposed
        stage.run(requestor.echo())
    assert len(scp.asked) == 3


def test_one_class_in_several_associations_is_looked_for_in_each_once() -> None:
    """More contexts of one class than an association holds, and none that fits: that ends, too."""
    syntaxes = [Wanted(CT_IMAGE_STORAGE, (UID(f"1.2.3.{number}"),)) for number in range(200)]
    accepted = {CT_IMAGE_STORAGE: [f"1.2.3.{number}" for number in range(200)]}
    scp = Scp(Policy(abstract_syntaxes=accepted))
    stage, requestor = start(scp, syntaxes)
    items = Items(
        [Item(0, syntax="1.2.3.0"), Item(1, syntax="1.2.3.199"), Item(2, syntax=JPEG), Item(3, syntax="1.2.3.5")]
    )
    report = stage.run(requestor.store(items))
    assert [result.outcome for result in report] == [Outcome.STORED, Outcome.STORED, Outcome.FAILED, Outcome.STORED]
    # For the first; the second; the third, which looks at both once more; and the last, which comes back to the first.
    assert len(scp.asked) == 5


# Why there is no context.


@pytest.mark.parametrize(
    ("sop_class", "proposed", "words"),
    [
        ("CTImageStorage", True, "was proposed, but refused: the SOP class is not supported"),
        ("MRImageStorage", False, "was not proposed in this association"),
    ],
)
def test_a_missing_context_says_whether_it_was_proposed(sop_class: str, proposed: bool, words: str) -> None:
    """Whose fault it is decides what to do about it."""
    scp = Scp(Policy(abstract_syntaxes={VERIFICATION: None}))
    stage, requestor = start(scp, ["verification", "CTImageStorage"])
    with pytest.raises(ContextRefused, match=words) as caught:
        stage.run(requestor.n_delete(sop_class, "1.2.3"))
    assert caught.value.proposed == proposed


def test_a_context_without_the_role_says_so() -> None:
    """N-EVENT-REPORT is sent by the SCP, and that role has to be granted."""
    stage, requestor = start(Scp(), ["storage-commitment"])
    with pytest.raises(ContextRefused, match="without the SCP role"):
        stage.run(requestor.n_event_report("StorageCommitmentPushModel", "1.2", 1, None))


def test_an_event_report_goes_out_in_the_scp_role() -> None:
    """Offered by us and granted by the peer."""
    scp = Scp()
    stage, requestor = start(scp, ["storage-commitment"], settings={"roles": {"storage-commitment": "both"}})
    assert stage.run(requestor.n_event_report("StorageCommitmentPushModel", "1.2", 1, None)).status == 0
    assert isinstance(scp.commands[0], NEventReportRequest)


def test_a_lost_association_is_what_every_operation_says() -> None:
    """Not that a context was refused."""
    stage, requestor = start(Scp(), ["verification", "CTImageStorage"])
    stage.hang_up(stage.peer)
    stage.rest()
    for script in (requestor.echo(), requestor.store(Items(1)), requestor.n_delete("MRImageStorage", "1.2")):
        with pytest.raises(ConnectionLost):
            stage.run(script)


# Instances.


def test_a_flexible_requestor_proposes_what_instances_need() -> None:
    """On an association of its own, with all that came so far; the first is opened again for what it alone has."""
    scp = Scp()
    stage, requestor = start(scp, ["verification"], flexible=True)
    items = Items([Item(0), Item(1, sop_class=MR_IMAGE_STORAGE), Item(2), Item(3, syntax=JPEG), Item(4)])
    report: StoreReport = stage.run(requestor.store(items))
    assert report.ok
    assert len(scp.asked) <= 4  # each kind once at most, and none in turns
    proposed = {(one.abstract_syntax, one.transfer_syntaxes[0]) for one in scp.asked[-1].contexts}
    assert {(CT_IMAGE_STORAGE, EXPLICIT_LE), (MR_IMAGE_STORAGE, EXPLICIT_LE), (CT_IMAGE_STORAGE, JPEG)} <= proposed
    stage.run(requestor.echo())
    assert scp.asked[-1].contexts[0].abstract_syntax == VERIFICATION
    assert items.all_closed()


def test_what_may_be_decoded_finds_a_way_on_its_own() -> None:
    """A peer that takes nothing compressed gets it uncompressed, though no other instance is."""
    scp = Scp(Policy(abstract_syntaxes={VERIFICATION: None, CT_IMAGE_STORAGE: [EXPLICIT_LE]}))
    stage, requestor = start(scp, ["verification"], flexible=True)
    item = Item(0, syntax=JPEG)
    report = stage.run(requestor.store(Items([item]), decode=True))
    assert report.ok
    assert item.asked == [f"decoded to {EXPLICIT_LE}"]
    assert len(scp.asked) == 2


def test_a_kind_that_the_peer_does_not_take_is_asked_for_once() -> None:
    """However many instances of it there are among the others."""
    scp = Scp(Policy(abstract_syntaxes={VERIFICATION: None, CT_IMAGE_STORAGE: None}))
    stage, requestor = start(scp, ["verification"], flexible=True)
    items = Items([Item(n, sop_class=(CT_IMAGE_STORAGE, MR_IMAGE_STORAGE)[n % 2]) for n in range(10)])
    report = stage.run(requestor.store(items))
    assert [result.outcome for result in report] == [Outcome.STORED, Outcome.FAILED] * 5
    assert len(scp.asked) <= 3


def test_what_was_accepted_once_is_opened_again_after_another_operation() -> None:
    """The echo has replaced the association; what the peer refused is not asked for a second time."""
    taken = {VERIFICATION: None, CT_IMAGE_STORAGE: [JPEG]}
    scp = Scp(Policy(abstract_syntaxes=taken, max_pdu_length=16384))
    stage, requestor = start(scp, ["verification"], flexible=True)
    kinds = [Item(0, syntax=JPEG), Item(1, sop_class=MR_IMAGE_STORAGE)]
    for _ in range(3):
        report = stage.run(requestor.store(Items(kinds)))
        assert [result.outcome for result in report] == [Outcome.STORED, Outcome.FAILED]
        assert stage.run(requestor.echo()) == Status.SUCCESS
    asked = [{one.abstract_syntax for one in request.contexts} for request in scp.asked]
    assert sum(MR_IMAGE_STORAGE in one for one in asked) == 1


def test_a_peer_that_cannot_be_reached_is_tried_once_by_each_store() -> None:
    """Not by each instance; the next store tries again."""
    stage, requestor = start(Scp(), ["verification"], flexible=True)
    for kind in (EXPLICIT_LE, JPEG):
        stage.refuse_connections = True
        report = stage.run(requestor.store(Items([Item(n, syntax=kind) for n in range(3)])))
        assert [type(result.error) for result in report] == [ConnectFailed] * 3
        stage.refuse_connections = False
        assert stage.run(requestor.store(Items([Item(n, syntax=kind) for n in range(3)]))).ok
        stage.run(requestor.echo())


def test_a_peer_that_takes_no_kind_at_all_ends_no_store() -> None:
    """Each instance fails, with its reason."""
    scp = Scp(Policy(abstract_syntaxes={VERIFICATION: None}))
    stage, requestor = start(scp, ["verification"], flexible=True)
    report = stage.run(requestor.store(Items(3)))
    assert [result.outcome for result in report] == [Outcome.FAILED] * 3
    assert "accepted no presentation context" in report.results[0].detail
    assert len(scp.asked) == 2


def test_a_rigid_requestor_proposes_nothing_else() -> None:
    """What the caller listed is what there is."""
    scp = Scp()
    stage, requestor = start(scp, ["CTImageStorage"])
    report = stage.run(requestor.store(Items([Item(0), Item(1, sop_class=MR_IMAGE_STORAGE)])))
    assert [result.outcome for result in report] == [Outcome.STORED, Outcome.FAILED]
    assert len(scp.asked) == 1


def test_an_association_that_cannot_be_opened_fails_the_instance_that_needed_it() -> None:
    """With the reason; those that have a way are sent."""

    class Once(Scp):
        def associate(self, session: Any, request: Any) -> None:
            super().associate(session, request)
            stage.refuse_connections = len(self.asked) == 1

    scp = Once()
    stage, requestor = start(scp, ["verification"], flexible=True, open_it=False)
    scp.stage = stage
    stage.run(requestor.open())
    report = stage.run(requestor.store(Items(1)))
    assert isinstance(report.results[0].error, ConnectFailed)


def test_an_instance_that_cannot_be_read_after_all_fails_alone() -> None:
    """Its association was opened for it, and stays for the others."""
    stage, requestor = start(Scp(), ["verification"], flexible=True)
    told: list[Outcome] = []
    items = Items([Failing(0, in_the_middle=False), Item(1)])
    report = stage.run(requestor.store(items, on_result=lambda result: told.append(result.outcome)))
    assert [result.outcome for result in report] == told == [Outcome.FAILED, Outcome.STORED]
    assert report.results[0].detail == "the disk is gone"


# Operations.


def test_a_find_is_built_from_its_keys() -> None:
    """Level, model, and what is to be returned."""
    scp = Scp(find=lambda inbound, _: inbound.respond(Status.SUCCESS))
    stage, requestor = start(scp, ["study-root-find", "patient-root-find"])
    stage.run(requestor.find("study", {"PatientID": "1*"}, returning=["StudyDescription"]))
    stage.run(requestor.find("PATIENT", {}))
    stage.rest()
    first, second = scp.commands
    assert isinstance(first, CFindRequest)
    assert first.affected_sop_class_uid == STUDY_ROOT_FIND
    assert second.affected_sop_class_uid == "1.2.840.10008.5.1.4.1.2.1.1"
    identifier = decoded(scp.data[0])
    assert (identifier.QueryRetrieveLevel, identifier.PatientID) == ("STUDY", "1*")
    assert "StudyDescription" in identifier


@pytest.mark.parametrize("agreed", [True, False])
def test_relational_queries_need_an_agreement(agreed: bool) -> None:
    """PS3.4 C.5.1.1: without one the keys of the levels above must be there."""
    scp = Scp(
        Policy(extended=lambda item: item if agreed else None, max_pdu_length=16384),
        find=lambda inbound, _: inbound.respond(Status.SUCCESS),
    )
    item = ExtendedNegotiation(StudyRootQueryRetrieveInformationModelFind, b"\1")
    stage, requestor = start(scp, ["study-root-find"], settings={"extended": [item]})
    if agreed:
        stage.run(requestor.find("SERIES", {"Modality": "CT"}))
        return
    with pytest.raises(InvalidValue):
        stage.run(requestor.find("SERIES", {"Modality": "CT"}))


@pytest.mark.parametrize(
    ("service", "syntax"),
    [
        ("ups-pull", UnifiedProcedureStepPull),
        ("ups-watch", UnifiedProcedureStepWatch),
        ("ups-push", UnifiedProcedureStepPush),
        ("ups", UnifiedProcedureStepPush),
    ],
)
def test_messages_about_procedure_steps_name_the_push_class_in_any_context(service: str, syntax: str) -> None:
    """PS3.4 CC.3.1: the name chooses the context, and the class of every procedure step is one."""
    scp = Scp()
    stage, requestor = start(scp, ["ups"])
    stage.run(requestor.n_action(service, "1.2.3", 1, None))
    (inbound,) = scp.requests
    assert (inbound.context.abstract_syntax, scp.commands[0].sop_class_uid) == (syntax, UnifiedProcedureStepPush)


def test_a_procedure_step_has_a_uid_of_ours() -> None:
    """PS3.4 CC.2.5.2 and F.7.2.1 leave it to who has it made."""
    scp, services = Scp(), ["mpps", "ups-push"]
    stage, requestor = start(scp, services)
    for service in services:
        stage.run(requestor.n_create(service, None, {"PatientID": "1"}))
    assert all(command.sop_instance_uid for command in scp.commands)


@pytest.mark.parametrize("offered", [None, b"\0\1"])
def test_relational_queries_that_were_not_offered_are_not_agreed_on(offered: bytes | None) -> None:
    """A peer that answers what nobody asked changes nothing (PS3.7 D.3.3.5)."""
    scp = Scp(find=lambda inbound, _: inbound.respond(Status.SUCCESS))
    items = [] if offered is None else [ExtendedNegotiation(StudyRootQueryRetrieveInformationModelFind, offered)]
    stage, requestor = start(scp, ["study-root-find"], settings={"extended": items})
    session = requestor.session
    accept = session.accept_pdu
    assert accept is not None
    answer = ExtendedNegotiation(StudyRootQueryRetrieveInformationModelFind, b"\1\1")
    accept = replace(accept, user_information=replace(accept.user_information, extended=(answer,)))
    session.accept_pdu, session.terms = accept, conclude(session.request, accept, requestor=True)
    with pytest.raises(InvalidValue, match="StudyInstanceUID is missing"):
        stage.run(requestor.find("SERIES", {"Modality": "CT"}))


def test_a_tolerance_asks_relationally_without_an_agreement(caplog: pytest.LogCaptureFixture) -> None:
    """Keys of the levels above may be missing; each association says so once, and only when it happens."""
    caplog.set_level(logging.INFO, "dicomnet.association")
    scp = Scp(**{verb: lambda inbound, _: inbound.respond(Status.SUCCESS) for verb in ("find", "get", "move")})
    services = ["study-root-find", "study-root-get", "study-root-move"]
    stage, requestor = start(scp, services, settings={"tolerance": Tolerance(relational_queries=True)})
    stage.run(requestor.find("STUDY", {"StudyInstanceUID": "1.2"}))
    stage.rest()
    assert "without the keys" not in caplog.text
    stage.run(requestor.find("SERIES", {"Modality": "CT"}))
    stage.run(requestor.move("ELSEWHERE", {"SeriesInstanceUID": "1.2"}))
    stage.run(requestor.get(None, {"SOPInstanceUID": "1.2.3"}))
    assert [decoded(data).QueryRetrieveLevel for data in scp.data] == ["STUDY", "SERIES", "SERIES", "IMAGE"]
    assert caplog.text.count("without the keys of the levels above (tolerated)") == 1
    with pytest.raises(InvalidValue, match="nonsense"):
        stage.run(requestor.find("SERIES", {"nonsense": 1}))


def test_every_operation_finds_its_way() -> None:
    """By the names that people give."""
    scp = Scp(
        n_get=lambda inbound, _: inbound.respond(Status.SUCCESS, b"\x10\x00\x20\x00LO\x02\x001 "),
        get=lambda inbound, _: inbound.respond(Status.SUCCESS),
        move=lambda inbound, _: inbound.respond(Status.SUCCESS),
    )
    stage, requestor = start(
        scp, ["verification", "study-root-get", "study-root-move", "mpps", "mpps-retrieve", "CTImageStorage"]
    )
    mpps, keys = "ModalityPerformedProcedureStep", {"StudyInstanceUID": "1.2"}
    assert stage.run(requestor.echo()) == Status.SUCCESS
    assert stage.run(requestor.store(Items(1))).ok
    assert stage.run(requestor.get(None, keys)).ok
    assert stage.run(requestor.move("ELSEWHERE", keys)).ok
    assert stage.run(requestor.n_create(mpps, "1.2", None)).status == 0
    assert stage.run(requestor.n_set(mpps, "1.2", dataset(PatientID="1"))).status == 0
    answer = stage.run(requestor.n_get("ModalityPerformedProcedureStepRetrieve", "1.2", ["PatientID", 0x00100010]))
    assert answer.dataset.PatientID == "1"
    assert stage.run(requestor.n_action(mpps, "1.2", 1, None)).status == 0
    verbs = [command.name for command in scp.commands]
    assert verbs == [
        "C-ECHO-RQ", "C-STORE-RQ", "C-GET-RQ", "C-MOVE-RQ", "N-CREATE-RQ", "N-SET-RQ", "N-GET-RQ", "N-ACTION-RQ",
    ]  # fmt: skip
    assert scp.commands[6].attribute_identifier_list == (0x00100020, 0x00100010)  # type: ignore[attr-defined]


def test_a_commit_waits_for_its_result() -> None:
    """A requestor that nobody lent a server hears of it here, or not at all."""
    stage, requestor = start(Scp(), ["storage-commitment"])
    refs = [InstanceRef(CT_IMAGE_STORAGE, UID("1.2.3"))]
    with pytest.raises(DicomTimeout):
        stage.run(requestor.commit(refs, timeout=10.0))


@pytest.mark.parametrize("to", ["", "THIS TITLE IS TOO LONG", "back\\slash"])
def test_a_destination_that_is_no_title_is_refused(to: str) -> None:
    """Before anything is sent."""
    scp = Scp()
    stage, requestor = start(scp, ["study-root-move"])
    with pytest.raises(InvalidValue, match="move destination"):
        stage.run(requestor.move(to, {"StudyInstanceUID": "1.2"}))
    assert not scp.requests


def test_waiting_ends_with_the_association_or_with_the_time() -> None:
    """It says which."""
    stage, requestor = start(Scp(), ["verification"])
    began = stage.now
    assert stage.run(requestor.wait(5.0)) is False
    assert stage.now - began == pytest.approx(5.0)
    task = stage.start(requestor.wait())
    stage.peer.release()
    stage.rest()
    assert task.outcome() is True


# Releasing.


def test_a_release_settles_what_was_left_first() -> None:
    """The peer ends in order, and so do we."""
    scp = Scp(find=until_cancelled)
    stage, requestor = start(scp, ["study-root-find"])
    find = stage.run(requestor.find("STUDY", {}))
    stage.run(find.next())
    stage.run(requestor.release())
    assert len(scp.cancels) == 1
    assert stage.sessions[0].error is None
    assert stage.sessions[0].closed_down


def mute(stage: Stage, requestor: Requestor) -> None:
    """Nothing that the peer writes arrives any more."""
    stage.peers[0].outgoing.silent = True


def gone(stage: Stage, requestor: Requestor) -> None:
    stage.hang_up(stage.peer)


def aborting(stage: Stage, requestor: Requestor) -> None:
    stage.peer.abort()


def aborted(stage: Stage, requestor: Requestor) -> None:
    requestor.abort()


def released(stage: Stage, requestor: Requestor) -> None:
    stage.run(requestor.release())


def left(stage: Stage, requestor: Requestor) -> None:
    """A release that was broken off."""
    stage.start(requestor.release()).leave()


@pytest.mark.parametrize("before", [mute, gone, aborting, aborted, released, left])
@pytest.mark.parametrize("at_rest", [True, False])
def test_a_release_never_raises(before: Any, at_rest: bool) -> None:
    """Whatever the peer does or has done, afterwards there is no association."""
    stage, requestor = start(Scp(), ["verification"])
    before(stage, requestor)
    if at_rest:
        stage.rest()
    stage.run(requestor.release())
    assert not requestor.established
    stage.advance(60)
    assert stage.sessions[0].closed_down


def test_a_release_that_a_left_find_holds_up_ends_in_an_abort(caplog: pytest.LogCaptureFixture) -> None:
    """The peer ignores the cancel; the log tells."""
    caplog.set_level(logging.WARNING, "dicomnet.association")

    def deaf(inbound: Inbound, _: bytes | None) -> Script[None]:
        while not inbound.session.over:
            inbound.respond(Status.PENDING, A_MATCH)
            yield Pause(1.0)

    stage, requestor = start(Scp(find=deaf), ["study-root-find"])
    find = stage.run(requestor.find("STUDY", {}))
    stage.run(find.next())
    stage.run(requestor.release())
    stage.rest()
    assert isinstance(stage.peer.error, AssociationAborted)
    assert any("could not be released" in record.getMessage() for record in caplog.records)


# Pure.


def test_levels_and_models_name_a_query() -> None:
    """The study root unless it is about patients."""
    assert query_class("STUDY", None) == (STUDY_ROOT_FIND, "STUDY")
    assert query_class("patient", None)[0] == "1.2.840.10008.5.1.4.1.2.1.1"
    assert query_class("series", "patient-root")[0] == "1.2.840.10008.5.1.4.1.2.1.1"
    assert query_class("worklist", None) == ("1.2.840.10008.5.1.4.31", None)
    with pytest.raises(InvalidValue, match="no level"):
        query_class("worklist", "study-root")
    with pytest.raises(InvalidValue):
        query_class("nonsense", None)


def test_a_name_of_several_classes_is_not_one() -> None:
    """The caller has to choose."""
    assert one_class("verification") == Verification
    with pytest.raises(InvalidValue, match="say which one"):
        one_class("storage")


def test_keys_are_given_in_one_way_or_the_other() -> None:
    """Mappings may be mixed; a data set stands alone."""
    identifier = dataset(PatientID="1")
    assert merged_keys(None, {"PatientID": "2"}) == {"PatientID": "2"}
    assert merged_keys({"PatientID": "1"}, {"PatientName": "A"}) == {"PatientID": "1", "PatientName": "A"}
    assert merged_keys(identifier, {}) is identifier
    with pytest.raises(InvalidValue, match="not both"):
        merged_keys(identifier, {"PatientID": "2"})


def test_with_a_get_storage_classes_are_wanted_in_both_roles() -> None:
    """PS3.4 C.5.3; without one they stay as they are."""
    plain = wanted(["CTImageStorage"])
    assert wanted_for_retrieve(plain) == plain
    both = wanted_for_retrieve([*plain, *wanted(["study-root-get"])])
    assert [(one.scu, one.scp) for one in both if one.abstract_syntax == CT_IMAGE_STORAGE] == [(True, True)] * 2
    assert [(one.scu, one.scp) for one in both if one.abstract_syntax != CT_IMAGE_STORAGE] == [(True, False)]
    assert IMPLICIT_LE in both[1].transfer_syntaxes
