"""Let Alembic run against DATABASE_URL, the address that the service itself uses."""

from alembic import context
from sqlalchemy import create_engine, pool

from storefront.db import driver_arguments
from storefront.models import Base
from storefront.settings import database_url

# `storefront migrate` passes the address on; the `alembic` command knows the environment alone.
url, connect_args = driver_arguments(context.config.attributes.get("address") or database_url())

if context.is_offline_mode():
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(url, connect_args=connect_args, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
