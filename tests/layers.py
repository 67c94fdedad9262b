"""The order of docs/design.md, and what breaks it in a tree of modules. Read from the source: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LAYERS = (
    {"records", "logs"},
    {"errors", "types", "limits"},
    {"uids"},
    {"pdu", "part10", "networks", "proxied"},
    {"ul"},
    {"dimse"},
    {"charsets", "outline"},
    {"datasets"},
    {"exchanges"},
    {"storage"},
    {"tls", "sockets"},
    {"aio", "sync"},
    {"net"},
    {"server"},
    {"cli"},
    {"__main__"},
)
"""Modules and subpackages from the bottom up. A unit imports from the layers under its own; in a layer none the other."""

NARROWER = {"uids": {"types", "records"}}
"""Units that may import less than their layer would let them."""

PURE = {
    "records",
    "logs",
    "errors",
    "types",
    "limits",
    "uids",
    "pdu",
    "part10",
    "networks",
    "proxied",
    "ul",
    "dimse",
    "charsets",
    "outline",
    "datasets",
    "exchanges",
}
"""No I/O, no clock, no randomness, no threads: data in, data out."""

WORLD = {
    "asyncio",
    "concurrent",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
"""What the pure units do without; `logging` is theirs to use."""

_RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, wherever in the file it stands."""

    module: str
    line: int
    name: str | None = None
    """What is taken from it, in ``from module import name``."""


def violations(package: Path) -> list[str]:
    """Everything in the package under this folder that breaks the order, a line each; the folder's name is the package's."""
    sources = dict(_modules(package))
    found: list[str] = []
    for module, path in sources.items():
        tree = ast.parse(path.read_bytes(), path)
        found += [f"{path.relative_to(package.parent)}:{text}" for text in _broken(module, path, tree, package.name)]
    return found + _cycles(package.name, sources)


def entered_sideways(package: Path, outside: str) -> list[str]:
    """Where modules of a package that is not ours are imported by their own names while the program runs, a line each."""
    found: list[str] = []
    for module, path in _modules(package):
        tree = ast.parse(path.read_bytes(), path)
        unread = [
            node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ]
        checked = {line for node in unread for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        found += [
            f"{path.relative_to(package.parent)}:{one.line}: {one.module}"
            for one in imports(tree, module, is_package=path.name == "__init__.py")
            if one.module.startswith(f"{outside}.") and one.line not in checked
        ]
    return found


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[Import]:
    """The imports of one module, those in functions and under ``TYPE_CHECKING`` included, relative ones made absolute."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (Import(alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(source, names, level):
                base = _absolute(source, level or 0, module, is_package=is_package)
                yield from (Import(base, node.lineno, alias.name) for alias in names)
            case ast.Call(ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"), arguments):
                match arguments:
                    case [ast.Constant(str(name)), *_]:
                        yield Import(name, node.lineno)
                    case _:
                        yield Import("?", node.lineno)


def _broken(module: str, path: Path, tree: ast.AST, root: str) -> Iterator[str]:
    if module == root:  # the public names lie over every layer; test_exports.py sees to it that they are lazy
        return
    unit = module.split(".")[1]
    if unit not in _RANK:
        yield f"1: {unit} has no place in LAYERS"
        return
    for found in imports(tree, module, is_package=path.name == "__init__.py"):
        top, *inside = found.module.split(".")
        if top == "?":
            yield f"{found.line}: imports a module whose name only the running program knows"
        elif top != root:
            if unit in PURE and top in WORLD:
                yield f"{found.line}: {unit} is pure and imports {top}"
        else:
            target = inside[0] if inside else found.name
            if target not in _RANK:
                if target != "__version__" and unit not in LAYERS[-1] | LAYERS[-2]:
                    yield f"{found.line}: {unit} imports {target or root} from {root} itself; name the module that has it"
            elif target != unit and not (_RANK[target] < _RANK[unit] and target in NARROWER.get(unit, {target})):
                yield f"{found.line}: {unit} imports {target}, which is not below it"
    if unit in PURE:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"open", "print", "input"}
            ):
                yield f"{node.lineno}: {unit} is pure and calls {node.func.id}()"


def _cycles(root: str, sources: dict[str, Path]) -> list[str]:
    """Every ring of modules that import each other, named by the path around it."""
    graph = {
        module: _targets(module, path, sources) - {module, root} for module, path in sources.items() if module != root
    }
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> None:
        if module in way:
            found.append(f"cycle: {' -> '.join([*way[way.index(module) :], module])}")
        elif module not in done:
            for target in sorted(graph[module]):
                visit(target, [*way, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


def _targets(module: str, path: Path, sources: dict[str, Path]) -> set[str]:
    tree = ast.parse(path.read_bytes(), path)
    targets = set()
    for found in imports(tree, module, is_package=path.name == "__init__.py"):
        submodule = f"{found.module}.{found.name}"
        targets.add(submodule if submodule in sources else found.module)
    return targets & sources.keys()


def _modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _absolute(source: str | None, level: int, module: str, *, is_package: bool) -> str:
    if not level:
        return source or ""
    parts = module.split(".")
    kept = len(parts) - level + is_package
    return ".".join(parts[:kept] + ([source] if source else []))
