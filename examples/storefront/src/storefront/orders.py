"""Sales."""

from fastapi import APIRouter, HTTPException
from sqlalchemy import select, update

from storefront.auth import CurrentAccount
from storefront.context import Ctx
from storefront.models import Order, Product
from storefront.schemas import Limit, Offset, OrderIn, OrderOut

router = APIRouter(prefix="/api/orders")


@router.post("", status_code=201)
def place_order(wish: OrderIn, account: CurrentAccount, context: Ctx) -> OrderOut:
    """Sell, if there is enough in stock."""
    # One statement tests and takes, so two customers can't both get the last one.
    take = (
        update(Product)
        .where(Product.id == wish.product_id, Product.stock >= wish.quantity)
        .values(stock=Product.stock - wish.quantity)
        .returning(Product.price_cents)
        .execution_options(synchronize_session=False)
    )
    with context.database.session() as session:
        price_cents = session.scalar(take)
        if price_cents is None:
            if session.get(Product, wish.product_id) is None:
                raise HTTPException(404, "there is no such product")
            raise HTTPException(409, "there is not enough in stock")
        order = Order(
            account_id=account.id,
            product_id=wish.product_id,
            quantity=wish.quantity,
            total_cents=price_cents * wish.quantity,
        )
        session.add(order)
    context.metrics.sold(order.total_cents)
    return OrderOut.model_validate(order)


@router.get("")
def list_orders(
    account: CurrentAccount, context: Ctx, limit: Limit = 50, offset: Offset = 0
) -> list[OrderOut]:
    """List the caller's own orders, the newest first."""
    query = (
        select(Order)
        .where(Order.account_id == account.id)
        .order_by(Order.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with context.database.session() as session:
        return [OrderOut.model_validate(order) for order in session.scalars(query)]
