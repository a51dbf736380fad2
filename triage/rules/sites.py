"""The site of a host: its registrable domain (https://publicsuffix.org), or the address itself.

Names under one registrable domain belong to one owner; a stranger can invent as many as he likes.
"""

import ipaddress
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList()


@lru_cache(4096)
def find_site(host: str) -> str:
    """Return the site of a host.

    Args:
        host: lower-case A-labels, or an address in its normal spelling.
    """
    bare = host.rstrip(".")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return _SUFFIXES.privatesuffix(bare) or bare
