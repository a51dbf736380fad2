"""Texts of the page of recipients. The Albanian ones are DRAFTS."""

from api.console.texts import Text

TEXTS: dict[str, Text] = {
    "recipients_empty": {"sq": "Ende nuk ka marrës.", "en": "There are no recipients yet."},
    "recipient_police": {"sq": "policia", "en": "police"},
    "recipient_isp": {"sq": "ofrues", "en": "provider"},
    "recipient_hotline": {"sq": "linjë partnere", "en": "partner hotline"},
    "recipient_helpline": {"sq": "linjë këshillimi", "en": "helpline"},
    "recipient_authority": {"sq": "autoritet", "en": "authority"},
    "recipient_approved": {"sq": "miratuar nga {who}, {when}", "en": "approved by {who}, {when}"},
    "recipient_not_approved": {"sq": "pa miratim", "en": "not approved"},
    "recipient_disabled": {"sq": "çaktivizuar, {when}", "en": "disabled, {when}"},
    "channel": {"sq": "Mënyra", "en": "Channel"},
    "channel_out_mail": {"sq": "postë elektronike", "en": "mail"},
    "channel_out_outbox": {"sq": "dosje dalëse", "en": "outbox folder"},
    "contact": {"sq": "Adresa e postës ose emri i dosjes", "en": "Mail address or name of the folder"},
    "public_key": {"sq": "Çelësi age", "en": "Age key"},
    "public_key_hint": {
        "sq": "Çelësi age (për linjë partnere ose dosje)",
        "en": "Age key (for a partner hotline or a folder)",
    },
    "country_of_hotline": {
        "sq": "Vendi i linjës partnere (dy shkronja)",
        "en": "Country of a partner hotline (two letters)",
    },
    "asns_hint": {
        "sq": "Numrat AS të një ofruesi, me presje",
        "en": "AS numbers of a provider, with commas",
    },
    "entered_by": {"sq": "E shtoi", "en": "Entered by"},
    "enter_recipient": {"sq": "Shto një marrës", "en": "Enter a recipient"},
    "enter_hint": {
        "sq": "Asgjë nuk niset te një marrës para se ta miratojë një drejtues.",
        "en": "Nothing leaves to a recipient before a lead has approved it.",
    },
    "change_recipient": {"sq": "Ndryshoje", "en": "Change it"},
    "change_hint": {
        "sq": "Nëse ndryshon adresa, çelësi, lloji, vendi ose rrjetet, duhet miratuar përsëri; radha e pret këtë.",
        "en": "Another address, key, kind, country or networks must be approved again; what is queued waits.",
    },
    "change_save": {"sq": "Ruaj ndryshimin", "en": "Save the change"},
    "approve": {"sq": "Mirato", "en": "Approve"},
    "disapprove": {"sq": "Hiq miratimin", "en": "Take the approval back"},
    "disable": {"sq": "Çaktivizo", "en": "Disable"},
}
