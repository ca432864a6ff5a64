"""What clients send and what they get back."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from storefront.models import MAX_INTEGER

# Control characters are refused: PostgreSQL can't store NUL, and nobody's name has a line break.
PLAIN_TEXT = r"^[^\x00-\x1f\x7f]+$"
MAX_PRICE_CENTS = 10_000_000

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=PLAIN_TEXT)
]
Sku = Annotated[str, StringConstraints(max_length=40, pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$")]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$"
    ),
]
Price = Annotated[int, Field(ge=1, le=MAX_PRICE_CENTS)]
Stock = Annotated[int, Field(ge=0, le=1_000_000)]
Identifier = Annotated[int, Field(ge=1, le=MAX_INTEGER)]

PathIdentifier = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=MAX_INTEGER)]


class Input(BaseModel):
    """Take JSON as it is: no unknown fields, and no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Output(BaseModel):
    """Read the fields from a row."""

    model_config = ConfigDict(from_attributes=True)


class Credentials(Input):
    """Someone who wants to log in."""

    email: Email
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Token(Output):
    """What a log-in gives; `expires_in` is in seconds."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


class AccountOut(Output):
    """The account that a token belongs to."""

    email: str
    role: str


class ProductIn(Input):
    """A product to add."""

    sku: Sku
    name: Name
    price_cents: Price
    stock: Stock = 0


class ProductChange(Input):
    """What to change of a product; what is left out stays."""

    name: Name | None = None
    price_cents: Price | None = None
    stock: Stock | None = None


class ProductOut(Output):
    """A product as everybody sees it."""

    id: int
    sku: str
    name: str
    price_cents: int
    stock: int


class OrderIn(Input):
    """A product to buy."""

    product_id: Identifier
    quantity: Annotated[int, Field(ge=1, le=100)]


class OrderOut(Output):
    """A sale as its buyer sees it."""

    id: int
    product_id: int
    quantity: int
    total_cents: int
    created_at: datetime
