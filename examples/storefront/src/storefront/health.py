"""Is it alive, does it reach its database, which build is it, and how is it doing?"""

from dataclasses import asdict

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from storefront.context import Ctx

router = APIRouter()


@router.get("/health")
async def health(context: Ctx) -> dict[str, str]:
    """Say that the process answers; the database has no part in it."""
    return {"status": "ok", "version": context.build.version}


@router.get("/health/db")
async def health_db(context: Ctx) -> JSONResponse:
    """Say whether the database answers."""
    if await context.probe.answers():
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "unavailable"}, 503)


@router.get("/version")
async def version(context: Ctx) -> dict[str, str]:
    """Say exactly which build this is."""
    return asdict(context.build)


@router.get("/metrics")
async def metrics(context: Ctx) -> Response:
    """Answer Prometheus."""
    return Response(
        context.metrics.render(), headers={"content-type": context.metrics.content_type}
    )
