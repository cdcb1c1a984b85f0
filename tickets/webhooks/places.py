"""Where a webhook may go: out into the world, never to an address of our own network.

Whoever may register an address could otherwise have the desk knock at its database, at a cloud's
metadata service or at a router. A name is resolved once and the connection made to the address that
was judged, so that a name which changes its mind in between gains nothing.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

URL_LIMIT = 500
NAT64 = ipaddress.ip_network("64:ff9b::/96")
SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


class NotAPlace(Exception):
    """No webhook goes there; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    url: str
    #: The address to connect to.
    address: str


def find_place(url: str) -> Place:
    """This function will judge an address and resolve its name, once.

    :raises NotAPlace: no https address, not to be found, or within a private network.
    """
    parts = read_url(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotAPlace(_("The host %(host)s cannot be found.") % {"host": host}) from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    # One inner address among outer ones is as good as all: which one is tried is not ours to say.
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(map(is_public, addresses)):
        raise NotAPlace(_("The host %(host)s is within a private network.") % {"host": host})
    return Place(url, addresses[0])


def read_url(url: str) -> SplitResult:
    """This function will read an address without asking anybody.

    :raises NotAPlace: it is none that a webhook may have.
    """
    schemes = ("https", "http") if settings.WEBHOOK_ALLOW_PRIVATE else ("https",)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAPlace(_("This is no address.")) from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise NotAPlace(_("Write a whole https address, such as https://shop.example.com/hooks."))
    if parts.username or parts.password or parts.fragment:
        raise NotAPlace(_("The address must not hold a name, a password or a #."))
    if any(character.isspace() or not character.isprintable() for character in url):
        raise NotAPlace(_("This is no address."))
    return parts


def is_public(address: str) -> bool:
    """This function will tell whether an IP address is anybody's in the world outside, whatever
    it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in NAT64 or ip in SIX_TO_FOUR or ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast
