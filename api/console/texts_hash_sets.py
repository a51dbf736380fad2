"""Texts of the page of hash sets. The Albanian ones are DRAFTS."""

from api.console.texts import Text

TEXTS: dict[str, Text] = {
    "hash_sets_hint": {
        "sq": "Listat merren me komandën “hotline hashset”. Këtu nuk shfaqet asnjë hash.",
        "en": "Lists are taken in with the command “hotline hashset”. No hash is shown here.",
    },
    "hash_sets_empty": {"sq": "Ende nuk ka grupe hash-esh.", "en": "There are no hash sets yet."},
    "set_provider": {"sq": "Burimi", "en": "Provider"},
    "set_licence": {"sq": "Leja", "en": "Licence"},
    "set_region": {"sq": "Vendi", "en": "Region"},
    "set_scheme": {"sq": "Shkalla e burimit", "en": "The provider's scale"},
    "set_synced": {"sq": "Marrë për herë të fundit", "en": "Last taken in"},
    "set_never_synced": {"sq": "asnjëherë", "en": "never"},
    "set_stale": {"sq": "Më e vjetër se 7 ditë", "en": "Older than 7 days"},
    "set_entries": {"sq": "Hyrje sipas kategorisë", "en": "Entries by class"},
    "set_contested": {"sq": "Hyrje të kontestuara", "en": "Contested entries"},
    "set_contested_hint": {
        "sq": "E kontestuar: një listë tjetër thotë të kundërtën për të njëjtët bajte; vlen vetëm si këshillë.",
        "en": "Contested: another list says the opposite of the same bytes; such an entry is advice only.",
    },
    "set_disputed": {"sq": "Hyrje të kundërshtuara nga ne", "en": "Entries that we dispute"},
    "set_negative": {"sq": "listë skedarësh të padëmshëm", "en": "a list of harmless files"},
    "set_sharing_nobody": {"sq": "nuk ndahet me askënd", "en": "shared with nobody"},
    "set_sharing_partners": {"sq": "ndahet me partnerët", "en": "shared with partners"},
    "set_import_waits": {"sq": "Një listë pret drejtuesin", "en": "A list waits for a lead"},
    "set_waiting": {
        "sq": "Lista e dhënë më {when} do të tërhiqte {withdrawn} nga {live} hyrje dhe do të ndryshonte kategorinë "
        "ose hash-et e {flipped}. Asgjë nuk ka ndryshuar; një drejtues e lejon me komandën “hotline hashset import”.",
        "en": "The list handed in at {when} would withdraw {withdrawn} of {live} entries and put {flipped} into "
        "another class, or take a hash from them. Nothing has changed; a lead lets it with the command "
        "“hotline hashset import”.",
    },
    "trust": {"sq": "Besimi", "en": "Trust"},
    "trust_is_none": {"sq": "nuk i besohet", "en": "not trusted"},
    "trust_is_proposed": {"sq": "i propozuar, ende nuk i besohet", "en": "proposed, not trusted yet"},
    "trust_is_confirmed": {"sq": "i besuar", "en": "trusted"},
    "trust_step_proposed": {"sq": "propozuar nga {who}, {when}", "en": "proposed by {who}, {when}"},
    "trust_step_confirmed": {"sq": "konfirmuar nga {who}, {when}", "en": "confirmed by {who}, {when}"},
    "trust_reason": {"sq": "Pse (ruhet)", "en": "Why (it is kept)"},
    "trust_propose": {"sq": "Propozo besimin", "en": "Propose trust"},
    "trust_confirm": {"sq": "Konfirmo besimin", "en": "Confirm trust"},
    "trust_waits": {"sq": "Pret një person të dytë.", "en": "It waits for a second person."},
    "trust_nothing": {
        "sq": "Asnjë kategori e këtij grupi nuk mund të besohet.",
        "en": "No class of this set can be trusted.",
    },
    "recalls": {
        "sq": "Vendime të mëparshme mbi hyrje që nuk vlejnë më",
        "en": "Past decisions on entries that no longer speak",
    },
    "recalls_hint": {
        "sq": "Pa shikim: janë rihapur vetë. Pas një shikimi: vendimi qëndron derisa ta shihni përsëri.",
        "en": "Without a look: open again by themselves. After a look: the decision stands until you go through it.",
    },
    "recall_withdrawn": {"sq": "hyrja u tërhoq", "en": "the entry was withdrawn"},
    "recall_disputed": {"sq": "hyrja u kundërshtua nga ne", "en": "the entry was disputed by us"},
    "recall_contested": {
        "sq": "hyrja u kontestua nga një listë tjetër",
        "en": "another list contests the entry",
    },
    "recall_changed": {"sq": "hyrja u ndryshua", "en": "the entry was changed"},
    "recall_reopened": {"sq": "u rihap", "en": "reopened"},
    "recall_shown_nowhere": {"sq": "nuk shfaqet më askund", "en": "shown nowhere any more"},
    "recall_done": {"sq": "E shqyrtova", "en": "I went through it"},
}
