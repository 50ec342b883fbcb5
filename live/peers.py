"""Who a connection comes from, for all that is counted by address.

The peer's own address counts. What `X-Forwarded-For` says is believed of those proxies alone that
$FORWARDED_ALLOW_IPS names, which uvicorn reads; see `live.door.connections`.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import cache, lru_cache

from starlette.requests import HTTPConnection

V6_BITS = 64  # of an address: what one household or school has, whoever gives its machines the rest
OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via")

log = logging.getLogger("zscape.live")


def address_of(connection: HTTPConnection) -> str:
    """What a request or a socket is counted as."""
    host = "" if connection.client is None else connection.client.host
    if is_this_machine(host) and "x-forwarded-for" in connection.headers:
        _unnamed(host)
    return counted_as(host)


@lru_cache(maxsize=4096)  # asked for every image that a pointer decodes
def counted_as(host: str | None) -> str:
    """An address as all that count by address know it: a whole /64 of IPv6 is one."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host or ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((int(address), V6_BITS), strict=False))
    return str(address)


@lru_cache(maxsize=4096)
def is_this_machine(host: str) -> bool:
    """Whether a host, by name or address, stands for this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _unnamed(host: str) -> None:
    log.warning(
        "A proxy at %s says whom it speaks for, but is not named: all who come through it count "
        "as one. If it is yours, set FORWARDED_ALLOW_IPS=%s.", host, host,
    )  # fmt: skip
