"""Texts of what a capture met: requests, ways out, certificates, pictures of a page. The Albanian ones are DRAFTS."""

from api.console.texts import Text

TEXTS: dict[str, Text] = {
    "last_capture": {"sq": "Kapja e fundit, me hollësi", "en": "The last capture, in detail"},
    "capture_outcome": {"sq": "Si mbaroi", "en": "How it ended"},
    "capture_failure": {"sq": "Pse dështoi", "en": "Why it failed"},
    "capture_page_kind": {"sq": "Çfarë faqeje është", "en": "What kind of page it is"},
    "capture_pictures": {"sq": "Imazhe", "en": "Pictures"},
    "capture_counts": {
        "sq": "{found} të gjetura, {taken} të marra, {left} të lëna, {icons} ikona",
        "en": "{found} found, {taken} taken, {left} left out, {icons} icons",
    },
    "capture_exit": {"sq": "Rruga e daljes", "en": "Way out"},
    "capture_file": {"sq": "Përgjigjja", "en": "Answer"},
    "capture_size": {"sq": "{bytes} bajt", "en": "{bytes} bytes"},
    "capture_ms": {"sq": "{ms} ms", "en": "{ms} ms"},
    "capture_tries": {"sq": "Përpjekje të dështuara", "en": "Failed tries"},
    "capture_next": {"sq": "Përpjekja tjetër", "en": "Next try"},
    "capture_turn": {"sq": "pret radhën te faqja", "en": "waits for its turn at the site"},
    "hop_heading": {"sq": "Kërkesa {number}", "en": "Request {number}"},
    "hop_start": {"sq": "kërkesa e parë", "en": "first request"},
    "hop_redirect": {"sq": "ridrejtim", "en": "redirect"},
    "hop_refresh": {"sq": "faqja çoi më tej", "en": "led on by the page"},
    "hop_frame": {"sq": "kornizë e faqes", "en": "frame of the page"},
    "hop_address": {"sq": "adresa e thirrur", "en": "address dialled"},
    "hop_status": {"sq": "statusi", "en": "status"},
    "hop_tls": {"sq": "TLS", "en": "TLS"},
    "hop_no_tls": {"sq": "pa TLS", "en": "no TLS"},
    "hop_certificate": {"sq": "certifikata (SHA-256)", "en": "certificate (SHA-256)"},
    "hop_fault": {"sq": "certifikata nuk u verifikua", "en": "certificate not verified"},
    "hop_headers": {"sq": "nga kreu i përgjigjes", "en": "from the head of the answer"},
    "exit_direct": {"sq": "drejtpërdrejt", "en": "direct"},
    "exit_by_rules": {"sq": "sipas rregullave", "en": "as the rules say"},
    "exit_label": {"sq": "Rruga e daljes", "en": "Way out"},
    "icons_left_out": {
        "sq": "{count} ikona u lanë jashtë.",
        "en": "{count} icons left out.",
    },
    "look_sheet": {"sq": "Shiko (të gjitha kuadrot)", "en": "Look (all frames)"},
}
