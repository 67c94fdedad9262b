"""The help of a command: what it alone takes first, then what it shares with others, and TLS last."""

from __future__ import annotations

import click


class SectionedCommand(click.Command):
    """A command whose options stand under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {OWN: [], SHARED: [], TLS: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections[_section(parameter)].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class SectionedGroup(click.Group):
    """A group of such commands."""

    command_class = SectionedCommand


def _section(option: click.Parameter) -> str:
    if any(name.startswith("--tls") for name in option.opts):
        return TLS
    return OWN if _SHARED.isdisjoint(option.opts) else SHARED


OWN, SHARED, TLS = "Options", "Common options", "Secure links (TLS)"

_SHARED = frozenset(("--timeout", "--aet", "--verbose", "--debug", "--show-patients", "--help"))
