"""What Prometheus collects."""

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    generate_latest,
)

#: Anything else a client makes up is counted as OTHER: labels must not grow without bound.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Count requests and sales, in a registry of its own for each application."""

    #: The oldest version, which every collector reads; our names need nothing newer.
    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self._requests = Counter(
            "http_requests_total", "Requests answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("method", "route"),
            registry=self.registry,
        )
        self._errors = Counter(
            "http_errors_total",
            "Answers that were an error: of the client (4xx) or of the server (5xx).",
            ("kind",),
            registry=self.registry,
        )
        self._orders = Counter("storefront_orders_total", "Orders placed.", registry=self.registry)
        self._sales = Counter(
            "storefront_sales_cents_total", "Value of the orders placed.", registry=self.registry
        )
        for kind in ("client", "server"):
            self._errors.labels(kind)  # there from the start, at zero

    def answered(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request."""
        method = method if method in METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(duration_s)
        if status >= 400:
            self._errors.labels("client" if status < 500 else "server").inc()

    def sold(self, cents: int) -> None:
        """Count an order."""
        self._orders.inc()
        self._sales.inc(cents)

    def render(self) -> bytes:
        """Return all of them in Prometheus' text format."""
        return generate_latest(self.registry)
