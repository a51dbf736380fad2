"""What a reporter may say of themself: a few choices for the national statistics, and an address for coarse words.

Nothing of it is required. Each choice is coarse, so that all of them together still fit many people.
"""

import re
from dataclasses import dataclass

AGE_BANDS = ("under_14", "14_17", "18_24", "25_44", "45_64", "65_over")
"""Values of `age_band`, in the order of the form."""

SEXES = ("female", "male", "other")
"""Values of `sex`; other stands for no say too."""

CITIES: dict[str, str] = {
    "berat": "Berat",
    "peshkopi": "Peshkopi",
    "durres": "Durrës",
    "elbasan": "Elbasan",
    "fier": "Fier",
    "gjirokaster": "Gjirokastër",
    "korce": "Korçë",
    "kukes": "Kukës",
    "lezhe": "Lezhë",
    "shkoder": "Shkodër",
    "tirane": "Tiranë",
    "vlore": "Vlorë",
}
"""Values of `city` with their names in both languages: the seats of the twelve counties."""

ABROAD = "abroad"
"""The value of `city` for somebody who is not in Albania."""

PLATFORMS: dict[str, str] = {
    "facebook": "Facebook",
    "instagram": "Instagram",
    "tiktok": "TikTok",
    "snapchat": "Snapchat",
    "whatsapp": "WhatsApp",
    "viber": "Viber",
    "telegram": "Telegram",
    "discord": "Discord",
    "youtube": "YouTube",
    "x": "X",
    "roblox": "Roblox",
}
"""Values of `platform` with their own names."""

WEBSITE, OTHER_PLATFORM = "website", "other"
"""The values of `platform` for any web page, and for what is not listed."""

MAX_PLATFORM_OTHER = 100
MAX_ADDRESS = 254
"""Most characters of a platform's name that a reporter writes, and of a mail address (RFC 5321, section 4.5.3)."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_MOST_LOCAL = 64
_ENCODED = "=?"  # begins an encoded word (RFC 2047): who reads the header would see another address, or two


@dataclass(frozen=True, slots=True)
class ReporterFacts:
    """What a reporter said of themself; None where nothing was said."""

    age_band: str | None = None
    sex: str | None = None
    city: str | None = None
    platform: str | None = None
    platform_other: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return self == ReporterFacts()


def is_address(text: str) -> bool:
    """Whether a text is a mail address that we write to: one ASCII mailbox, and nothing that could break a header."""
    return (
        len(text) <= MAX_ADDRESS
        and len(text.partition("@")[0]) <= _MOST_LOCAL
        and _ENCODED not in text
        and _ADDRESS.fullmatch(text) is not None
    )
