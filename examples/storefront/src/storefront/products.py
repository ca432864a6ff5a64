"""The catalogue."""

from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.auth import Admin
from storefront.context import Ctx
from storefront.models import Product
from storefront.schemas import (
    Limit,
    Offset,
    PathIdentifier,
    ProductChange,
    ProductIn,
    ProductOut,
)

router = APIRouter(prefix="/api/products")


@router.get("")
def list_products(context: Ctx, limit: Limit = 50, offset: Offset = 0) -> list[ProductOut]:
    """List what is for sale, in the order in which it was added."""
    query = select(Product).order_by(Product.id).limit(limit).offset(offset)
    with context.database.session() as session:
        return [ProductOut.model_validate(product) for product in session.scalars(query)]


@router.get("/{product_id}")
def get_product(product_id: PathIdentifier, context: Ctx) -> ProductOut:
    """Show one product."""
    with context.database.session() as session:
        product = session.get(Product, product_id)
    return ProductOut.model_validate(_found(product))


@router.post("", status_code=201)
def add_product(product: ProductIn, _admin: Admin, context: Ctx) -> ProductOut:
    """Add a product; a SKU belongs to one product for good."""
    row = Product(**product.model_dump())
    try:
        with context.database.session() as session:
            session.add(row)
    except IntegrityError:
        raise HTTPException(409, "there is a product with this SKU already") from None
    return ProductOut.model_validate(row)


@router.patch("/{product_id}")
def change_product(
    product_id: PathIdentifier, change: ProductChange, _admin: Admin, context: Ctx
) -> ProductOut:
    """Change name, price or stock."""
    with context.database.session() as session:
        # Locked where the database can: an order in between must not be lost.
        product = _found(session.get(Product, product_id, with_for_update=True))
        for name, value in change.model_dump(exclude_none=True).items():
            setattr(product, name, value)
    return ProductOut.model_validate(product)


def _found(product: Product | None) -> Product:
    if product is None:
        raise HTTPException(404, "there is no such product")
    return product
