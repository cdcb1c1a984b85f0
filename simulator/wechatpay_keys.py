"""Keys of the simulated WeChat Pay, and what is done with them: RSA signatures over lines, sealed
resources (AEAD_AES_256_GCM), sensitive fields (RSA-OAEP)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from simulator import rsa
from simulator.messages import Body

SCHEME = "WECHATPAY2-SHA256-RSA2048"
KEY_NAMES = (
    "wechatpay_mch_id",
    "wechatpay_serial_no",
    "wechatpay_private_key",
    "wechatpay_apiv3_key",
    "wechatpay_public_key_id",
    "wechatpay_public_key",
    "wechatpay_platform_private_key",
    "wechatpay_platform_certificate",
)


def make_keys() -> dict[str, str]:
    """This function will make a merchant's account with the platform: his key and serial, the
    shared APIv3 key, the platform's key, both as a public key with an id and as a certificate."""
    (merchant, _), (platform, public_key) = rsa.make_pair(), rsa.make_pair()
    return {
        "wechatpay_mch_id": f"19{secrets.randbelow(10**8):08d}",
        "wechatpay_serial_no": f"{_certify(merchant).serial_number:040X}",
        "wechatpay_private_key": merchant,
        "wechatpay_apiv3_key": secrets.token_hex(16),
        "wechatpay_public_key_id": f"PUB_KEY_ID_{secrets.randbelow(10**34):034d}",
        "wechatpay_public_key": public_key,
        "wechatpay_platform_private_key": platform,
        "wechatpay_platform_certificate": _certify(platform)
        .public_bytes(serialization.Encoding.PEM)
        .decode(),
    }


def _certify(private_pem: str) -> x509.Certificate:
    key = _load_private(private_pem)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Gateway simulator")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(158) | 1 << 158)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )


@dataclass(frozen=True)
class WechatpayKeys:
    values: Mapping[str, str]

    @property
    def mch_id(self) -> str:
        return self.values["wechatpay_mch_id"]

    @property
    def merchant_serial(self) -> str:
        return self.values["wechatpay_serial_no"]

    @property
    def public_key_id(self) -> str:
        return self.values["wechatpay_public_key_id"]

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())

    @property
    def certificate_pem(self) -> str:
        return self.values["wechatpay_platform_certificate"]

    @property
    def certificate_serial(self) -> str:
        return f"{self.certificate.serial_number:040X}"

    @cached_property
    def _merchant_public(self) -> str:
        public = _load_private(self.values["wechatpay_private_key"]).public_key()
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, kind).decode()

    def is_merchants(self, signature: str, *parts: str | bytes) -> bool:
        """This function will say whether the merchant signed these lines."""
        return rsa.is_signed(self._merchant_public, _lines(*parts), signature)

    def sign(self, body: bytes, *, with_certificate: bool = False) -> dict[str, str]:
        """This function will return the signature headers for an answer or a notify."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        platform = self.values["wechatpay_platform_private_key"]
        signature = rsa.sign(platform, _lines(timestamp, nonce, body))
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Signature-Type": SCHEME,
            "Wechatpay-Serial": self.certificate_serial if with_certificate else self.public_key_id,
        }

    def seal(self, content: bytes, *, associated_data: str, original_type: str = "") -> Body:
        """This function will encrypt what only the merchant may read."""
        nonce = secrets.token_hex(6)
        key = self.values["wechatpay_apiv3_key"].encode()
        sealed = AESGCM(key).encrypt(nonce.encode(), content, associated_data.encode())
        body: Body = {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": associated_data,
            "ciphertext": base64.b64encode(sealed).decode(),
        }
        return {"original_type": original_type, **body} if original_type else body

    def seal_json(self, content: Body, *, associated_data: str) -> Body:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return self.seal(
            text.encode(), associated_data=associated_data, original_type=associated_data
        )

    def open_field(self, sealed: str) -> str | None:
        """This function will decrypt a sensitive field of a request, or return None."""
        scheme = padding.OAEP(  # SHA-1 is WeChat Pay's choice.
            mgf=padding.MGF1(algorithm=hashes.SHA1()),
            algorithm=hashes.SHA1(),
            label=None,
        )
        try:
            key = _load_private(self.values["wechatpay_platform_private_key"])
            return key.decrypt(base64.b64decode(sealed, validate=True), scheme).decode()
        except ValueError:
            return None


def _load_private(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _lines(*parts: str | bytes) -> bytes:
    return b"".join((part.encode() if isinstance(part, str) else part) + b"\n" for part in parts)
