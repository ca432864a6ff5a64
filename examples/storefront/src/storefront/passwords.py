"""Passwords, kept as salted scrypt hashes."""

import hashlib
import hmac
import secrets

# The cost that RFC 7914 gives for interactive log-ins: some 50 ms and 16 MB.
COST, BLOCK_SIZE, PARALLEL = 2**14, 8, 1


def hash_password(password: str) -> str:
    """Return salt and hash as text for the database."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def verify_password(password: str, stored: str) -> bool:
    """Compare in constant time."""
    _, salt, expected = stored.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK_SIZE, p=PARALLEL)


#: Compared with when nobody has the address: the time taken must not tell who has an account.
NOBODY = hash_password(secrets.token_hex(16))
