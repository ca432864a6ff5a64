"""Load on the declared path: a quick test, a sustained one, and the search for the limits."""
