"""The application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from storefront import auth, build_info, frontend, health, orders, products
from storefront.answers import http_error, invalid_request
from storefront.context import Context
from storefront.db import Database
from storefront.metrics import Metrics
from storefront.middleware.access import Access
from storefront.middleware.body_limit import BodyLimit
from storefront.middleware.cors import Cors
from storefront.middleware.errors import ErrorBoundary
from storefront.middleware.headers import SecurityHeaders
from storefront.middleware.rate_limit import RateLimit
from storefront.probe import DatabaseProbe
from storefront.settings import Settings


def create_app(settings: Settings, database: Database) -> FastAPI:
    """Return the application; it closes the database when it ends."""
    context = Context(settings, database, DatabaseProbe(database), Metrics(), build_info.read())
    app = FastAPI(
        lifespan=_lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.context = context
    for router in (health.router, auth.router, products.router, orders.router, frontend.router()):
        app.include_router(router)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid_request)
    _add_middleware(app, context)
    return app


def _add_middleware(app: FastAPI, context: Context) -> None:
    # Each one goes around those before it, so this list reads from the inside out.
    settings = context.settings
    app.add_middleware(ErrorBoundary)
    app.add_middleware(BodyLimit)
    app.add_middleware(
        RateLimit,
        per_minute=settings.rate_limit_per_minute,
        logins_per_minute=settings.login_rate_limit_per_minute,
    )
    app.add_middleware(Cors, origins=settings.frontend_origins)
    app.add_middleware(Access, metrics=context.metrics)
    app.add_middleware(SecurityHeaders)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    context: Context = app.state.context
    context.probe.close()
    context.database.close()
