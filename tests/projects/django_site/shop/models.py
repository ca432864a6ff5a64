"""What is sold."""

from django.db import models


class Product(models.Model):
    """One product."""

    name = models.CharField(max_length=100)
    price_cents = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
