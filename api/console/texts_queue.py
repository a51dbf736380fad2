"""Texts of the queue, and small words that several pages share. The Albanian ones are DRAFTS."""

from api.console.texts import Text

TEXTS: dict[str, Text] = {
    "queue": {"sq": "Radha", "en": "Queue"},
    "lanes_label": {"sq": "Radhët", "en": "Lanes"},
    "reference": {"sq": "Referenca", "en": "Reference"},
    "what": {"sq": "Çfarë", "en": "What"},
    "why_waiting": {"sq": "Pse pret", "en": "Why it waits"},
    "pictures": {"sq": "Imazhet", "en": "Pictures"},
    "pictures_new_known": {"sq": "{new} të reja, {known} të njohura", "en": "{new} new, {known} known"},
    "reports": {"sq": "Raportime", "en": "Reports"},
    "received": {"sq": "Mbërriti", "en": "Received"},
    "danger_now": {"sq": "rrezik tani", "en": "danger now"},
    "queue_empty": {"sq": "Në këtë radhë nuk pret asgjë.", "en": "Nothing waits in this lane."},
    "queue_stored": {"sq": "U ruajt.", "en": "Stored."},
    "queue_open_again": {"sq": "Hapeni përsëri", "en": "Open it again"},
    "first_page": {"sq": "Faqja e parë", "en": "First page"},
    "next_page": {"sq": "Faqja tjetër", "en": "Next page"},
    "kind_url": {"sq": "adresë", "en": "address"},
    "kind_upload": {"sq": "skedar", "en": "file"},
    "kind_text": {"sq": "tekst", "en": "text"},
    "age_days": {"sq": "{number} ditë më parë", "en": "{number} d ago"},
    "age_hours": {"sq": "{number} orë më parë", "en": "{number} h ago"},
    "age_minutes": {"sq": "{number} min më parë", "en": "{number} min ago"},
    "age_now": {"sq": "tani", "en": "just now"},
    "nothing": {"sq": "Asgjë.", "en": "Nothing."},
    "back_to_queue": {"sq": "Te radha", "en": "Back to the queue"},
}
