"""Bring the database up to date with the migrations inside the package."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from storefront.db import SCRIPTS, driver_arguments, reason
from storefront.settings import StartupError


def upgrade(address: str) -> str:
    """Run what is pending and return what can be said about it."""
    url, _ = driver_arguments(address)
    safe_url = url.render_as_string(hide_password=True)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["address"] = address
    try:
        command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        raise StartupError(f"can't migrate {safe_url} (DATABASE_URL): {reason(error)}") from error
    return f"{safe_url} is at revision {ScriptDirectory(str(SCRIPTS)).get_current_head()}"
