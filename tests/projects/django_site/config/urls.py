"""Paths."""

from django.urls import path

from shop.views import health, products

urlpatterns = [
    path("health", health),
    path("products", products),
]
