"""What scripts/build.py wrote into the package about its build."""

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """Identify a build: the release's number, the build's own id, and the commit it came from."""

    version: str
    build_id: str
    commit: str


def read() -> BuildInfo:
    """Return what was baked into the wheel, or `dev` for a source tree that was never built."""
    baked = files("storefront") / "_build.json"
    if baked.is_file():
        return BuildInfo(**json.loads(baked.read_text("utf-8")))
    try:
        number = version("storefront")
    except PackageNotFoundError:
        number = "0+source"
    return BuildInfo(version=number, build_id="dev", commit="unknown")
