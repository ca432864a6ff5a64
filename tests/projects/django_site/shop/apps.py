"""The app."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Products."""

    name = "shop"
