"""What nobody expected: the client learns the trace id, the log the rest."""

import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storefront import error_tracking
from storefront.answers import error_answer

log = logging.getLogger(__name__)

#: pg8000 lets some errors of the socket through as they are.
DATABASE_TROUBLE = (SQLAlchemyError, TimeoutError, ConnectionError)


class ErrorBoundary:
    """Turn an exception into an answer; innermost, so that the answer gets all headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            log.exception("request failed")
            error_tracking.report(error)
            if started:
                raise  # too late for another answer: the server cuts the connection
            if isinstance(error, DATABASE_TROUBLE):
                answer = error_answer(
                    503, "the database is not available", headers={"Retry-After": "5"}
                )
            else:
                answer = error_answer(500, "something went wrong on our side")
            await answer(scope, receive, send)
