"""Which files of a project are its application's code: one walk over its folders, tests, examples and foreign code left out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch, translate
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SILENT", "Listing", "application_files", "is_apart", "list_files", "read_bytes"]

#: Suffixes that say nothing of the language: of what a server or an installer runs, and of what is made by filling it in.
SILENT: Final = frozenset(
    [
        ".cgi",
        ".command",
        ".init",
        ".preinst",
        ".postinst",
        ".prerm",
        ".postrm",
        ".in",
        ".template",
        ".tmpl",
        ".tpl",
        ".j2",
    ]
)
#: Folders, at any depth below the root, that hold no code of the running application.
_FOLDERS: Final = frozenset(
    [
        "test",
        "tests",
        "testing",
        "__tests__",
        "spec",
        "specs",
        "e2e",
        "integration-tests",
        "integration_tests",
        "test-utils",
        "testdata",
        "test_data",
        "fixtures",
        "__fixtures__",
        "__mocks__",
        "mocks",
        "cypress",
        "playwright",
        "storybook",
        "stories",
        "doc",
        "docs",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "benchmark",
        "benchmarks",
        "benches",
        "vendor",
        "vendored",
        "_vendor",
        "_vendored",
        "third_party",
        "third-party",
        "thirdparty",
        "extern",
        "external_libs",
        "node_modules",
        "site-packages",
        "__pycache__",
        "venv",
        "virtualenv",
        "__pypackages__",
        "bower_components",
        "jspm_packages",
        "dist",
        "coverage",
        "htmlcov",
        "Pods",
    ]
)
#: Ends of folder names that hold tests: Shop.Tests, shop-e2e.
_FOLDER_END: Final = re.compile(
    r"[._-](?:[Tt]ests?|e2e|E2E|[Ss]pecs?|[Ii]ntegrationTests?|[Uu]nitTests?|[Bb]enchmarks?)$"
)
#: Hidden folders that do hold what runs; others are tools' own.
_HIDDEN: Final = frozenset(
    {".s2i", ".docker", ".deploy", ".deployment", ".ebextensions", ".platform", ".m2", ".mvn"}
)
#: What lies in the root of Maven's files and is no settings: other people's packages.
_STORE: Final = ".m2/repository"
#: Folders that are left out directly below the root alone, where they are output; deeper they may be packages.
_TOP_FOLDERS: Final = frozenset({"build", "target", "out", "outputs", "site", "_coordination"})
_FILES: Final = (
    "test_*.py", "*_test.py", "tests.py", "conftest.py", "noxfile.py", "setup.py",
    "*_test.go", "*_test.rs", "*_test.exs", "*_test.exs", "test_helper.exs", "test.exs", "*_test.rb", "*_spec.rb",
    "*.test.*", "*.spec.*", "*.stories.*", "*.e2e.*", "*.cy.*", "*.min.js", "*.bundle.js", "*.d.ts",
    "global-setup.*", "globalSetup.*", "global-teardown.*", "globalTeardown.*", "setupTests.*", "vitestSetup.*", "vitest.setup.*",
    "vitest.*.config.*", "jest.*.config.*", "jest-setup.*", "test-setup.*",
    "jest.config.*", "vitest.config.*", "playwright.config.*", "cypress.config.*", "karma.conf.*", "jest.setup.*",
    "*Test.java", "*Tests.java", "*IT.java", "*TestCase.java", "*Test.kt", "*Tests.kt", "*Spec.kt", "*Test.php", "*TestCase.php",
    "*Tests.cs", "*Test.cs", "*.pb.go", "*_pb2.py", "*_pb2_grpc.py", "*.g.cs", "*.Designer.cs", "phpunit.xml*",
    "example.*", "*.example.*", "*-example.*", "*_example.*", "*.sample.*", "*-sample.*", "*_sample.*",
)  # fmt: skip
_APART: Final = re.compile("|".join(translate(pattern) for pattern in dict.fromkeys(_FILES)))
_MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated


@dataclass(slots=True)
class Listing:
    """The application's files, and what could not be looked at."""

    files: list[str] = field(default_factory=list)  # relative to the root, sorted by folder and name
    sizes: dict[str, int] = field(default_factory=dict)
    skipped: list[tuple[str, str, int]] = field(default_factory=list)  # (file or folder, why, 0)


def is_apart(relative: Path) -> bool:
    """Tell whether a file, named relative to the project, is test, documentation, example or foreign code."""
    folders = relative.parts[:-1]
    return (
        any(_foreign(folder) for folder in folders)
        or bool(folders and folders[0] in _TOP_FOLDERS)
        or _APART.match(relative.name) is not None
    )


def list_files(root: Path, exclude: Iterable[str] = ()) -> Listing:
    """Return the application's files below ``root``.

    The root's own name and parents say nothing: a project may itself lie in ``examples/``. Links are not followed: one may
    lead out of the project, in a circle, or twice to the same text.

    Args:
        root: the project.
        exclude: patterns of relative paths that are left out too.
    """
    listing = Listing()
    patterns = tuple(exclude)
    folders = [""]
    while folders:
        here = folders.pop()
        try:
            entries = sorted(os.scandir(root / here), key=lambda entry: entry.name)
        except OSError as error:
            listing.skipped.append((here or ".", f"it can't be opened: {error.strerror}", 0))
            continue
        deeper = []
        for entry in entries:
            relative = f"{here}/{entry.name}" if here else entry.name
            if entry.is_symlink() or (patterns and _matches(relative, patterns)):
                continue
            if entry.is_dir(follow_symlinks=False):
                if (
                    not _foreign(entry.name)
                    and not relative.endswith(_STORE)
                    and not (not here and entry.name in _TOP_FOLDERS)
                    and not _is_venv(entry)
                ):
                    deeper.append(relative)
            elif entry.is_file(follow_symlinks=False) and not _APART.match(entry.name):
                listing.files.append(relative)
                listing.sizes[relative] = entry.stat(follow_symlinks=False).st_size
        folders.extend(reversed(deeper))
    return listing


def application_files(root: Path, suffixes: frozenset[str], exclude: Iterable[str] = ()) -> Iterator[Path]:
    """Yield the application's source files below ``root`` with these suffixes, relative to it."""
    listing = list_files(root, exclude)
    for relative in listing.files:
        if os.path.splitext(relative)[1] in suffixes and listing.sizes[relative] <= _MAX_BYTES:  # noqa: PTH122  (ten thousand times)
            yield Path(relative)


def read_bytes(root: Path, relative: str) -> bytes:
    """Return a file's bytes; by the system's own calls, since it is done for every file of a project.

    Raises:
        OSError: it can't be read.
    """
    opened = os.open(f"{root}/{relative}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        size = os.fstat(opened).st_size + 1  # one more than there is: the end is seen with the first call
        while data := os.read(opened, size):
            pieces.append(data)
            if len(data) < size:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        os.close(opened)


def _foreign(folder: str) -> bool:
    return (
        folder in _FOLDERS
        or (folder[0] == "." and folder not in _HIDDEN)
        or folder.endswith((".egg-info", ".egg"))
        or _FOLDER_END.search(folder) is not None
    )


def _is_venv(entry: os.DirEntry[str]) -> bool:
    return os.path.exists(f"{entry.path}/pyvenv.cfg")  # noqa: PTH110


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    name = text.rpartition("/")[2]
    return any(
        fnmatch(text, pattern.strip("/"))
        or fnmatch(text, f"{pattern.strip('/')}/*")
        or fnmatch(name, pattern)
        for pattern in patterns
    )
