"""Which names of variables, keys and parameters say that their value is a secret; and which of them need no luck to guess."""

from __future__ import annotations

import re
from typing import Final

from deployer_lib.probes.secrets.values import listed
from deployer_lib.secret import is_secret_name

__all__ = ["is_password_name", "is_signing_name", "names_secret"]

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MORE: Final = re.compile(
    r"(?:^|_)(?:jwt|cookie|crypto|cipher|aes|app|hmac|salt|refresh)_?key$|(?:^|_)pw$|secret_?key_?base$|(?:^|_)auth_?token$"
)
#: Words of names whose values are public, chosen anew, or no credential at all.
_PUBLIC: Final = listed(
    "public publishable anon site csrf xsrf page continuation cancellation cancel design color colour eos bos pad unk sep cls mask stop token_type "
    "hash hashed hashes encrypted sealed placeholder label hint pattern regex regexp message error invalid missing wrong forgot reset confirm "
    "confirmation repeat verify verification type field column header cookie_name param prefix suffix path url uri name names title text "
    "description required validation rule rules syntax lexer keyword stripe_public vapid_public fake mock test tests testing example dummy sample "
    "primary foreign partition sort cache query route search idempotency i18n translation display no without disable allow has is show "
    "hide toggle input min max length expire expires expiry ttl kind group list format change update new old current event action enum ignored excluded allowed blocked"
)
#: What bundlers put into the pages that they make, for everybody to read.
_BROWSER: Final = re.compile(
    r"(?:NEXT_PUBLIC|NUXT_PUBLIC|REACT_APP|VITE|VUE_APP|GATSBY|EXPO_PUBLIC|PUBLIC|NG_APP|STORYBOOK)_"
)
_SIGNING: Final = re.compile(
    r"(?:^|_)(?:secret_?keys?|secret_?key_?base|jwt_?secret|jwt_?secret_?key|jwt_?key|session_?secret|cookie_?secret|app_?secret|app_?key|auth_?secret"
    r"|token_?secret|access_?token_?secret|refresh_?token_?secret|refresh_?secret|encryption_?key|signing_?key|signing_?secret|secret_?token|hmac_?secret|hmac_?key"
    r"|crypto_?key|cipher_?key|aes_?key|master_?key)$"
)
_PASSWORD: Final = re.compile(r"(?:^|_)(?:password|passwd|pass|pwd|passphrase|pw)$")


def names_secret(name: str) -> bool:
    """Tell whether a value under this name is meant to be secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or _BROWSER.match(name) or _PUBLIC & set(words[:-1]) or words[-1] in _PUBLIC:
        return False
    return is_secret_name(name) or _MORE.search("_".join(words)) is not None


def is_signing_name(name: str) -> bool:
    """Tell whether a name is that of a key that sessions, tokens or data are signed or encrypted with.

    Whoever knows such a key signs a session for anyone, so that even a plain word there is a real key.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return names_secret(name) and _SIGNING.search("_".join(words)) is not None


def is_password_name(name: str) -> bool:
    """Tell whether a name is that of a password."""
    words = [word.lower() for word in _WORD.findall(name)]
    return names_secret(name) and _PASSWORD.search("_".join(words)) is not None
