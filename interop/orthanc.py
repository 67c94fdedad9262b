"""Orthanc, an archive that is told by HTTP what to ask of others."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import peers
from dcmtk import write_worklist

ORTHANC = "/usr/sbin/Orthanc"


class Orthanc:
    """One that runs, as ORTHANC on ``port``; its HTTP server listens beside."""

    def __init__(self, port: int, http: int) -> None:
        self.port = port
        self._http = http

    def ask(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """What it answers to an HTTP request: JSON, or a file as bytes.

        Args:
            body: is sent as JSON, or as it is if it is bytes; without one the method is GET.

        Raises:
            HTTPError: it refuses.
        """
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = Request(f"http://127.0.0.1:{self._http}{path}", data=data, method=method)
        try:
            with urlopen(request, timeout=30) as reply:
                content: bytes = reply.read()
        except HTTPError as error:
            error.close()
            raise
        return json.loads(content or b"null") if "json" in reply.headers["Content-Type"] else content

    def know(self, title: str, port: int, *, tls: bool = False) -> str:
        """Has it know an application entity of this machine from now on; returns where to ask it for things there."""
        place = {"AET": title, "Host": "127.0.0.1", "Port": port, "UseDicomTls": tls}
        self.ask(f"/modalities/{title}", place, method="PUT")
        return f"/modalities/{title}"

    def take(self, paths: Sequence[Path]) -> None:
        """Has it keep files, without DICOM."""
        for path in paths:
            self.ask("/instances", path.read_bytes())

    def kept(self, folder: Path) -> list[Path]:
        """Writes all that it has to a folder, as it would give it out."""
        folder.mkdir()
        for name in self.ask("/instances"):
            (folder / name).write_bytes(self.ask(f"/instances/{name}/file"))
        return sorted(folder.iterdir())

    def studies(self, uid: str) -> list[str]:
        """Its own names of the studies with an instance UID."""
        found: list[str] = self.ask("/tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": uid}})
        return found


@contextmanager
def running(folder: Path, *, worklist: Sequence[Any] = (), tls: Mapping[str, Any] | None = None) -> Iterator[Orthanc]:
    """Runs it over a folder, without anything in it but a worklist.

    Args:
        tls: more of its configuration, for secure links in both roles.
    """
    http = 0
    (folder / "worklist").mkdir()
    write_worklist(folder / "worklist", worklist)

    def configure(port: int) -> None:
        nonlocal http
        http = peers.unused_port()
        (folder / "orthanc.json").write_text(json.dumps({**_configuration(folder, port, http), **(tls or {})}))

    with ExitStack() as stack:
        # Another program may have taken the port of HTTP since it was found free: the one reason to try again.
        for _ in range(3):
            listening = peers.listening(
                ORTHANC, folder / "orthanc.json", configure=configure, package="orthanc", kill=True
            )
            scp = stack.enter_context(listening)
            orthanc = Orthanc(scp.port, http)
            if _answers(orthanc, scp.process):
                break
            stack.pop_all().close()
        else:
            raise RuntimeError("Orthanc answers no HTTP request")
        yield orthanc


def tls_settings(certificate: Path, key: Path) -> dict[str, Any]:
    """What makes Orthanc's links secure in both roles, where it trusts one certificate only."""
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificate),
        "DicomTlsPrivateKey": str(key),
        "DicomTlsTrustedCertificates": str(certificate),
        "DicomTlsRemoteCertificateRequired": True,
    }


def _configuration(folder: Path, port: int, http: int) -> dict[str, Any]:
    always = ("Echo", "Store", "Find", "FindWorklist", "Get", "Move")
    return {
        "StorageDirectory": str(folder / "kept"),
        "IndexDirectory": str(folder / "kept"),
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "HttpPort": http,
        "AuthenticationEnabled": False,
        **{f"DicomAlwaysAllow{service}": True for service in always},
        "DefaultEncoding": "Utf8",
        "Plugins": [str(plugin) for plugin in Path("/usr/lib/orthanc").glob("libModalityWorklists.so*")],
        "Worklists": {"Enable": True, "Database": str(folder / "worklist")},
    }


def _answers(orthanc: Orthanc, process: subprocess.Popen[bytes]) -> bool:
    """Waits until it answers HTTP requests; false if it ended or time is up."""
    deadline = time.monotonic() + peers.STARTS_WITHIN
    while time.monotonic() < deadline:
        try:
            orthanc.ask("/system")
        except URLError:
            try:
                process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            return False
        return True
    return False
