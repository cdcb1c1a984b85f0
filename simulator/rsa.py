"""RSA signatures (PKCS#1 v1.5 with SHA-256, base64) of the gateways that use them."""

from __future__ import annotations

import base64
import functools

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)


def make_pair() -> tuple[str, str]:
    """This function will make a key pair, private and public, as PEM."""
    private = generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode(), public.decode()


def sign(private_pem: str, content: bytes) -> str:
    return base64.b64encode(_private(private_pem).sign(content, PKCS1v15(), SHA256())).decode()


def is_signed(public_pem: str, content: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        _public(public_pem).verify(raw, content, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@functools.cache
def _private(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


@functools.cache
def _public(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    return key
