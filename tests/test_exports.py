from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import dicomnet
import dicomnet.errors

ERRORS = """
    AssociationAborted AssociationError AssociationRejected ConnectFailed ConnectionLost ContextRefused DicomNetError
    DicomTimeout InvalidMessage InvalidPdu InvalidValue ListenFailed NotAnInstance NothingArrived PartialFailure
    ProtocolError SendQueueFull StateError StatusError StorageError TlsFailed Unsupported
    AbortReason AbortSource RejectReason RejectResult
    """.split()
MESSAGES = """
    CCancelRequest
    CEchoRequest CEchoResponse
    CFindRequest CFindResponse
    CGetRequest CGetResponse
    CMoveRequest CMoveResponse
    CStoreRequest CStoreResponse
    NActionRequest NActionResponse
    NCreateRequest NCreateResponse
    NDeleteRequest NDeleteResponse
    NEventReportRequest NEventReportResponse
    NGetRequest NGetResponse
    NSetRequest NSetResponse
    """.split()
NET = """
    Associate DicomNet IpType MEMORY Message NetFlags SPOOL SecurityMode SocketOptions
    breathe runtime shutdown startup
    """.split()
ASSOCIATIONS = """
    Association AuditLog Caller Peer Server Tolerance Verified Wanted associate
    Answer CommitReport InstanceRef Match Outcome Progress RetrieveReport Retrieved StoreReport StoreResult
    CommonExtendedNegotiation ExtendedNegotiation RoleSelection UserIdentity UserIdentityType
    """.split()
STORAGE = ["Folder", "InstanceFile", "ReceivedData", "Sink"]
VALUES = ["Address", "Limits", "Priority", "Status", "Timeouts", "TlsConfig"]
MODULES = ["aio", "sync", "uids"]
PUBLIC = ["__version__", *VALUES, *ERRORS, *MESSAGES, *NET, *ASSOCIATIONS, *STORAGE]
"""What users may count on. A name is added or taken away here first, and then in the changelog."""

HEAVY = ("pydicom", "asyncio", "ssl", "click", "rich", "socket", "threading")
"""What `import dicomnet` must not load; a program pays for each when it first needs it."""


def test_the_public_names_are_these() -> None:
    """Nothing becomes public, or ceases to be, by accident."""
    assert sorted(dicomnet.__all__) == sorted(PUBLIC)
    assert len(MESSAGES) == 23


@pytest.mark.parametrize("name", [*PUBLIC, *MODULES])
def test_a_public_name_is_there(name: str) -> None:
    """Every public name leads to an object, and the second time to the same."""
    assert getattr(dicomnet, name) is getattr(dicomnet, name)


def test_dir_lists_them() -> None:
    """Completion at a prompt shows the names that have not loaded yet as well."""
    assert set(dir(dicomnet)).issuperset([*PUBLIC, *MODULES])


def test_the_modules_load_on_first_use_as_well() -> None:
    """The shells and the registry are reached from the package, without an import of their own."""
    program = "import dicomnet; print(dicomnet.aio.associate, dicomnet.sync.associate, dicomnet.uids.CTImageStorage)"
    assert _python(program).endswith("1.2.840.10008.5.1.4.1.1.2\n")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="module 'dicomnet' has no attribute 'Dicomnet'"):
        dicomnet.Dicomnet  # noqa: B018


def test_every_error_class_is_public() -> None:
    """An error that can reach a user can be named by him."""
    classes = [value for value in vars(dicomnet.errors).values() if isinstance(value, type)]
    defined = {each.__name__ for each in classes if each.__module__ == dicomnet.errors.__name__}
    assert defined == set(ERRORS)


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    """The two tables of the package, one for the running program and one for type checkers, agree."""
    tree = ast.parse(Path(dicomnet.__file__).read_bytes())
    checked, _ = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == dicomnet._HOMES | dict.fromkeys(MODULES, "dicomnet")
    assert tuple(MODULES) == dicomnet._MODULES


@pytest.mark.parametrize("module", [dicomnet, dicomnet.aio, dicomnet.sync], ids=lambda module: module.__name__)
def test_type_checkers_know_a_misspelt_name(module: ModuleType) -> None:
    """A `__getattr__` that they saw would have any name there is."""
    assert module.__file__ is not None
    seen = {
        node.name for node in ast.parse(Path(module.__file__).read_bytes()).body if isinstance(node, ast.FunctionDef)
    }
    assert "__getattr__" not in seen
    assert hasattr(module, "__getattr__")


def test_the_package_alone_is_lazy() -> None:
    """Outside the type checker's branch the package imports nothing of its own."""
    tree = ast.parse(Path(dicomnet.__file__).read_bytes())
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "importlib"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import dicomnet` leaves data sets, event loops, TLS and the terminal alone."""
    program = "import sys; before = set(sys.modules); import dicomnet; print(*set(sys.modules) - before)"
    loaded = {name.split(".")[0] for name in _python(program).split()}
    assert "dicomnet" in loaded
    assert not loaded & set(HEAVY)


def test_importing_the_package_is_fast() -> None:
    """A lazy import takes a few milliseconds; an eager one would load asyncio and pydicom and take several times the bound."""
    program = "import time; start = time.perf_counter(); import dicomnet; print((time.perf_counter() - start) * 1000)"
    milliseconds = min(float(_python(program)) for _ in range(5))
    assert milliseconds < 60


def _python(program: str) -> str:
    """Runs a program in an interpreter that has imported nothing for this test suite."""
    command = [sys.executable, "-c", program]
    path = str(Path(dicomnet.__file__).parent.parent)
    result = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": path, "PATH": ""})
    return result.stdout
