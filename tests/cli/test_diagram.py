from __future__ import annotations

import pytest

from dicomnet.cli.diagram import Diagram, Kind, Line, Side


def test_an_exchange_is_drawn_in_two_lanes() -> None:
    """Messages point from their sender to the other side; events stand at the edge of the lane where they fired."""
    diagram = Diagram(49)
    drawn = [
        diagram.head(),
        diagram.message(0.0, Side.SCU, "C-ECHO-RQ"),
        diagram.event(0.0014, Side.SCP, "on_receive_c_echo_request"),
        diagram.message(0.0026, Side.SCP, "C-ECHO-RSP 0000"),
        diagram.event(12.5, Side.SCU, "on_receive_c_echo_response"),
        diagram.banner(12.5, "association established"),
    ]
    assert [line.text for line in drawn] == [
        "   time  SCU                                  SCP",
        "  0.000  │───────────── C-ECHO-RQ ─────────────▶│",
        "  0.001  │            on_receive_c_echo_request │",
        "  0.003  │◀────────── C-ECHO-RSP 0000 ──────────│",
        " 12.500  │ on_receive_c_echo_response           │",
        " 12.500  ╞══════ association established ═══════╡",
    ]
    kinds = [Kind.HEAD, Kind.MESSAGE, Kind.EVENT, Kind.MESSAGE, Kind.EVENT, Kind.BANNER]
    assert [line.kind for line in drawn] == kinds


def test_without_line_drawing_characters_it_is_ascii() -> None:
    """A terminal that knows ASCII alone shows the same picture."""
    diagram = Diagram(49, ascii_only=True)
    drawn = [
        diagram.message(0.0, Side.SCU, "C-ECHO-RQ"),
        diagram.message(0.0, Side.SCP, "C-ECHO-RSP 0000"),
        diagram.banner(0.0, "association established"),
    ]
    assert [line.text for line in drawn] == [
        "  0.000  |------------- C-ECHO-RQ ------------->|",
        "  0.000  |<---------- C-ECHO-RSP 0000 ----------|",
        "  0.000  |====== association established =======|",
    ]
    assert all(line.text.isascii() for line in drawn)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 66, 67, 200])
def test_every_line_is_as_wide_as_was_asked(length: int, ascii_only: bool) -> None:
    """Text that has no room ends in dots, and shifts nothing."""
    diagram = Diagram(79, ascii_only=ascii_only)
    text = "x" * length
    lines: list[Line] = [diagram.head(), diagram.banner(1.0, text)]
    for side in Side:
        lines += [diagram.message(1.0, side, text), diagram.event(1.0, side, text)]
    assert {len(line.text) for line in lines} == {79}
    if length == 200:
        assert all(("..." if ascii_only else "…") in line.text for line in lines[1:])
