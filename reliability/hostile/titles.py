"""Titles and UIDs that would like to be paths, log lines, terminal codes or options of a command.

Titles are names to us, never paths, so nearly all are taken. Instances are
kept under their UID, and under a digest of it where it is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from reliability.hostile.case import TAKE, Case, case
from reliability.hostile.wire import ROOT, identity, said, stored, within
from tests.raw import CT_IMAGE_STORAGE, RELEASE_RQ, associate, command, even, p_data, pdv

NAMES: dict[str, bytes] = {
    "NUL inside": b"A\0B",
    "control characters": bytes(range(1, 17)),
    "a line feed": b"A\nERROR made up",
    "a terminal code": b"\x1b[2J\x1b[31mA\x07",
    "a path upwards": b"../../../../etc",
    "an absolute path": b"/tmp/dicomnet-x",
    "a Windows path": b"C:\\WINDOWS\\x",
    "a device": b"CON",
    "an option": b"--help",
    "a format": b"%s%n{0.__dict__}",
    "a lookup": b"${jndi:ldap://x}",
    "a command": b"$(id)`id`;id|id",
    "bytes outside ASCII": b"\xff\xfe\xc0\xaf\xe2\x80\xae",
    "another direction of writing": "a\u202eb".encode(),
    "a wildcard": b"*",
}

LONGER: dict[str, bytes] = {
    "a long path upwards": b"../" * 20 + b"tmp/dicomnet-was-here",
    "65 digits": b"1." + b"2" * 63,
    "256 digits": b"1." + b"2" * 254,
    "4,000 digits": b"1." + b"2" * 3998,
    "digits and a path": b"1.2.3/../../x",
    "digits and NUL": b"1.2.3\0/../x",
    "two UIDs": b"1.2.3\\1.2.4",
    "a leading zero and letters": b"01.2.abc",
    "dots": b"..",
    "one dot": b".",
    "a temporary file of ours": b".dicomnet.part",
    "spaces": b"    ",
    "nothing": b"",
}

KEPT, NAMELESS, OTHER = "accept, 0000", "accept, C000", "accept, A900"
# Of several values the first one counts in a command; in a data set all do, and of a long one the beginning.


def _titles() -> Iterator[Case]:
    for what, name in NAMES.items():
        why = "a title is a name, and no path or line is made of it"
        yield case(f"calling title: {what}", "accept, release", why, associate(calling=name[:16]), TAKE, RELEASE_RQ)
        yield case(f"called title: {what}", "accept, release", why, associate(called=name[:16]), TAKE, RELEASE_RQ)


def _instances() -> Iterator[Case]:
    for what, name in (NAMES | LONGER).items():
        sees = NAMELESS if not name.strip() else OTHER if b"\\" in name or len(name) > 256 else KEPT
        why = "it is kept, but under a digest of its name" if name.strip() else "it has no name at all"
        yield case(f"instance: {what}", sees, why, *within(stored(name, identity(name))))


CASES: list[Case] = [
    case("a blank calling title", "reject 1/1/3", "PS3.8 9.3.2", associate(calling=b"")),
    case("a blank called title", "reject 1/1/7", "PS3.8 9.3.2", associate(called=b"")),
    case("a calling title of NULs", "reject 1/1/3", "it is blank", associate(calling=bytes(16))),
    case("a called title of NULs", "reject 1/1/7", "it is blank", associate(called=bytes(16))),
    *_titles(),
    *_instances(),
    case(
        "a class with a path",
        "accept, 0122 or accept, A900",
        "it is not that of the context",
        *within(stored(ROOT + b"901", identity(ROOT + b"901"), sop_class=b"../../x")),
    ),
    case(
        "a move originator of control characters",
        "accept, 0000",
        "it is one more name",
        *within(
            p_data(
                pdv(
                    command(
                        (0x0002, even(CT_IMAGE_STORAGE)),
                        (0x0100, 1),
                        (0x0110, 2),
                        (0x0700, 0),
                        (0x0800, 0),
                        (0x1000, even(ROOT + b"902")),
                        (0x1030, b"../\n\x1b[31m\0 "),
                        (0x1031, 7),
                    ),
                    3,
                    3,
                ),
                pdv(identity(ROOT + b"902"), 3, 2),
            )
        ),
    ),
    case(
        "an echo of a class of control characters",
        "accept, 0122 or accept, 0000",
        "it is not that of the context",
        *within(said((0x0002, b"1.2\n\x1b[31m"), (0x0100, 0x30), (0x0110, 1), (0x0800, 0x0101))),
    ),
]
