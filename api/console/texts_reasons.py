"""Why an item or message waits, as the rules and steps say it in English → in Albanian. DRAFTS, as all texts."""

REASONS: dict[str, str] = {
    # rules/lanes.py
    "a report without an address or a file": "një raportim pa adresë dhe pa skedar",
    "another remit: to be handed on": "fushë tjetër: për t’u përcjellë",
    "a page too large to be read for pictures": "faqe tepër e madhe për t’u lexuar për imazhe",
    "two assessors differ, or somebody was unsure: a lead decides": (
        "dy vlerësues nuk pajtohen, ose dikush nuk ishte i sigurt: vendos drejtuesi"
    ),
    "passed over twice: a lead decides": "u kalua dy herë: vendos drejtuesi",
    "waits for a second assessor": "pret një vlerësues të dytë",
    "a page behind a page: its pictures were not looked for": (
        "faqe pas një faqeje: imazhet e saj nuk u kërkuan"
    ),
    "a page without pictures": "faqe pa imazhe",
    "known: exact digest in a trusted set or settled here": (
        "i njohur: shenjë e saktë në një grup të besuar, ose i vendosur këtu"
    ),
    "judged before: confirm or reopen": "u vlerësua më parë: konfirmojeni ose rihapeni",
    "no longer known and no view was kept: capture it again": (
        "nuk është më i njohur dhe nuk u ruajt pamje: kapeni përsëri"
    ),
    "exact digest in a set that is not trusted": "shenjë e saktë në një grup që nuk është i besuar",
    "new picture": "imazh i ri",
    "cannot be displayed here": "nuk mund të shfaqet këtu",
    # rules/hosting.py
    "the host name has no address": "emri i hostit nuk ka adresë",
    "an address lies in no network that we know": "një adresë nuk është në asnjë rrjet që njohim",
    "its addresses lie with several operators": "adresat e tij janë te disa operatorë",
    "its capture came from another operator": "kapja e tij erdhi nga një operator tjetër",
    "its operator's networks lie in several countries": "rrjetet e operatorit janë në disa vende",
    "this operator answered that it does not host it": "ky operator u përgjigj se nuk e strehon",
    # rules/sending.py
    "the recipient is not approved": "marrësi nuk është miratuar",
    "a second assessor": "pret një vlerësues të dytë",
    "it is not known yet whether the message left": "ende nuk dihet nëse mesazhi u nis",
    "no approved police recipient is entered": "nuk është shtuar asnjë marrës i miratuar i policisë",
    "the police come first": "policia është e para",
    "its items are being looked at again": "elementet e tij po shihen përsëri",
    "it stopped while the message was being handed over": "u ndërpre ndërsa mesazhi po dorëzohej",
    "nothing is left to ask": "nuk mbetet gjë për të kërkuar",
    "they say that it is not theirs": "thonë se nuk është i tyre",
    "they dispute it": "e kundërshtojnë",
    "it was taken back": "u tërhoq",
    "undone": "u zhbë",
    "judged not illegal": "u vlerësua jo i paligjshëm",
    "the second assessor differs": "vlerësuesi i dytë nuk pajtohet",
    "nobody fitting is entered": "nuk është shtuar askush i përshtatshëm",
}
"""The whole sentence."""

PATTERNS: tuple[tuple[str, str], ...] = (
    (r"could not be fetched: (.*)", "nuk u mor dot: {0}"),
    (r"refused: (.*)", "u refuzua: {0}"),
    (r"the address answers (\d+)", "adresa përgjigjet {0}"),
    (r"near a listed picture: (\d+) bits of 256", "afër një imazhi të listuar: {0} bit nga 256"),
    (r"a page: (\d+) of (\d+) pictures captured", "një faqe: {0} nga {1} imazhe të kapura"),
    (r"a page: all (\d+) pictures known", "një faqe: të gjitha {0} imazhet janë të njohura"),
    (r"a page: (\d+) pictures, (\d+) known", "një faqe: {0} imazhe, {1} të njohura"),
    (
        r"a page: (\d+) of (\d+) pictures wait for a second assessor",
        "një faqe: {0} nga {1} imazhe presin një vlerësues të dytë",
    ),
    (
        r"a page: (\d+) pictures, all known or judged before",
        "një faqe: {0} imazhe, të gjitha të njohura ose të vlerësuara më parë",
    ),
    (r"no provider is entered for AS(\d+)", "nuk është shtuar asnjë ofrues për AS{0}"),
    (r"no partner hotline is entered for ([A-Z]{2})", "nuk është shtuar asnjë linjë partnere për {0}"),
    (r"refused for now, (\d+) times", "u refuzua përkohësisht, {0} herë"),
)
"""Sentences with a place in them: the groups of the pattern go to {0}, {1}, …"""
