"""Everything that storage, handlers and servers ask of a disk goes through one seam."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dicomnet

PACKAGE = Path(dicomnet.__file__).parent
SEAM = {PACKAGE / "storage" / "disk.py", PACKAGE / "storage" / "platform.py"}
LOGS = {PACKAGE / "server" / "audit.py"}
"""Who writes a log of his own, and holds no instances."""
LOOKED_AT = [
    path for part in ("storage", "aio", "server") for path in (PACKAGE / part).rglob("*.py") if path not in SEAM | LOGS
]

PATH_METHODS = frozenset(
    "stat lstat exists is_dir is_file is_symlink is_mount is_fifo is_socket samefile mkdir rmdir iterdir glob rglob read_bytes "
    "read_text write_bytes write_text touch chmod lchmod hardlink_to symlink_to readlink resolve owner group".split()
)
"""What asks a disk when it is called, of whatever object."""
HARMLESS = frozenset(
    "PathLike fspath fsdecode fsencode sep DirEntry stat_result strerror urandom path environ getpid getuid "
    "fork _exit kill waitpid waitstatus_to_exitcode WNOHANG pipe cpu_count sched_getaffinity register_at_fork".split()
)
"""Of ``os``, what asks no disk, or is a matter of processes."""
HARMLESS_PATHS = frozenset(
    "abspath join split basename dirname commonpath commonprefix normpath samestat splitext".split()
)

EXCEPTIONS = {
    ("aio/connect.py", "os.fstat"),  # whether a descriptor that was given is a socket
    ("server/workers.py", "os.close"),  # of pipes and sockets
    ("server/inherited.py", "os.close"),
    ("server/inherited.py", "os.dup"),
    ("storage/source.py", ".is_dir"),  # of an entry that `disk.entries` gave
    ("storage/source.py", ".is_file"),
}
"""Each with its reason."""


def test_nothing_goes_around_the_seam() -> None:
    """A disk that a test puts there sees all, and what is proved with it holds for the real one."""
    found = {
        (str(path.relative_to(PACKAGE)), what) for path in LOOKED_AT for what in asked(ast.parse(path.read_bytes()))
    }
    assert sorted(found - EXCEPTIONS) == []


def test_this_would_show() -> None:
    """What a module says that goes around it, in each of the ways to say it."""
    around = """
        os.open(p, 0); os.path.exists(p); open(p); Path(p).mkdir(); shutil.rmtree(p); from os import replace; p.stat()
        from tempfile import mkstemp; io.open(p)
    """
    tree = ast.parse("\n".join(line.strip() for line in around.splitlines()))
    assert sorted(asked(tree)) == [
        *(".exists", ".mkdir", ".stat", "from os import replace", "from tempfile import mkstemp", "io.open", "open"),
        *("os.open", "os.path.exists", "shutil.rmtree"),
    ]


def asked(tree: ast.AST) -> Iterator[str]:
    """What in a module may ask a disk."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Attribute(ast.Name("os"), "path"), name) if name not in HARMLESS_PATHS:
                yield f"os.path.{name}"
            case ast.Attribute(ast.Name("os"), name) if name not in HARMLESS:
                yield f"os.{name}"
            case ast.Attribute(ast.Name("shutil" | "tempfile" as module), name):
                yield f"{module}.{name}"
            case ast.Attribute(ast.Name("io"), "open"):
                yield "io.open"
            case ast.Call(ast.Name("open")):
                yield "open"
            case ast.Call(ast.Attribute(attr=name)) if name in PATH_METHODS:
                yield f".{name}"
            case ast.ImportFrom("os" | "shutil" | "tempfile" as module, names):
                yield from (f"from {module} import {each.name}" for each in names if each.name != "gettempdir")
