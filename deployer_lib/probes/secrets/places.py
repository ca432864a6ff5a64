"""What kind of place a file is: production, development, test, example, document, generated; and the walk over a project."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.secrets.values import listed
from deployer_lib.probes.variables.sources import is_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Place", "Walk", "place_of", "secret_file", "shown", "walk"]


class Place(StrEnum):
    """What a file is there for; what counts as a finding depends on it."""

    PRODUCTION = "production"
    CI = "ci"  # what a build server runs
    DEVELOPMENT = "development"  # read on developers' machines alone: compose.dev.yml, config/dev.exs
    EXAMPLE = "example"  # a template that people copy: .env.example
    TEST = "test"
    DOCUMENT = "document"
    GENERATED = (
        "generated"  # locks, bundles, snapshots, notebooks: much random text, none of it written by hand
    )


#: Folders that no file is read from: packages of others, tools' caches, version control.
_FOREIGN: Final = listed(
    ".git .hg .svn .jj node_modules bower_components jspm_packages site-packages __pycache__ .venv venv virtualenv .tox .nox "
    ".yarn .pnpm-store .next .nuxt .svelte-kit .turbo .parcel-cache .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .gradle "
    ".m2 .cargo-home .terraform .deployer .idea .eggs vendor vendored _vendor _vendored third_party third-party thirdparty Pods "
    "extern coverage htmlcov .angular .dart_tool"
)
_TOP_FOREIGN: Final = frozenset({"target", "outputs"})
_TEST_WORDS: Final = listed(
    "test tests testing tester spec specs mock mocks mocked fixture fixtures stub stubs fake fakes faker e2e benchmark benchmarks bench "
    "benches storybook stories playwright cypress vitest jest selenium factories cassettes testdata integrationtest integrationtests "
    "unittest unittests testcontainers smoketest ci"
)
_EXAMPLE_WORDS: Final = listed(
    "example examples sample samples demo demos template templates tpl dist tutorial tutorials playground playgrounds quickstart "
    "boilerplate skeleton"
)
_DEVELOPMENT_WORDS: Final = listed(
    "dev devel develop development ddev lando local localhost devcontainer seed seeds seeder seeders sandbox debug vagrant"
)
_CI_FOLDERS: Final = frozenset(
    {".github", ".gitlab", ".circleci", ".buildkite", ".woodpecker", ".travis", ".azure-pipelines"}
)
_CI_FILE: Final = re.compile(
    r"^(?:\.gitlab-ci|\.travis|\.drone|\.woodpecker|azure-pipelines|bitbucket-pipelines|appveyor|\.appveyor|codefresh)[\w.-]*$|^Jenkinsfile"
)
_DOCUMENT_WORDS: Final = listed("doc docs documentation website changelog readme")
_TRANSLATION: Final = listed(
    "locale locales i18n l10n lang langs translations translation languages messages"
)
_DOCUMENTS: Final = listed(
    ".rest .http .bru .md .mdx .rst .adoc .markdown .txt .textile .org .1 .po .pot .tex"
)
_GENERATED: Final = listed(
    ".lock .map .snap .ipynb .svg .html .htm .csv .tsv .sum .css .scss .less .xlf .resx .arb .ftl .strings .log .har .patch .diff .geojson .pem.pub"
)
_SPECIFICATION: Final = re.compile(
    r"(?:open-?api|swagger|asyncapi|postman|insomnia)[\w.-]*\.(?:json|ya?ml)$", re.IGNORECASE
)
_GENERATED_NAME: Final = re.compile(
    r"(?:^|[-_.])lock\.(?:json|ya?ml|toml)$|\.min\.\w+$|\.(?:bundle|standalone|umd|iife|prod)\.[mc]?js$|\.lock$|lockfile|^npm-shrinkwrap|^go\.sum$|^\.?secrets\.baseline$"
    r"|\.schema\.json$|^CHANGELOG|_pb2?\.\w+$|\.pb\.go$|\.g\.cs$|\.Designer\.cs$|\.gen\.\w+$"
)
_BINARY: Final = listed(
    ".png .jpg .jpeg .gif .webp .avif .ico .icns .bmp .tif .tiff .psd .ai .woff .woff2 .ttf .otf .eot .mp3 .mp4 .m4a .wav .ogg .webm .mov "
    ".pdf .zip .gz .tgz .bz2 .xz .zst .7z .rar .tar .jar .war .class .pyc .pyo .so .dll .dylib .exe .o .a .wasm .whl .egg .db .sqlite "
    ".sqlite3 .parquet .npy .npz .onnx .bin .dat .mo .mmdb .docx .xlsx .pptx .odt .p12 .pfx .jks .keystore .der .gpg .age .enc"
)
_OUTPUT: Final = frozenset({"dist", "out"})
#: Files whose purpose is to hold secrets, by name.
_SECRET_FILE: Final = re.compile(
    r"^(?:\.env(?:rc)?(?:\.[\w.-]+)?|[\w-]+\.env|\.?secrets?\.(?:ya?ml|json|toml|env|properties)|\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|\.netrc|_netrc"
    r"|\.pgpass|\.my\.cnf|\.git-credentials|\.dockercfg|\.dockerconfigjson|credentials(?:\.(?:json|ya?ml|toml|csv))?|kubeconfig(?:\.ya?ml)?|[\w.-]*\.tfstate(?:\.backup)?"
    r"|[\w.-]*\.tfvars(?:\.json)?|master\.key|\.s3cfg|\.boto)$"
)
_EXAMPLE_END: Final = re.compile(
    r"[._-](?:example|sample|dist|template|tmpl|tpl|default|defaults|schema|j2|erb)s?(?:[._-]|$)",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d?[a-z]*")


@dataclass(slots=True)
class Walk:
    """The files of a project, and what could not be opened."""

    files: list[str] = field(
        default_factory=list
    )  # relative, with slashes; names that are no UTF-8 with surrogates
    unread: list[tuple[str, str]] = field(default_factory=list)


def walk(root: Path, exclude: Sequence[str] = ()) -> Walk:
    """Return every file that may hold written text; links are not followed, other people's packages not entered."""
    found, folders = Walk(), [""]
    while folders:
        here = folders.pop()
        try:
            entries = sorted(os.scandir(root / here), key=lambda entry: entry.name)
        except OSError as error:
            found.unread.append((here or ".", f"it can't be opened: {error.strerror}"))
            continue
        for entry in entries:
            relative = f"{here}/{entry.name}" if here else entry.name
            if entry.is_symlink() or _excluded(relative, exclude):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not _foreign(root, relative, entry.name):
                    folders.append(relative)
            elif _is_text_name(entry):
                found.files.append(relative)
    return found


def place_of(relative: str) -> Place:
    """Return what a file is there for, by its path alone."""
    path = PurePosixPath(relative)
    words = {word.lower() for word in _WORDS.findall(path.name)}
    folders = {word.lower() for part in path.parts[:-1] for word in (part, *_WORDS.findall(part))}
    every = words | folders
    kinds = (
        (Place.CI, path.parts[0] in _CI_FOLDERS or _CI_FILE.match(path.name)),
        (Place.EXAMPLE, _EXAMPLE_END.search(path.name) and not folders & _TEST_WORDS),
        (Place.TEST, _is_test(path, every)),
        (
            Place.DOCUMENT,
            path.suffix.lower() in _DOCUMENTS or every & _DOCUMENT_WORDS or _SPECIFICATION.search(path.name),
        ),
        (Place.GENERATED, _is_generated(path, every)),
        (Place.EXAMPLE, every & _EXAMPLE_WORDS),
        (Place.DEVELOPMENT, every & _DEVELOPMENT_WORDS),
    )
    return next((place for place, holds in kinds if holds), Place.PRODUCTION)


def _is_test(path: PurePosixPath, words: set[str]) -> bool:
    if words & _TEST_WORDS:
        return True
    visible = [part.lstrip(".") or "x" for part in path.parts[:-1] if part not in _OUTPUT | {"build"}]
    return is_apart(Path(*visible, path.name)) and not words & (_DOCUMENT_WORDS | _EXAMPLE_WORDS)


def _is_generated(path: PurePosixPath, words: set[str]) -> bool:
    return (
        path.suffix.lower() in _GENERATED
        or _GENERATED_NAME.search(path.name) is not None
        or bool(_OUTPUT & set(path.parts[:-1]) or words & _TRANSLATION)
    )


def secret_file(relative: str) -> bool:
    """Tell whether a file's purpose is to hold secrets, by its name: ``.env``, ``.npmrc``, ``terraform.tfstate``."""
    name = relative.rpartition("/")[2]
    if f"/{relative}".endswith("/.docker/config.json"):
        return True
    return _SECRET_FILE.match(name) is not None and _EXAMPLE_END.search(name) is None


def shown(file: str) -> str:
    """Return a file's name as it can be printed, where its bytes are no UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")


def _foreign(root: Path, relative: str, name: str) -> bool:
    return (
        name in _FOREIGN
        or (relative in _TOP_FOREIGN)
        or name.endswith((".egg-info", ".egg", ".xcassets"))
        or (root / relative / "pyvenv.cfg").exists()
    )


def _is_text_name(entry: os.DirEntry[str]) -> bool:
    try:
        regular = stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return True  # reading it says why
    return regular and os.path.splitext(entry.name)[1].lower() not in _BINARY  # noqa: PTH122  (ten thousand times)


def _excluded(relative: str, patterns: Sequence[str]) -> bool:
    name = relative.rpartition("/")[2]
    return any(
        fnmatch(relative, pattern.strip("/"))
        or fnmatch(relative, f"{pattern.strip('/')}/*")
        or fnmatch(name, pattern)
        for pattern in patterns
    )
