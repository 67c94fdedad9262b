"""The numbers that options take; click calls what is none "not a valid integer range"."""

from __future__ import annotations

import click


class Whole(click.IntRange):
    """A whole number within bounds."""

    name = "whole number"


class Seconds(click.FloatRange):
    """A time that is longer than none."""

    name = "number of seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)
