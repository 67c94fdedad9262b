"""What the documents show is run, and what they list is compared with what is there."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption

import dicomnet
from tls.certificates import issue

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()
MAKE = shutil.which("make")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(*command: str, folder: Path = REPOSITORY) -> str:
    """Runs a command to its end and returns what it printed; it must succeed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = ours | {"PYTHONPATH": str(REPOSITORY / "src"), "PYTHONWARNINGS": "error", "COLUMNS": "200"}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=30
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return result.stdout


def test_the_programs_in_the_readme_print_what_it_says(tmp_path: Path) -> None:
    """The README's Python, copied from top to bottom, works and prints what is promised under it."""
    [image] = [block for block in blocks(README, "sh") if block.startswith("mkdir study")]
    run("sh", "-ec", f'PATH="{Path(sys.executable).parent}:$PATH"\n{image}', folder=tmp_path)
    program = tmp_path / "readme.py"
    program.write_text("\n".join(blocks(README, "python")))
    promised = re.search("^With a CT image in `study/` this prints\n\n```\n(.*?)```$", README, re.MULTILINE | re.DOTALL)
    echo = re.search("^This prints `(.+)`", README, re.MULTILINE)
    assert promised is not None
    assert echo is not None
    assert run(sys.executable, str(program), folder=tmp_path) == f"{promised[1]}{echo[1]}\n"


DOCUMENTS = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document is a file or a folder, and its anchor a heading there."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        if anchor:
            headings = re.findall("^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {re.sub("[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}, target


def test_what_the_page_about_troubles_quotes_is_what_we_say() -> None:
    """Whoever looks for the words that he has seen finds them."""
    nodes = (node for path in (REPOSITORY / "src").rglob("*.py") for node in ast.walk(ast.parse(path.read_bytes())))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    page = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
    quoted = [
        words
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
        for words in re.findall("`([^`]+)`", line.split("|")[1])
    ]
    assert len(quoted) > 20
    assert [words for words in quoted if not any(words in text for text in texts)] == []


def test_the_guide_to_the_core_echoes(tmp_path: Path) -> None:
    """The program in docs/sansio.md gets its echo from a DicomNet object."""

    class Scp(dicomnet.DicomNet):
        def on_accept(self, error: Exception | None) -> None:
            self.accept(Scp())

        def on_receive_associate_request(self, associate: dicomnet.Associate) -> None:
            self.send_associate_accept(associate.accept_all())

        def on_receive_c_echo_request(self, message: dicomnet.Message) -> None:
            self.send_c_echo_response(message)

    program = tmp_path / "shell.py"
    program.write_text("\n".join(blocks((REPOSITORY / "docs" / "sansio.md").read_text(), "python")))
    with dicomnet.runtime(), Scp() as scp:
        _, port = scp.listen("127.0.0.1")
        assert run(sys.executable, str(program), str(port), folder=tmp_path) == "the peer says 0000 success\n"


def test_the_program_about_secure_links_of_objects_runs(tmp_path: Path) -> None:
    """Both sides of it, with certificates of the names that it gives them."""
    authority = issue(tmp_path, "authority")
    (tmp_path / "hospital-ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for who, name, encryption in (
        ("pacs", x509.IPAddress(ip_address("127.0.0.1")), BestAvailableEncryption(b"sesame")),
        ("ct1", x509.DNSName("ct1.hospital.example"), NoEncryption()),
    ):
        issued = issue(tmp_path, who, authority, names=(name,))
        issued.file.write_bytes(issued.certificate.public_bytes(Encoding.PEM))
        (tmp_path / f"{who}.key").write_bytes(issued.key_bytes(encryption=encryption))
    program = tmp_path / "secure.py"
    page = blocks((REPOSITORY / "docs" / "tls.md").read_text(), "python")
    program.write_text(next(block for block in page if "class Scu" in block))
    assert run(sys.executable, str(program), folder=tmp_path) == "TLSv1.3, CN=pacs\n0000 success\n"


ACCESS = (REPOSITORY / "docs" / "access.md").read_text()


@pytest.mark.parametrize("program", blocks(ACCESS, "python"))
def test_the_programs_about_access_run(program: str, tmp_path: Path) -> None:
    """Each stands alone; a rule that there is not would be a mistake."""
    (tmp_path / "program.py").write_text(program)
    assert not run(sys.executable, str(tmp_path / "program.py"), folder=tmp_path)


def test_every_field_of_an_audit_is_explained(tmp_path: Path) -> None:
    """What the page lists is what a server writes, but for the time and what names the association."""
    example = json.loads(blocks(ACCESS, "json")[0])
    explained = set(re.findall("`([a-z_]+)`", ACCESS[ACCESS.index("| field | meaning |") :]))
    source = (REPOSITORY / "src/dicomnet/server/entries.py").read_text()
    written = set(re.findall('"([a-z_]+)":', source)) | set(re.findall(r'what\["([a-z_]+)"\]', source))
    obvious = {"association", "action", "sop_class_name", "contexts", "how"}
    assert written - obvious <= explained
    assert set(example) - {"time", "server"} <= written | {"studies", "keys", "level"}


def test_the_first_forty_lines_hold_a_program() -> None:
    """Who opens the page sees purpose, layering, install and the beginning of a program without scrolling far."""
    head = "\n".join(README.splitlines()[:40])
    assert "pip install" in head
    assert "dicomnet.Server(" in head
    assert "dicomnet.Peer(" in head


@pytest.mark.parametrize("line", re.findall("^dicomnet [a-z]+ .+|^dicomnet [a-z]+$", README, re.MULTILINE))
def test_a_command_in_the_readme_takes_what_is_shown(line: str) -> None:
    """Every command and option that the README shows is in the command's own help."""
    command, *rest = line.split("  ")[0].split()[1:]
    shown = run(sys.executable, "-c", "from dicomnet.cli.main import main; main()", command, "--help")
    for option in re.findall("--[a-z-]+", " ".join(rest)):
        assert option in shown


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
@pytest.mark.parametrize("chore", ["demo", "test"])
def test_the_plain_lines_are_what_the_chore_does(chore: str) -> None:
    """The lines that the README gives for those without make are the Makefile's own."""
    done = run("make", "--dry-run", "--always-make", "--no-print-directory", "PYTHON=python3", chore)
    for flag in (" --disable-pip-version-check", " --quiet"):
        done = done.replace(flag, "")
    [plain] = [
        block
        for block in blocks(README, "sh")
        if block.startswith("python3") and ("[dev]" in block) == (chore == "test")
    ]
    places = [done.index(line) for line in plain.splitlines()]
    assert places == sorted(places)


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
def test_every_chore_is_explained_to_contributors() -> None:
    """CONTRIBUTING.md and `make help` list the same words."""
    words = {line.split()[0] for line in run("make", "--no-print-directory", "help").splitlines()}
    explained = set(re.findall("^\\| `make ([a-z]+)`", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert explained == words - {"help"}
    makefile = (REPOSITORY / "Makefile").read_text()
    assert words == set(re.findall("^([a-z]+):", makefile, re.MULTILINE))
