"""Where a repository's Python projects lie: one manifest and its lock file each, judged by itself.

The members of one uv workspace share a lock file and are one project. What a result of a project in a subfolder names is
rewritten to be relative to the repository.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Location
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.python.clean_environment import MANIFESTS, is_python
from deployer_lib.probes.packages.python.declared import read_toml, section_of
from deployer_lib.probes.packages.python.imports import TOOL_FOLDERS, is_first_party
from deployer_lib.probes.variables.sources import list_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

__all__ = ["examined_together", "on_root", "python_roots", "rebased", "roots_left_out"]

#: Subjects that every project has, so that a project's folder must tell them apart.
_GENERAL: Final = frozenset({"pip", "install", "import", "lock file", "pins"})
_MAX_ROOTS: Final = 8


def python_roots(project: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Return the folders of a repository's Python projects that are judged, relative to it; the repository's own first."""
    return _all_roots(project, exclude)[:_MAX_ROOTS]


def roots_left_out(project: Path, exclude: Iterable[str] = ()) -> list[str]:
    """Return a sentence about the projects beyond those that are judged, nothing where there are none."""
    more = _all_roots(project, exclude)[_MAX_ROOTS:]
    shown = ", ".join(root.as_posix() for root in more)
    return [f"{len(more)} more Python projects were not looked at: {shown}."] if more else []


def _all_roots(project: Path, exclude: Iterable[str]) -> list[Path]:
    files = list_files(project, exclude).files
    code = [Path(file) for file in files if file.endswith(".py")]
    roots = [Path()] if is_python(project) else []
    members = _members(project)
    for file in sorted(files, key=lambda name: (name.count("/"), name)):
        path = Path(file)
        folder = path.parent
        if (
            path.name in MANIFESTS
            and folder != Path()
            and folder not in roots
            and folder.parts[0] not in TOOL_FOLDERS
            and not any(fnmatch(folder.as_posix(), pattern) for pattern in members)
            and _declares(project / path)
            and any(each.is_relative_to(folder) for each in code)
        ):
            roots.append(folder)
    return roots


def on_root(ctx: Context, root: Path, roots: Iterable[Path]) -> Context:
    """Return what a probe is given for one project: its folder, without the projects that lie in it."""
    nested = [
        other.relative_to(root).as_posix() for other in roots if other != root and other.is_relative_to(root)
    ]
    if root == Path() and not nested:
        return ctx
    memo = ctx.memo.setdefault(f"pip:{root.as_posix()}", {})
    scratch = ctx.scratch / f"pip-{root.as_posix().replace('/', '-')}"
    scratch.mkdir(exist_ok=True)
    section = ctx.parameters.project
    kept = [_relative(pattern, root) for pattern in section.exclude]
    parameters = ctx.parameters.model_copy(
        update={"project": section.model_copy(update={"exclude": [*kept, *nested]})}
    )
    return replace(
        ctx,
        workspace=ctx.workspace / root,
        project=ctx.project / root,
        scratch=scratch,
        parameters=parameters,
        memo=memo if isinstance(memo, dict) else {},
    )


def rebased(result: Result, root: Path) -> Result:
    """Return a result with its files relative to the repository."""
    if root == Path():
        return result
    code = tuple(
        each if each.file == "terminal" else replace(each, file=(root / each.file).as_posix())
        for each in result.fix.code
    )
    return replace(
        result,
        subject=f"{result.subject} in {root.as_posix()}" if result.subject in _GENERAL else result.subject,
        message=f"In {root.as_posix()}: {result.message}",
        locations=tuple(Location((root / each.file).as_posix(), each.line) for each in result.locations),
        fix=replace(result.fix, code=code),
    )


def examined_together(ctx: Context, found: Iterable[tuple[Path, Examined]]) -> Examined:
    """Return what the projects of a repository come to together."""
    answers = list(found)
    if len(answers) == 1 and answers[0][0] == Path():
        return answers[0][1]
    problems = [
        rebased(problem, root)
        for root, answer in answers
        for problem in answer.problems
        if not _is_beside(ctx, root, problem)
    ]
    return Examined(
        tuple(problems),
        {root.as_posix(): dict(answer.looked_at) for root, answer in answers if answer.looked_at},
        tuple(f"In {root.as_posix()}: {text}" for root, answer in answers for text in answer.unknown),
        "; ".join(f"in {root.as_posix()}: {answer.blocked}" for root, answer in answers if answer.blocked),
    )


def _is_beside(ctx: Context, root: Path, problem: Result) -> bool:
    """Tell whether a module that a project imports is the repository's own, outside of the project's folder."""
    module = problem.evidence.get("module")
    if not isinstance(module, str) or not problem.locations:
        return False
    return is_first_party(ctx.workspace, root / problem.locations[0].file, module)


def _relative(pattern: str, root: Path) -> str:
    prefix = f"{root.as_posix()}/"
    return pattern.removeprefix(prefix) if root != Path() else pattern


def _declares(path: Path) -> bool:
    if path.name != "pyproject.toml":
        return path.name != "setup.cfg"
    text, data, why = read_toml(path)
    if why:
        return "{{" not in text  # broken: to be named; else a template
    tools = section_of(data, "tool")
    return "project" in data or "poetry" in tools or "workspace" in section_of(tools, "uv")


def _members(project: Path) -> list[str]:
    members = section_of(read_toml(project / "pyproject.toml")[1], "tool", "uv", "workspace").get(
        "members", []
    )
    return [str(member).strip("/") for member in members] if isinstance(members, list) else []
