"""Find secrets in a project's files: providers' tokens, keys, literals under secret-looking names, unsafe fallbacks.

A value that was found is never kept: what leaves this package is its kind, its place, and a masked tail.
"""

from deployer_lib.probes.secrets.finder import find_secrets
from deployer_lib.probes.secrets.model import FoundSecret, SecretsFound

__all__ = ["FoundSecret", "SecretsFound", "find_secrets"]
