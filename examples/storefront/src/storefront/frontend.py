"""The web page, from the files that the build put into the package."""

import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Response

PACKAGED = files("storefront") / "static"


def router() -> APIRouter:
    """Serve the files: index.html at `/`, the others under their hashed names."""
    # Read once: requests then can't reach any other file, whatever path they make up.
    content = {entry.name: entry.read_bytes() for entry in _entries(PACKAGED)}
    routes = APIRouter()

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def index() -> Response:
        if "index.html" not in content:
            raise HTTPException(404, "the front end was not built (scripts/build.py)")
        return Response(
            content["index.html"],
            media_type="text/html",
            headers={"Cache-Control": "no-cache"},
        )

    @routes.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        if name not in content:
            raise HTTPException(404, "there is no such file")
        return Response(
            content[name],
            media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            # The name changes with the content.
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )

    return routes


def _entries(folder: Traversable) -> list[Traversable]:
    return [entry for entry in folder.iterdir() if entry.is_file()] if folder.is_dir() else []
