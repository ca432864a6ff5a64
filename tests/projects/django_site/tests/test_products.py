"""The list of products."""

import os

import django
from django.test import Client
from django.test.utils import setup_databases, setup_test_environment

os.environ.setdefault("DJANGO_SECRET_KEY", "of-the-tests-alone")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
setup_test_environment()
setup_databases(verbosity=0, interactive=False)


def test_the_list_holds_what_is_in_stock():
    from shop.models import Product

    Product.objects.create(name="Mug", price_cents=1400, stock=3)
    Product.objects.create(name="Pot", price_cents=6900)

    answer = Client().get("/products", {"least": 1}, headers={"host": "testserver"})

    assert ["Mug"] == [product["name"] for product in answer.json()["products"]]
