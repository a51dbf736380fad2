"""Texts of the console's frame, of signing in and joining, of the first page and of the errors.

The Albanian texts are DRAFTS until a native editor has read them. Each page with many words has a file of its own,
`texts_<page>.py`; `catalogue.py` puts them together.
"""

from api.public.texts import Language

Text = dict[Language, str]

TEXTS: dict[str, Text] = {
    "console": {"sq": "Konsola", "en": "Console"},
    "skip": {"sq": "Kalo te përmbajtja", "en": "Skip to the page"},
    "language_label": {"sq": "Gjuha", "en": "Language"},
    "navigation_label": {"sq": "Faqet", "en": "Pages"},
    "nav_home": {"sq": "Fillimi", "en": "Home"},
    "nav_queue": {"sq": "Radha", "en": "Queue"},
    "nav_hand_on": {"sq": "Për t’u përcjellë", "en": "Hand-on"},
    "nav_held": {"sq": "Pezulluar", "en": "Held"},
    "nav_hosting": {"sq": "Strehimi", "en": "Hosting"},
    "nav_hash_sets": {"sq": "Grupet e hash-eve", "en": "Hash sets"},
    "nav_sendings": {"sq": "Njoftime e referime", "en": "Notices and referrals"},
    "nav_recipients": {"sq": "Marrësit", "en": "Recipients"},
    "nav_people": {"sq": "Personat", "en": "People"},
    "draft": {"sq": "Teksti shqip është draft.", "en": "The Albanian texts are drafts."},
    # signing in
    "sign_in": {"sq": "Hyr", "en": "Sign in"},
    "sign_out": {"sq": "Dil", "en": "Sign out"},
    "name": {"sq": "Emri", "en": "Name"},
    "password": {"sq": "Fjalëkalimi", "en": "Password"},
    "code": {"sq": "Kodi me 6 shifra", "en": "6-digit code"},
    "code_hint": {
        "sq": "Nga aplikacioni juaj i kodeve. Çdo kod vlen vetëm një herë.",
        "en": "From your code app. Each code counts only once.",
    },
    "sign_in_refused": {
        "sq": "Emri, fjalëkalimi ose kodi nuk është i saktë. Pas pesë përpjekjeve të gabuara prisni një minutë.",
        "en": "Name, password or code is not right. After five wrong tries, wait a minute.",
    },
    "sign_in_busy": {
        "sq": "Tani po hyjnë shumë njerëz. Provoni përsëri pas pak.",
        "en": "Too many people are signing in. Try again in a moment.",
    },
    "joined": {
        "sq": "Fjalëkalimi dhe kodi u ruajtën. Hyni me kodin e radhës.",
        "en": "Password and code are stored. Sign in with the next code.",
    },
    # joining
    "join": {"sq": "Krijoni hyrjen tuaj", "en": "Set up your sign-in"},
    "join_for": {"sq": "Kjo lidhje është për: {name}.", "en": "This link is for: {name}."},
    "join_secret": {
        "sq": "1. Shtojeni këtë çelës në aplikacionin tuaj të kodeve.",
        "en": "1. Add this key to your code app.",
    },
    "join_secret_label": {"sq": "Çelësi", "en": "Key"},
    "join_address_label": {"sq": "I njëjti çelës si adresë", "en": "The same key as an address"},
    "join_password": {
        "sq": "2. Zgjidhni një fjalëkalim: të paktën 12 karaktere, jo emrin tuaj.",
        "en": "2. Choose a password: at least 12 characters, not your name.",
    },
    "password_again": {"sq": "Fjalëkalimi përsëri", "en": "Password again"},
    "join_code": {
        "sq": "3. Shkruani kodin që tregon aplikacioni tani.",
        "en": "3. Type the code that the app shows now.",
    },
    "save": {"sq": "Ruaj", "en": "Save"},
    "password_differs": {
        "sq": "Dy fjalëkalimet nuk janë të njëjta.",
        "en": "The two passwords are not the same.",
    },
    "password_short": {
        "sq": "Fjalëkalimi duhet të ketë të paktën 12 karaktere.",
        "en": "The password must have at least 12 characters.",
    },
    "password_long": {
        "sq": "Fjalëkalimi mund të ketë më së shumti 1024 karaktere.",
        "en": "The password may have at most 1024 characters.",
    },
    "password_is_name": {
        "sq": "Fjalëkalimi nuk mund të jetë emri juaj.",
        "en": "The password cannot be your name.",
    },
    "code_wrong": {
        "sq": "Kodi nuk është i saktë. Shikoni orën e telefonit dhe provoni kodin e radhës.",
        "en": "The code is not right. Check the clock of your phone and try the next code.",
    },
    # home and people
    "home": {"sq": "Mirë se erdhët", "en": "Welcome"},
    "you_are": {"sq": "Keni hyrë si {name} ({roles}).", "en": "You are signed in as {name} ({roles})."},
    "no_rights": {
        "sq": "Nuk keni ende asnjë të drejtë. Flisni me administratorin.",
        "en": "You have no rights yet. Speak to an admin.",
    },
    "your_rights": {"sq": "Çfarë mund të bëni", "en": "What you may do"},
    "waiting": {"sq": "Në pritje", "en": "Waiting"},
    "lane_name": {"sq": "Radha", "en": "Lane"},
    "lane_count": {"sq": "Elemente", "en": "Items"},
    "people": {"sq": "Personat", "en": "People"},
    "roles": {"sq": "Rolet", "en": "Roles"},
    "works_here": {"sq": "Punon këtu", "en": "Works here"},
    "yes": {"sq": "po", "en": "yes"},
    "disabled_since": {"sq": "jo, që nga {when}", "en": "no, since {when}"},
    "people_hint": {
        "sq": "Personat shtohen, çaktivizohen dhe marrin lidhje të re me komandën “hotline user”.",
        "en": "People are added, disabled and given a new link with the command “hotline user”.",
    },
    "role_analyst": {"sq": "analist", "en": "analyst"},
    "role_lead": {"sq": "drejtues", "en": "lead"},
    "role_clerk": {"sq": "nëpunës", "en": "clerk"},
    "role_admin": {"sq": "administrator", "en": "admin"},
    "role_auditor": {"sq": "auditues", "en": "auditor"},
    "lane_danger": {"sq": "rrezik tani", "en": "danger now"},
    "lane_look": {"sq": "për t’u parë", "en": "look"},
    "lane_no_look": {"sq": "pa shikim", "en": "no look"},
    "lane_second": {"sq": "vlerësim i dytë", "en": "second look"},
    "lane_lead": {"sq": "për drejtuesin", "en": "lead"},
    "lane_hand_on": {"sq": "për t’u përcjellë", "en": "hand-on"},
    "lane_partner": {"sq": "nga partnerët", "en": "partner"},
    "right_see_queue": {"sq": "të shihni radhën", "en": "see the queue"},
    "right_look": {"sq": "të shihni imazhe", "en": "look at images"},
    "right_assess": {"sq": "të vlerësoni", "en": "assess"},
    "right_decide": {"sq": "të vendosni kur ka mosmarrëveshje", "en": "decide what is disputed"},
    "right_lift_hold": {"sq": "të hiqni pezullimin e policisë", "en": "lift a police hold"},
    "right_locate": {"sq": "të vendosni kush e strehon", "en": "decide who hosts an item"},
    "right_reopen": {"sq": "të rihapni një element", "en": "reopen an item"},
    "right_hand_on": {
        "sq": "të përcillni raportime të fushave të tjera",
        "en": "hand on reports of other remits",
    },
    "right_export": {"sq": "të eksportoni çfarë përcillet", "en": "export what is handed on"},
    "right_see_sendings": {"sq": "të shihni njoftimet dhe referimet", "en": "see notices and referrals"},
    "right_handle_sendings": {
        "sq": "të shënoni përgjigjet e njoftimeve dhe referimeve",
        "en": "record what became of notices and referrals",
    },
    "right_see_recipients": {"sq": "të shihni marrësit", "en": "see recipients"},
    "right_enter_recipient": {"sq": "të shtoni një marrës", "en": "enter a recipient"},
    "right_approve_recipient": {"sq": "të miratoni një marrës", "en": "approve a recipient"},
    "right_see_hash_sets": {"sq": "të shihni grupet e hash-eve", "en": "see hash sets"},
    "right_propose_trust": {
        "sq": "të propozoni besimin te një grup hash-esh",
        "en": "propose trust in a hash set",
    },
    "right_confirm_trust": {
        "sq": "të konfirmoni besimin te një grup hash-esh",
        "en": "confirm trust in a hash set",
    },
    "right_see_people": {"sq": "të shihni personat", "en": "see the people"},
    # errors
    "error_heading": {"sq": "Kjo nuk u bë", "en": "This was not done"},
    "error_back": {"sq": "Te fillimi", "en": "Go to the first page"},
    "error_400": {"sq": "Kërkesa nuk mund të lexohet.", "en": "The request cannot be read."},
    "error_401": {"sq": "Duhet të hyni përsëri.", "en": "You must sign in again."},
    "error_403": {"sq": "Kjo nuk ju lejohet.", "en": "You may not do this."},
    "error_404": {"sq": "Këtu nuk ka asgjë.", "en": "There is nothing here."},
    "error_409": {
        "sq": "Dikush tjetër ishte më i shpejtë: shikojeni përsëri.",
        "en": "Somebody else was quicker: look again.",
    },
    "error_413": {"sq": "Formulari është shumë i gjatë.", "en": "The form is too long."},
    "error_422": {"sq": "Formulari nuk mund të lexohet.", "en": "The form cannot be read."},
    "error_429": {"sq": "Shumë kërkesa. Prisni një minutë.", "en": "Too many requests. Wait a minute."},
    "error_500": {
        "sq": "Diçka nuk shkoi mirë këtu; asgjë nuk u ruajt.",
        "en": "Something went wrong here; nothing was stored.",
    },
}
