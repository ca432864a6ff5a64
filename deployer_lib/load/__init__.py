"""Load: requests under a plan, their raw columns, and every view derived from them."""
