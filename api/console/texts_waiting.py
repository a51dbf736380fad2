"""Texts of the pages beside the queue: hand-on, held, hosting. The Albanian ones are DRAFTS."""

from api.console.texts import Text

TEXTS: dict[str, Text] = {
    "export_text": {"sq": "Eksportoji si tekst", "en": "Export them as text"},
    "hand_on_recipient": {"sq": "Kujt iu përcoll", "en": "To whom it was handed on"},
    "hand_on_to_whom": {"sq": "ose dikujt tjetër, me fjalë", "en": "or somebody else, in words"},
    "hand_on_done": {"sq": "U përcoll", "en": "It was handed on"},
    "hand_on_empty": {"sq": "Nuk ka gjë për t’u përcjellë.", "en": "Nothing waits to be handed on."},
    "held_since": {"sq": "Pezulluar që nga", "en": "Held since"},
    "police_referral": {"sq": "Referimi policisë", "en": "Police referral"},
    "said_so": {"sq": "Kush te policia e tha", "en": "Who at the police said so"},
    "lift_hold": {"sq": "Hiq pezullimin", "en": "Lift the hold"},
    "held_empty": {"sq": "Asgjë nuk është pezulluar.", "en": "Nothing is held."},
    "sources": {"sq": "Burimet", "en": "Sources"},
    "source": {"sq": "Burimi", "en": "Source"},
    "host_address": {"sq": "Adresa IP", "en": "IP address"},
    "asn": {"sq": "Numri AS", "en": "AS number"},
    "operator": {"sq": "Operatori (emri ligjor)", "en": "Operator (legal name)"},
    "country": {"sq": "Vendi", "en": "Country"},
    "country_hint": {
        "sq": "Vendi (dy shkronja, XK për Kosovën)",
        "en": "Country (two letters, XK for Kosovo)",
    },
    "found": {"sq": "U gjet", "en": "Found"},
    "use_source": {"sq": "Merre këtë", "en": "Use this"},
    "decide_hosting": {"sq": "Ruaj kush e strehon", "en": "Say who hosts it"},
    "hosting_empty": {
        "sq": "Për asnjë element nuk duhet vendosur strehimi.",
        "en": "No item waits for a word on its hosting.",
    },
}
