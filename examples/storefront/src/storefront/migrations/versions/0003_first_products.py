"""The products that the shop opens with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

products = sa.table(
    "products",
    sa.column("sku", sa.String),
    sa.column("name", sa.String),
    sa.column("price_cents", sa.Integer),
    sa.column("stock", sa.Integer),
)
ROWS = [
    {"sku": "MUG-01", "name": "Stoneware mug", "price_cents": 1400, "stock": 500},
    {"sku": "TEA-01", "name": "Assam tea, 250 g", "price_cents": 950, "stock": 800},
    {"sku": "POT-01", "name": "Cast-iron teapot", "price_cents": 6900, "stock": 60},
    {"sku": "TRAY-01", "name": "Oak tray", "price_cents": 3200, "stock": 120},
    {"sku": "SPOON-01", "name": "Brass measuring spoon", "price_cents": 780, "stock": 300},
]


def upgrade() -> None:
    op.bulk_insert(products, ROWS)


def downgrade() -> None:
    skus = [row["sku"] for row in ROWS]
    op.execute(products.delete().where(products.c.sku.in_(skus)))
