"""Unexpected errors, sent to a Sentry-compatible service where SENTRY_DSN is set."""

import sentry_sdk

from storefront.build_info import BuildInfo
from storefront.trace import current_trace


def configure(dsn: str, build: BuildInfo) -> None:
    """Connect to the service; without a DSN nothing is ever sent."""
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        release=f"storefront@{build.version}",
        dist=build.build_id,
        # Only what we report ourselves: no request bodies, no local variables, no addresses.
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
    )


def report(error: Exception) -> None:
    """Send the error with the ids under which the log has it."""
    with sentry_sdk.new_scope() as scope:
        trace = current_trace()
        if trace:
            scope.set_tag("trace_id", trace.trace_id)
            scope.set_tag("request_id", trace.request_id)
        scope.capture_exception(error)
