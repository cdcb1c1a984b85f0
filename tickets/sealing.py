"""Sealing what must not lie in the database in clear: bank accounts.

The key is derived from SECRET_KEY; after a change of that key SECRET_KEY_FALLBACKS still open what
was sealed before.
"""

import base64
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

#: Names the use of the key: another use of the same SECRET_KEY gets another key.
PURPOSE = b"tickets.sealing: bank details, version 1"


class UnableToUnseal(Exception):
    """The key it was sealed with is gone, or the text was changed."""


def seal(values: Mapping[str, str]) -> str:
    """This function will encrypt a few strings into one text."""
    plain = json.dumps(dict(values), ensure_ascii=False, sort_keys=True).encode()
    return _box().encrypt(plain).decode("ascii")


def unseal(sealed: str) -> dict[str, str]:
    """This function will open what ``seal`` made.

    :raises UnableToUnseal: no key of ours opens it.
    """
    try:
        values: dict[str, str] = json.loads(_box().decrypt(sealed.encode("ascii")))
    except InvalidToken:
        raise UnableToUnseal("sealed with a key that is not known here any more") from None
    return values


def _box() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derive_key(secret)) for secret in secrets])


def _derive_key(secret: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return base64.urlsafe_b64encode(derivation.derive(secret.encode()))
