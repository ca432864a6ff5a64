"""What the build's output weighs against its budgets (C3)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployer_lib.charts import sizes
from deployer_lib.check import Code, Fix, Location, Skip, errored, failed, passed, skipped
from deployer_lib.probes.build_output import output_paths
from deployer_lib.probes.context import probe, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from deployer_lib.check import JSONValue, Result
    from deployer_lib.parameters.model import Build
    from deployer_lib.probes.context import Context

__all__ = ["size"]

_KB: Final = 1000
_LISTED: Final = 50
_CHUNKS: Final = (".js", ".mjs", ".cjs", ".css", ".wasm")


@probe("build.size")
def size(ctx: Context) -> Iterable[Result]:
    """Weigh the output, raw and compressed, against its budgets."""
    declared = ctx.parameters.build
    if declared is None:
        yield skipped(Skip.UNAVAILABLE, "build is not declared, so there is no output with budgets")
        return
    files = [*_weighed(output_paths(ctx, declared), ctx.workspace)]
    if not files:
        yield errored("the build left nothing to weigh")
        return
    bundle = [f for f in files if declared.bundle and f.path.startswith(f"{declared.bundle.rstrip('/')}/")]
    evidence: dict[str, JSONValue] = {
        "raw_bytes": sum(f.raw for f in files),
        "gzip_bytes": sum(f.packed for f in files),
        "bundle_raw_bytes": sum(f.raw for f in bundle),
        "bundle_gzip_bytes": sum(f.packed for f in bundle),
        "files": [
            {"path": f.path, "raw_bytes": f.raw, "gzip_bytes": f.packed}
            for f in sorted(files, key=lambda f: -f.raw)[:_LISTED]
        ],
        "max_bundle_kb": declared.max_bundle_kb,
        "max_chunk_kb": declared.max_chunk_kb,
        "max_output_kb": declared.max_output_kb,
    }
    if declared.bundle and not bundle:
        yield errored(f"the bundle folder {declared.bundle} holds no file").observing(evidence)
        return
    limit_kb = declared.max_chunk_kb if bundle else declared.max_output_kb
    show(ctx, sizes([(f.path, f.raw) for f in bundle or files], limit_kb * _KB))
    over = [*_over(files, bundle, declared)]
    if not over:
        yield passed(
            f"{len(files)} files, {_kb(sum(f.raw for f in files))} ({_kb(sum(f.packed for f in files))} compressed), within budget"
        ).observing(evidence)
        return
    worst = max(bundle or files, key=lambda f: f.raw)
    yield failed(
        f"Over budget: {'; '.join(over)}.",
        root_cause=f"The largest file is {worst.path} with {_kb(worst.raw)}.",
        impact="Pages load later, most of all on phones.",
        fix=Fix(
            steps=(
                f"Look at what {worst.path} holds; split what the first page does not need, and compress images.",
                "Or raise the budget knowingly.",
            ),
            code=(
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    f"build:\n  max_chunk_kb: {round(worst.raw / _KB + 1)}",
                    language="yaml",
                ),
            ),
            docs="https://web.dev/articles/performance-budgets-101",
            minutes=60,
        ),
        locations=(Location(worst.path),),
    ).observing(evidence)


@dataclass(frozen=True, slots=True)
class _Weighed:
    path: str
    raw: int  # bytes on disk
    packed: int  # bytes as gzip level 9


def _weighed(paths: list[Path], workspace: Path) -> Iterator[_Weighed]:
    for path in paths:
        for file in sorted(p for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()):
            data = file.read_bytes()
            yield _Weighed(
                file.relative_to(workspace).as_posix(), len(data), len(gzip.compress(data, 9, mtime=0))
            )


def _over(files: list[_Weighed], bundle: list[_Weighed], declared: Build) -> Iterator[str]:
    total = sum(f.raw for f in files)
    if total > declared.max_output_kb * _KB:
        yield f"the whole output is {_kb(total)}, budget {declared.max_output_kb:.0f} KB"
    total = sum(f.raw for f in bundle)
    if total > declared.max_bundle_kb * _KB:
        yield f"the bundle is {_kb(total)}, budget {declared.max_bundle_kb:.0f} KB"
    for file in bundle:
        if file.path.endswith(_CHUNKS) and file.raw > declared.max_chunk_kb * _KB:
            yield f"{file.path} is {_kb(file.raw)}, budget {declared.max_chunk_kb:.0f} KB a chunk"


def _kb(size_bytes: int) -> str:
    return f"{size_bytes / _KB:.1f} KB"
