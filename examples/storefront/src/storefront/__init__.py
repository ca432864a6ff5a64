"""A small web shop: products, orders, and one administrator."""
