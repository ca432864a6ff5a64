"""Answers."""

from django.http import HttpRequest, JsonResponse

from shop.models import Product


def health(_request: HttpRequest) -> JsonResponse:
    """Say that the site is up."""
    return JsonResponse({"status": "ok"})


def products(request: HttpRequest) -> JsonResponse:
    """List products, all of them or those of which there are enough."""
    least = int(request.GET.get("least", "0"))
    chosen = Product.objects.filter(stock__gte=least).order_by("name")
    return JsonResponse({"products": list(chosen.values("name", "price_cents", "stock"))})
