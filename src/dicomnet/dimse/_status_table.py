"""Words for the statuses: those of PS3.7 Annex C, and per service those of PS3.4.

Codes are written as in the standard, an ``x`` standing for any digit; a code
that is written out goes before a range around it. Which category a code has is
not said here: that is a matter of ranges (``Status.category``).
"""

from __future__ import annotations

# PS3.7 C.1 to C.5. These belong to PS3.7; no service may give them another meaning, though some say more.
GENERAL: dict[str, str] = {
    "0000": "success",
    "0105": "no such attribute",
    "0106": "invalid attribute value",
    "0107": "done, but some attributes were not recognized",
    "0110": "processing failure",
    "0111": "duplicate SOP instance: the UID is in use",
    "0112": "no such SOP instance",
    "0113": "no such event type",
    "0114": "no such argument",
    "0115": "invalid argument value",
    "0116": "done, but an attribute value is out of range",
    "0117": "invalid SOP instance: its UID breaks the rules for UIDs",
    "0118": "no such SOP class",
    "0119": "class-instance conflict: the instance is not of that SOP class",
    "0120": "a required attribute is missing",
    "0121": "a required attribute has no value",
    "0122": "refused: SOP class not supported",
    "0123": "no such action type",
    "0124": "refused: not authorized",
    "0210": "duplicate invocation: the message ID is in use",
    "0211": "unrecognized operation, or one not agreed on",
    "0212": "mistyped argument: a parameter not agreed on for this association",
    "0213": "resource limitation",
    "FE00": "canceled",
}

# What most services mean, for when nobody says which one it was.
COMMON: dict[str, str] = {
    "0001": "done, but optional attributes asked for are not supported",
    "0131": "duplicate transaction UID",
    "A700": "refused: out of resources",
    "A701": "refused: cannot calculate the number of matches",
    "A702": "refused: cannot perform the sub-operations",
    "A7xx": "refused: out of resources",
    "A801": "refused: move destination unknown",
    "A9xx": "data set does not match the SOP class",
    "B000": "done, but with coerced elements or failed sub-operations",
    "B006": "stored, but elements were discarded",
    "B007": "stored, but the data set does not match the SOP class",
    "Cxxx": "cannot understand or process",
    "FF00": "pending",
    "FF01": "pending, but optional keys are not supported",
}

_FIND: dict[str, str] = {
    "A700": "refused: out of resources",
    "A900": "the identifier does not match the SOP class",
    "Cxxx": "unable to process",
    "FE00": "matching ended by a cancel",
    "0000": "matching complete",
    "FF00": "a match; all optional keys were treated like required ones",
    "FF01": "a match; some optional keys are not supported",
}

_GET: dict[str, str] = {
    "A701": "refused: cannot calculate the number of matches",
    "A702": "refused: cannot perform the sub-operations",
    "A900": "the identifier does not match the SOP class",
    "Cxxx": "unable to process",
    "FE00": "sub-operations ended by a cancel",
    "B000": "sub-operations complete, one or more failed or gave a warning",
    "0000": "sub-operations complete, none failed",
    "FF00": "sub-operations go on",
}

_MOVE: dict[str, str] = {**_GET, "A801": "refused: move destination unknown"}

# PS3.4 Y.4: retrieving frames of an instance or a new instance made from it.
_FRAMES: dict[str, str] = {
    "AA00": "the instance has none of the frames asked for",
    "AA01": "cannot make the new object for this SOP class",
    "AA02": "cannot extract the frames",
    "AA03": "a time range was asked of an instance that has no times",
    "AA04": "invalid request",
}

_OPTIONAL_NOT_SUPPORTED: dict[str, str] = {"0001": "optional attributes asked for are not supported"}

_IMAGE_FITTING: dict[str, str] = {
    "B604": "the image is larger than the image box and was shrunk",
    "B609": "the image is larger than the image box and was cropped",
    "B60A": "the image, or the combined print image, is larger than the image box and was decimated",
    "C603": "the image is larger than the image box",
    "C613": "the combined print image is larger than the image box",
}

_DENSITY: dict[str, str] = {"B605": "the densities asked for are outside the printer's range; its limits were used"}

# Per service class, then per operation. Where a service has several kinds of one
# operation, a word before or after it tells them apart.
SERVICES: dict[str, dict[str, dict[str, str]]] = {
    # PS3.4 A
    "verification": {"C-ECHO": {"0000": "alive"}},
    # PS3.4 B.2.3
    "storage": {
        "C-STORE": {
            "A7xx": "refused: out of resources",
            "A9xx": "the data set does not match the SOP class",
            "Cxxx": "cannot understand",
            "B000": "stored, but elements were coerced",
            "B006": "stored, but elements were discarded",
            "B007": "stored, but the data set does not match the SOP class",
            "0000": "stored",
        }
    },
    # PS3.4 GG.4.2
    "non_patient_object_storage": {
        "C-STORE": {
            "A700": "refused: out of resources",
            "A900": "the data set does not match the SOP class",
            "C000": "cannot understand",
            "0000": "stored",
        }
    },
    # PS3.4 C.4.1.1.4, C.4.2.1.5, C.4.3.1.4
    "query_retrieve": {"C-FIND": _FIND, "C-MOVE": _MOVE, "C-GET": _GET},
    # PS3.4 C.6.4
    "repository_query": {
        "C-FIND": {
            **_FIND,
            "A710": "the Prior Record Key (0008,041C) is not valid",
            "B001": "matching ended at the limit of responses; a Prior Record Key asks for more",
        }
    },
    # PS3.4 Y.4.1, Y.4.2
    "composite_instance_root_retrieve": {"C-MOVE": {**_MOVE, **_FRAMES}, "C-GET": {**_GET, **_FRAMES}},
    # PS3.4 Z.4.2.1.4
    "composite_instance_retrieve_without_bulk_data": {"C-GET": _GET},
    # PS3.4 K.4.1.1.4
    "basic_worklist": {"C-FIND": _FIND},
    # PS3.4 Q.2.1.1.4
    "relevant_patient_information_query": {
        "C-FIND": {
            "A700": "refused: out of resources",
            "A900": "the identifier does not match the SOP class",
            "C000": "unable to process",
            "C100": "more than one match",
            "C200": "the template asked for is not supported",
            "FE00": "matching ended by a cancel",
            "0000": "complete",
            "FF00": "the match",
        }
    },
    # PS3.4 V.4.1.1.4
    "substance_administration_query": {"C-FIND": _FIND},
    # PS3.4 F.7.2.2.4, F.8.2.1.4
    "modality_performed_procedure_step": {
        "N-SET": {"0110": "the step is COMPLETED or DISCONTINUED and may no longer be updated"},
        "N-GET": _OPTIONAL_NOT_SUPPORTED,
        "N-CREATE": {},
        "N-EVENT-REPORT": {},
    },
    # PS3.4 J.3.2.1.4, J.3.3.1.4
    "storage_commitment": {"N-ACTION": {}, "N-EVENT-REPORT": {}},
    # PS3.4 R.3
    "instance_availability_notification": {"N-CREATE": {}},
    # PS3.4 CC.2
    "unified_procedure_step": {
        "N-ACTION change state": {
            "0000": "the state was changed",
            "B304": "already CANCELED",
            "B306": "already COMPLETED",
            "C300": "the step may no longer be updated",
            "C301": "the right Transaction UID was not given",
            "C302": "already IN PROGRESS",
            "C303": "only N-CREATE makes a step SCHEDULED",
            "C304": "what the final state requires is not there yet",
            "C307": "no such step here",
            "C310": "not yet IN PROGRESS",
        },
        "N-ACTION request cancel": {
            "0000": "the wish to cancel was taken note of",
            "B304": "already CANCELED",
            "C307": "no such step here",
            "C311": "already COMPLETED",
            "C312": "the performer cannot be reached",
            "C313": "the performer chooses not to cancel",
        },
        "N-ACTION subscribe/unsubscribe/suspend": {
            "0000": "the subscription was changed",
            "B301": "no deletion lock was given",
            "C307": "no such step here, or filtered global subscriptions are not supported",
            "C308": "the receiving AE title is unknown",
            "C314": "the action does not suit this instance",
            "C315": "event reports are not supported",
        },
        "N-CREATE": {
            "0000": "created",
            "B300": "created with modifications",
            "C309": "the state given was not SCHEDULED",
        },
        "N-SET": {
            "0000": "modified",
            **_OPTIONAL_NOT_SUPPORTED,
            "B305": "invalid values were coerced to valid ones",
            "C300": "the step may no longer be updated",
            "C301": "the right Transaction UID was not given",
            "C307": "no such step here",
            "C310": "not IN PROGRESS",
        },
        "N-GET": {**_OPTIONAL_NOT_SUPPORTED, "C307": "no such step here"},
        "C-FIND": _FIND,
    },
    # PS3.4 H.4
    "print_management": {
        "film session N-CREATE": {"0000": "created", "B600": "created; memory allocation is not supported"},
        "film session N-ACTION": {
            "0000": "accepted for printing",
            "B601": "accepted; printing the session as one is not supported",
            "B602": "accepted; a film box has no images (empty page)",
            **_IMAGE_FITTING,
            "C600": "the film session has no film boxes",
            "C601": "no print job: the queue is full",
        },
        "film box N-CREATE": {
            "0000": "created",
            **_DENSITY,
            "C616": "the film box before is not printed yet, and printing a session as one is not supported",
        },
        "film box N-ACTION": {
            "0000": "accepted for printing",
            "B603": "accepted; the film box has no images (empty page)",
            **_IMAGE_FITTING,
            "C602": "no print job: the queue is full",
        },
        "image box N-SET": {
            "0000": "stored in the image box",
            **_IMAGE_FITTING,
            **_DENSITY,
            "C605": "the printer's memory is too small",
        },
        "presentation LUT N-CREATE": {"0000": "created", **_DENSITY},
        "retired image box N-SET": {
            "C604": "two images at one position",
            "C606": "more than one VOI LUT box",
        },
    },
    # PS3.4 S.3.2
    "media_creation_management": {
        "N-ACTION initiate": {"A510": "the creation of this media was already initiated"},
        "N-ACTION cancel": {
            "C201": "already completed",
            "C202": "in progress and cannot be interrupted",
            "C203": "cancellation denied",
        },
        "N-GET": _OPTIONAL_NOT_SUPPORTED,
    },
    # PS3.4 P.2.2.4, P.3.2.4
    "application_event_logging": {
        "N-ACTION procedural": {
            "0000": "logged",
            "B101": "logged; the synchronization frame of reference is another",
            "B102": "logged under another Study Instance UID",
            "B104": "logged, although IDs contradict each other",
            "C101": "no procedure log is kept for this study",
            "C102": "the event does not follow its template",
            "C103": "fits no current study",
            "C104": "not logged: IDs contradict each other",
        },
        "N-ACTION substance": {
            "0000": "logged",
            "C10E": "the operator is not authorized",
            "C110": "the patient cannot be identified",
            "C111": "the record could not be updated",
        },
    },
    # PS3.4 DD.3.2
    "rt_machine_verification": {
        "N-CREATE": {
            "0000": "created",
            "C221": "the plan has no such fraction group",
            "C222": "the fraction group has no beams",
            "C223": "this peer is verifying already",
            "C227": "no such RT plan",
        },
        "N-SET": {
            "0000": "updated",
            "C224": "the fraction group has no such beam",
            "C225": "device or accessory not supported",
            "C226": "the beam has no such device or accessory",
        },
        "N-GET": {"0000": "returned", "C112": "no such machine verification"},
        "N-ACTION": {"0000": "verification started", "C112": "no such machine verification"},
    },
    # PS3.4 KK.2.2.3
    "storage_management": {
        "N-ACTION": {
            "B010": "accepted, but some key attributes are not supported",
            "0212": "character set, matching or inventory level not supported",
        }
    },
}

# The service an operation belongs to unless somebody says otherwise. The
# N-services share their operations too evenly for such a guess.
USUAL_SERVICE: dict[str, str] = {
    "C-ECHO": "verification",
    "C-STORE": "storage",
    "C-FIND": "query_retrieve",
    "C-GET": "query_retrieve",
    "C-MOVE": "query_retrieve",
}
