"""The process: logs, database, administrator, and then the web server."""

import logging

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from storefront import build_info, error_tracking, logging_setup
from storefront.app import create_app
from storefront.auth import ensure_admin
from storefront.db import Database, reason
from storefront.settings import Settings, StartupError

GRACE_S = 10

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Check what the service needs, then serve; raise a StartupError if something is amiss."""
    logging_setup.configure(settings.log_level, settings.log_file)
    build = build_info.read()
    error_tracking.configure(settings.sentry_dsn, build)
    database = prepare_database(settings)
    log.info("starting", extra={"version": build.version, "build_id": build.build_id})
    uvicorn.Server(server_config(settings, database)).run()


def prepare_database(settings: Settings) -> Database:
    """Return the database, proved to be there, up to date, and with an administrator."""
    database = Database(settings.database_url)
    warning = database.check_ready()
    if warning:
        log.warning(warning)
    try:
        ensure_admin(database, settings.admin_email, settings.admin_password)
    except (SQLAlchemyError, OSError) as error:
        raise StartupError(
            f"can't write to the database {database.safe_url}: {reason(error)}"
        ) from error
    return database


def server_config(settings: Settings, database: Database) -> uvicorn.Config:
    """Return how uvicorn is to run: our logs, no banner, addresses from known proxies alone."""
    return uvicorn.Config(
        create_app(settings, database),
        host=settings.host,
        port=settings.port,
        workers=1,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="on",
    )
