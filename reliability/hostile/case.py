"""What a case is, and how the answers to it are told in words, so that a case and what came of it read alike.

    accept 0 3      an A-ASSOCIATE-AC and the results of its contexts (PS3.8 9.3.3.2); in a case "accept" alone is any
    reject 1/1/2    result, source and reason (9.3.4)
    abort 2/6       source and reason (9.3.8); 0/0 is the service user's
    release         an A-RELEASE-RP
    FF00            the status of a response (PS3.7 Annex C)
    alert           a record of TLS that is an alert
    hello           any other record of TLS

Behind the last of them the other side closes, if it has not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple


class Do(Enum):
    """What a peer does besides sending."""

    TAKE = "take a PDU"
    FINISH = "send the end of file"
    RESET = "reset the connection"


TAKE, FINISH, RESET = Do


class Case(NamedTuple):
    """One hostile peer."""

    name: str
    sees: str
    """All that comes back, in words with commas between them; where the standard leaves a choice, with "or"."""
    why: str
    """Why that is the answer, or what would go wrong with another."""
    steps: tuple[bytes | Do, ...]

    @property
    def sent(self) -> bytes:
        """All its bytes, without the pauses between them."""
        return b"".join(step for step in self.steps if isinstance(step, bytes))


def case(name: str, sees: str, why: str, *steps: bytes | Do) -> Case:
    """Reads better in tables."""
    return Case(name, sees, why, steps)


def matches(sees: str, words: list[str]) -> bool:
    """Whether what was seen is what a case allows."""
    return any(_same(one, words) for one in sees.split(" or "))


def bounds(sees: str) -> tuple[int, int]:
    """How many words come at least, and at most, that are PDUs."""
    counts = [sum(word not in RECORDS.values() for word in _listed(one)) for one in sees.split(" or ")]
    return min(counts), max(counts)


def words_of(heard: bytes) -> list[str]:
    """Tells bytes of the other side in words. What it says must be without fault: anything else is a word, too."""
    words: list[str] = []
    command = b""
    while heard:
        end = 6 + int.from_bytes(heard[2:6], "big")
        if heard[0] in RECORDS or len(heard) < 6 or len(heard) < end:
            return [*words, RECORDS.get(heard[0], f"broken {heard[:40].hex()}")]
        kind, body, heard = heard[0], heard[6:end], heard[end:]
        if kind == P_DATA:
            for control, data in _values(body):
                command += data if control & 1 else b""
                if control == 3:
                    words.append(f"{_status(command):04X}")
                    command = b""
        else:
            words.append(_TOLD[kind](body) if kind in _TOLD else f"PDU {kind}")
    return words


def _same(sees: str, words: list[str]) -> bool:
    listed = _listed(sees)
    return len(listed) == len(words) and all(
        one == word or (one == "accept" and word.startswith("accept ")) for one, word in zip(listed, words, strict=True)
    )


def _listed(sees: str) -> list[str]:
    return [word for word in sees.split(", ") if word]


def _values(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Control header and data of each value of a P-DATA-TF."""
    while body:
        end = 4 + int.from_bytes(body[:4], "big")
        yield body[5], body[6:end]
        body = body[end:]


def _status(command: bytes) -> int:
    """(0000,0900) of a command set; every response has one (PS3.7 9.3)."""
    while command:
        element, length = int.from_bytes(command[2:4], "little"), int.from_bytes(command[4:8], "little")
        if element == 0x0900:
            return int.from_bytes(command[8:10], "little")
        command = command[8 + length :]
    raise AssertionError("a response without a status")


def _results(body: bytes) -> str:
    """The results of the contexts of an acceptance, in their order."""
    items, results = body[68:], ""
    while items:
        end = 4 + int.from_bytes(items[2:4], "big")
        results += f" {items[6]}" if items[0] == 0x21 else ""
        items = items[end:]
    return results


RECORDS = {0x15: "alert", 0x16: "hello"}
P_DATA = 4

_TOLD: dict[int, Callable[[bytes], str]] = {
    2: lambda body: f"accept{_results(body)}",
    3: lambda body: f"reject {body[1]}/{body[2]}/{body[3]}",
    6: lambda _: "release",
    7: lambda body: f"abort {body[2]}/{body[3]}",
}
