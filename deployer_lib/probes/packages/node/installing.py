"""Does a clean install from the lock file work? ``npm ci`` in a copy, with an empty cache, without install scripts (B2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, find_command
from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.errors import ProcessError
from deployer_lib.probes.packages.kept import kept
from deployer_lib.probes.packages.node.copying import copy_known, npm_settings, run_npm
from deployer_lib.probes.packages.node.drift import local_folder
from deployer_lib.probes.packages.node.sources import layout_known
from deployer_lib.probes.packages.node.words import lock_known, refresh_command, terminal
from deployer_lib.probes.packages.python.clean_environment import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Manifest

__all__ = ["installed", "unresolved"]

_DOCS: Final = "https://docs.npmjs.com/cli/commands/npm-ci"
_OUTPUT_CHARACTERS: Final = 2_000
_CAUSE_CHARACTERS: Final = 700
_CODE: Final = re.compile(r"^npm (?:error|ERR!) code (\w+)", re.MULTILINE)
_LINE: Final = re.compile(r"^npm (?:error|ERR!) ?(.*)$", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^(?:code \w+|A complete log|For a full report|Usage:|Clean install a project|npm ci$|.*-report\.txt|/.*debug)"
)
#: Codes that say nothing about the project: the registry was out of reach, or wanted a token.
_OUTSIDE: Final = frozenset(
    {"ENOTFOUND", "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "ENETUNREACH", "E401", "E403", "ENEEDAUTH"}
    | {"ENOSPC", "E500", "E502", "E503", "E504", "E429", "EACCES", "ERR_SOCKET_TIMEOUT", "SELF_SIGNED_CERT_IN_CHAIN"}
    | {"UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT_HAS_EXPIRED", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "EBADENGINE", "EMFILE"}
)  # fmt: skip
_TOOLS: Final = {
    "pnpm": ("pnpm", "install", "--frozen-lockfile", "--ignore-scripts"),
    "yarn": ("yarn", "install", "--frozen-lockfile", "--ignore-scripts"),
    "bun": ("bun", "install", "--frozen-lockfile", "--ignore-scripts"),
}


@dataclass(frozen=True, slots=True)
class _Install:
    """One install, made once a phase."""

    root: Manifest
    lock: Lock | None
    words: tuple[str, ...]
    done: Done | None
    problem: str = ""  # why nothing was tried

    @property
    def command(self) -> str:
        """Return the command as one would type it."""
        return " ".join(("npm", *self.words))

    @property
    def code(self) -> str:
        """Return npm's own code of its error."""
        found = _CODE.search(self.done.output) if self.done else None
        return found[1] if found else ""


def installed(ctx: Context) -> Iterator[Result]:
    """Install each root of the project from its lock file, and say what came of it."""
    roots = _roots(ctx)
    if not roots:
        yield errored(
            "No package.json that declares anything could be read, so that nothing can be installed.",
            subject="npm",
            unknown=[*layout_known(ctx).problems],
        )
    for root in roots:
        yield _said(ctx, _install_known(ctx, root))


def unresolved(ctx: Context) -> Iterator[Result]:
    """Yield what the install could not resolve (ERESOLVE), where an install was made already."""
    for root in _roots(ctx):
        known = ctx.memo.get(f"node_install:{root.folder}")
        if isinstance(known, _Install) and known.code == "ERESOLVE":
            yield _finding(ctx, known, subject=_resolving(known) or "npm")


def _roots(ctx: Context) -> list[Manifest]:
    """Return what is installed by itself: the root, and whatever else has a lock file of its own."""
    layout = layout_known(ctx)
    roots = layout.install_roots()
    return [root for root in roots if root is roots[0] or lock_known(ctx, layout, root) is not None]


def _install_known(ctx: Context, root: Manifest) -> _Install:
    return kept(ctx, f"node_install:{root.folder}", _Install, lambda: _install(ctx, root))


def _install(ctx: Context, root: Manifest) -> _Install:
    lock = lock_known(ctx, layout_known(ctx), root)
    if lock is not None and lock.problem:
        return _Install(root, lock, (), None, lock.problem)
    if lock is not None and lock.manager != "npm":
        return _Install(root, lock, (), None, _by_others(ctx, lock))
    words = ["ci" if lock else "install", "--loglevel", "error"]
    if not ctx.parameters.install.scripts:
        words.append("--ignore-scripts")
    try:
        done = run_npm(ctx, words, copy_known(ctx, root), timeout_s=ctx.parameters.install.timeout_s)
    except ProcessError as error:
        return _Install(
            root, lock, tuple(words), None, f"{error.message} Install Node with npm where Deployer runs."
        )
    return _Install(root, lock, tuple(words), done)


def _by_others(ctx: Context, lock: Lock) -> str:
    """Return why a lock file of another tool is not installed here, and how it can be."""
    argv = _TOOLS[lock.manager]
    there = find_command(argv[0], cwd=ctx.workspace, env=surroundings()) is not None
    declared = ", ".join(f'"{word}"' for word in argv)
    how = "is installed here, but is not run unasked" if there else "is not installed here"
    return f"{lock.file} is {lock.manager}'s, which {how}; declare install.command: [{declared}] to have the clean install made."


def _said(ctx: Context, made: _Install) -> Result:
    subject = made.root.folder or "npm"
    if made.done is None:
        return errored(
            f"The clean install could not be made: {made.problem}", subject=subject, root_cause=made.problem
        )
    outside = made.code in _OUTSIDE or (made.code == "E404" and _is_private(ctx, made))
    if made.done.exit_code not in {0, None} and (outside or not made.code):
        return errored(
            f"{made.command} ended with {made.done.exit_code}, for a reason outside of the project: {_cause(made.done)}",
            subject=subject,
            root_cause=_cause(made.done),
            command=made.command,
            output=made.done.output[-_OUTPUT_CHARACTERS:],
        )
    if made.done.exit_code != 0:
        return _finding(ctx, made, subject="install" if subject == "npm" else f"install of {subject}")
    folder = copy_known(ctx, made.root) / "node_modules"
    count = sum(1 for each in folder.rglob("package.json") if each.parent.parent.name == "node_modules" or each.parent.parent.name[:1] == "@") if folder.is_dir() else 0  # fmt: skip
    return passed(
        f"{count} packages were installed from {made.lock.file if made.lock else made.root.file} with an empty cache.",
        subject=subject,
        command=made.command,
        duration_s=round(made.done.duration_s, 2),
        packages=count,
        scripts_ran=ctx.parameters.install.scripts,
    )


def _is_private(ctx: Context, made: _Install) -> bool:
    """Tell whether a package that was not found belongs to a scope with a registry of its own."""
    scopes = [name.partition(":")[0] for name in npm_settings(ctx, made.root) if name.endswith(":registry")]
    return made.done is not None and any(
        scope in made.done.output or scope.replace("@", "%40") in made.done.output for scope in scopes
    )


def _finding(ctx: Context, made: _Install, *, subject: str) -> Result:
    done = made.done
    assert done is not None  # noqa: S101  (both callers looked)
    timed_out = done.exit_code is None
    cause = _cause(done)
    how = (
        f"did not end within {ctx.parameters.install.timeout_s:g} s"
        if timed_out
        else f"ended with {done.exit_code}"
    )
    file = made.lock.file if made.lock else made.root.file
    names = _named(done.output)
    manifest = next((each for each in _own(ctx, made) for name in names if each.declares(name)), made.root)
    name = next((each for each in names if manifest.declares(each)), names[0] if names else "")
    return failed(
        f"{made.command} {how}{f' ({made.code})' if made.code else ''}: {cause}",
        subject=subject,
        root_cause=cause,
        impact="The application can't be installed on a new machine from what is committed.",
        fix=_fix(made, name, done),
        locations=(
            Location(manifest.file, manifest.line(manifest.declares(name), name) if name else 0),
            Location(file, made.lock.line(name) if made.lock and name else 0),
        ),
        command=made.command,
        exit_code=done.exit_code,
        code=made.code,
        output=done.output[-_OUTPUT_CHARACTERS:],
    )


def _own(ctx: Context, made: _Install) -> list[Manifest]:
    layout = layout_known(ctx)
    return [each for each in layout.manifests.values() if layout.install_root(each) is made.root]


def _named(output: str) -> list[str]:
    """Return the packages that npm's error names, in its order."""
    pattern = r"(?:Missing: |Invalid: lock file's |peer |Found: |resolving: |tarball data for |'|for )(@?[a-z0-9][\w./-]*)@"
    return list(dict.fromkeys(re.findall(pattern, output, re.IGNORECASE)))


def _resolving(made: _Install) -> str:
    found = re.search(r"peer (@?[\w./-]+)@", made.done.output) if made.done else None
    return found[1] if found else ""


def _cause(done: Done) -> str:
    """Return what npm says of its failure, as one line without its manual."""
    said = [line.strip() for line in _LINE.findall(done.output)]
    end = next(
        (
            n
            for n, line in enumerate(said)
            if line.startswith(("Clean install a project", "Usage:", "Fix the upstream dependency conflict"))
        ),
        len(said),
    )
    kept = [line for line in said[:end] if line and not _NOISE.match(line)]
    return " ".join(kept)[:_CAUSE_CHARACTERS] or " ".join(done.lines[-3:])[:_CAUSE_CHARACTERS] or "no output"


def _fix(made: _Install, name: str, done: Done) -> Fix:
    folder = made.root.folder
    refresh = terminal(refresh_command("npm", folder))
    lock = made.lock.file if made.lock else "package-lock.json"
    if made.code == "ERESOLVE":
        wanted = re.search(r"Conflicting peer dependency: (@?[^@\s]+@\S+)", done.output)
        version = wanted[1] if wanted else name
        return Fix(
            (
                f"Bring {name} and what expects it to versions that fit: {version} is what npm would need.",
                "--legacy-peer-deps only hides it: the two still meet at run time.",
            ),
            (terminal(f"npm install {version}{f' --prefix {folder}' if folder else ''}"),),
            "https://docs.npmjs.com/cli/using-npm/config#strict-peer-deps",
            20,
        )
    if made.code == "EUSAGE":
        return Fix((f"Bring {lock} up to the manifests, and commit it.",), (refresh,), _DOCS, 5)
    if made.code in {"EINTEGRITY", "EBADPLATFORM"}:
        what = (
            "its digest was changed by hand, or the package was published anew"
            if made.code == "EINTEGRITY"
            else "it exists for another platform; it belongs into optionalDependencies"
        )
        moved = f"npm install --save-optional {name}" if made.code == "EBADPLATFORM" and name else ""
        return Fix(
            (f"Look at {name or 'the package that npm names'}: {what}.", f"Make {lock} again and commit it."),
            (terminal(moved) if moved else refresh,),
            _DOCS,
            15,
        )
    if made.code in {"E404", "ETARGET"}:
        return Fix(
            (
                f"{name or 'The package that npm names'} is not published in that version: declare one that is.",
            ),
            (terminal(f"npm view {name or '<package>'} versions"), refresh),
            _DOCS,
            15,
        )
    missing = local_folder(done.output)
    step = (
        f"{missing} is declared as a local package and is not committed."
        if missing
        else "Mend what npm names."
    )
    return Fix((step,), (Code("terminal", made.command, language="shell"),), _DOCS, 20)
