"""What every endpoint can ask for: settings, database, metrics, build."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from storefront.build_info import BuildInfo
from storefront.db import Database
from storefront.metrics import Metrics
from storefront.probe import DatabaseProbe
from storefront.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """Hold the parts that live as long as the application."""

    settings: Settings
    database: Database
    probe: DatabaseProbe
    metrics: Metrics
    build: BuildInfo


async def current(request: Request) -> Context:
    """Return the application's context (async, so that it costs no thread)."""
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(current)]
