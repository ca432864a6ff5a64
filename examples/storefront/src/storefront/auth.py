"""Log-in, and who is asking."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.context import Ctx
from storefront.db import Database
from storefront.models import MAX_INTEGER, Account
from storefront.passwords import NOBODY, hash_password, verify_password
from storefront.schemas import AccountOut, Credentials, Token

ALGORITHM = "HS256"

router = APIRouter(prefix="/api")


def issue_token(account_id: int, secret: str, lifetime: timedelta) -> str:
    """Sign a token for the account."""
    now = datetime.now(UTC)
    claims = {"sub": str(account_id), "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read_token(token: str, secret: str) -> int | None:
    """Return the account's id, or None for any token that isn't ours or isn't valid now."""
    try:
        claims = jwt.decode(
            token, secret, algorithms=[ALGORITHM], options={"require": ["sub", "iat", "exp"]}
        )
        account_id = int(claims["sub"])
    except (jwt.InvalidTokenError, ValueError):
        return None
    return account_id if 1 <= account_id <= MAX_INTEGER else None


def current_account(request: Request, context: Ctx) -> Account:
    """Return the account behind the Authorization header, or answer 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    account_id = read_token(token.strip(), context.settings.jwt_secret)
    if scheme.lower() == "bearer" and account_id is not None:
        with context.database.session() as session:
            account = session.get(Account, account_id)
        if account is not None:
            return account
    raise _unauthorized("a valid bearer token is required")


CurrentAccount = Annotated[Account, Depends(current_account)]


def admin(account: CurrentAccount) -> Account:
    """Let administrators through, and answer 403 to others."""
    if account.role != "admin":
        raise HTTPException(403, "only an administrator may do this")
    return account


Admin = Annotated[Account, Depends(admin)]


@router.post("/login")
def log_in(credentials: Credentials, context: Ctx) -> Token:
    """Exchange e-mail address and password for a token."""
    with context.database.session() as session:
        account = session.scalar(select(Account).where(Account.email == credentials.email))
    stored = account.password_hash if account else NOBODY
    if not verify_password(credentials.password, stored) or account is None:
        raise _unauthorized("e-mail address or password is wrong")
    lifetime = timedelta(minutes=context.settings.token_minutes)
    return Token(
        access_token=issue_token(account.id, context.settings.jwt_secret, lifetime),
        expires_in=int(lifetime.total_seconds()),
    )


@router.get("/me")
def me(account: CurrentAccount) -> AccountOut:
    """Say who is logged in."""
    return AccountOut.model_validate(account)


def ensure_admin(database: Database, email: str, password: str) -> None:
    """Make the administrator's account match the settings; a no-op when it does already."""
    try:
        with database.session() as session:
            account = session.scalar(select(Account).where(Account.email == email))
            if account is None:
                session.add(
                    Account(email=email, password_hash=hash_password(password), role="admin")
                )
                return
            account.role = "admin"
            if not verify_password(password, account.password_hash):
                account.password_hash = hash_password(password)
    except IntegrityError:
        # Another instance that is starting was faster, with the same settings.
        return


def _unauthorized(problem: str) -> HTTPException:
    return HTTPException(401, problem, headers={"WWW-Authenticate": "Bearer"})
