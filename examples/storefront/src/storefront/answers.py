"""Errors, always as JSON and always with the trace id to ask about."""

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from storefront.trace import current_trace


def error_answer(
    status: int, problem: str, *, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """Return an error that tells the client what it may know."""
    trace = current_trace()
    body = {"error": problem, **more, "trace_id": trace.trace_id if trace else None}
    return JSONResponse(body, status, headers)


async def http_error(_request: Request, error: Exception) -> Response:
    """Answer what an endpoint or the router refused."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers) if error.headers else None
    return error_answer(error.status_code, error.detail, headers=headers)


async def invalid_request(_request: Request, error: Exception) -> Response:
    """Name the fields that are wrong, without repeating what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [
        {"field": ".".join(str(part) for part in problem["loc"]), "problem": problem["msg"]}
        for problem in error.errors()[:20]
    ]
    return error_answer(422, "the request is not valid", fields=fields)
