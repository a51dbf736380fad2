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
    # rules/media.py, triage/sandbox, workers/capture_item.py
    "a video: cannot be displayed here": "video: nuk mund të shfaqet këtu",
    "an archive: cannot be displayed here": "arkiv: nuk mund të shfaqet këtu",
    "a file that cannot be displayed here": "një skedar që nuk mund të shfaqet këtu",
    "an empty file": "një skedar bosh",
    "not a picture format we decode": "nuk është format imazhi që e hapim",
    "too many pixels": "tepër shumë piksela",
    "broken": "i dëmtuar",
    "broken or cut off": "i dëmtuar ose i ndërprerë",
    "broken: its decoder crashed": "i dëmtuar: programi që e hapte u rrëzua",
    "needed too much memory": "kërkoi tepër shumë memorie",
    "took too long": "zgjati tepër shumë",
    # workers/fetcher, workers/get_bytes.py, workers/clients/dns.py
    "a private network": "një rrjet privat",
    "this machine": "kjo makinë",
    "documentation": "dokumentim",
    "a name for documentation": "një emër për dokumentim",
    "a name for tests": "një emër për prova",
    "a name of a private network": "një emër i një rrjeti privat",
    "a name of a local network": "një emër i një rrjeti lokal",
    "a Tor service": "një shërbim Tor",
    "an I2P service": "një shërbim I2P",
    "an address of our own network": "një adresë e rrjetit tonë",
    "the address is not on the public internet": "adresa nuk është në internetin publik",
    "the address cannot be read": "adresa nuk lexohet",
    "the host has no public name": "hosti nuk ka emër publik",
    "the host is a number in an unusual spelling": "hosti është një numër i shkruar në mënyrë të pazakontë",
    "the host name cannot be asked for": "për emrin e hostit nuk mund të pyetet",
    "the host name does not exist": "emri i hostit nuk ekziston",
    "the name service does not answer": "shërbimi i emrave nuk përgjigjet",
    "the name servers of the host do not answer": "serverët e emrave të hostit nuk përgjigjen",
    "the server does not answer": "serveri nuk përgjigjet",
    "the server refuses connections or cannot be reached": "serveri refuzon lidhjet ose nuk arrihet",
    "the server's answer cannot be read": "përgjigjja e serverit nuk lexohet",
    "the server's answer is not proper HTTP, or was cut off": (
        "përgjigjja e serverit nuk është HTTP e rregullt, ose u ndërpre"
    ),
    "the certificate of the server cannot be verified": "certifikata e serverit nuk verifikohet",
    "the server and we find no common TLS": "serveri dhe ne nuk gjejmë një TLS të përbashkët",
    "the connection broke off": "lidhja u ndërpre",
    "the connection led to another address": "lidhja çoi te një adresë tjetër",
    "the file is compressed more than once": "skedari është i ngjeshur më shumë se një herë",
    "the file is compressed in a way that was not asked for": "skedari është i ngjeshur në një mënyrë tjetër",
    "the file cannot be decompressed": "skedari nuk mund të çngjeshet",
    "the file ended too early": "skedari mbaroi tepër herët",
    "the uploaded file was already deleted": "skedari i ngarkuar është fshirë tashmë",
    "the uploaded file is missing from the store, or sealed to another key": (
        "skedari i ngarkuar mungon në depo, ose është vulosur me një çelës tjetër"
    ),
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
    "it came back": "u kthye mbrapsht",
    "it came back, and nothing of it is to be asked any more": "u kthye mbrapsht dhe nuk ka më çfarë të kërkohet",
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
    (r"hostile: (.*)", "armiqësor: {0}"),
    (r"the host is (.*)", "hosti është {0}"),
    (r"the address is (.*)", "adresa është {0}"),
    (r"port (\d+) is not one that the fetcher dials", "porta {0} nuk është nga ato që thërriten"),
    (r"no complete answer within (\S+) seconds", "asnjë përgjigje e plotë brenda {0} sekondash"),
    (r"more than (\d+) redirects", "më shumë se {0} ridrejtime"),
    (r"the file is larger than (\d+) bytes", "skedari është më i madh se {0} bajt"),
    (
        r"the file is larger than (\d+) bytes when decompressed",
        "skedari është më i madh se {0} bajt kur çngjeshet",
    ),
    (r"the host name has more than (\d+) addresses", "emri i hostit ka më shumë se {0} adresa"),
    (r"(?s)it came back: (.*)", "u kthye mbrapsht: {0}"),
    (r"refused: (.*)", "u refuzua: {0}"),
    (r"the address answers (\d+)", "adresa përgjigjet {0}"),
    (r"near a listed picture: (\d+) bits of 256", "afër një imazhi të listuar: {0} bit nga 256"),
    (r"a page: (\d+) of (\d+) pictures captured", "një faqe: {0} nga {1} imazhe të kapura"),
    (r"a page: all (\d+) pictures known", "një faqe: të gjitha {0} imazhet janë të njohura"),
    (r"a page: (\d+) pictures, (\d+) known", "një faqe: {0} imazhe, {1} të njohura"),
    (
        r"a page: (\d+) of (\d+) pictures wait for a lead",
        "një faqe: {0} nga {1} imazhe presin një drejtues",
    ),
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
