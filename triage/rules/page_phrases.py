"""What pages say that are not what was reported: lower case, in the languages that are common here.

Albanian, English, Italian, Serbian/Croatian/Bosnian (Latin and Cyrillic), Macedonian, German, Russian, Spanish, French.
A phrase stands here when it is hardly said by a page that shows what it was made for; single words do not.
"""

import re

PARKED = (
    *("domain is for sale", "domain may be for sale", "buy this domain", "make an offer on this domain"),
    *("domain name is for sale", "inquire about this domain", "get this domain", "domain is parked"),
    *("parked this page free", "parked free, courtesy of", "page is parked", "this web page is parked"),
    *(
        "domain parking page",
        "domain has expired",
        "domain name has expired",
        "domain has recently been registered",
    ),
    *(
        "is available for purchase",
        "future home of something quite cool",
        "this domain is registered, but may",
    ),
    *("domeni është në shitje", "ky domain është në shitje", "domaini është në shitje", "bli këtë domen"),
    *("dominio è in vendita", "dominio in vendita", "acquista questo dominio", "dominio è scaduto"),
    *(
        "domena je na prodaju",
        "domen je na prodaju",
        "domena je istekla",
        "domen je istekao",
        "kupite ovu domenu",
    ),
    *("домен је на продају", "домен је истекао", "доменот се продава", "доменот е на продажба"),
    *("domain steht zum verkauf", "diese domain kaufen", "domain ist zu verkaufen", "domain ist abgelaufen"),
    *(
        "домен продается",
        "домен продаётся",
        "домен выставлен на продажу",
        "купить этот домен",
        "домен припаркован",
    ),
    *("срок регистрации домена", "dominio está en venta", "dominio en venta", "compra este dominio"),
    *("domaine est à vendre", "domaine à vendre", "acheter ce domaine", "domaine a expiré"),
)

PARKING_SITES = frozenset(
    {"above.com", "afternic.com", "bodis.com", "brandbucket.com", "dan.com", "domainmarket.com", "domainnamesales.com",
     "dynadot.com", "fabulous.com", "hugedomains.com", "parkingcrew.net", "parklogic.com", "sedo.com",
     "sedoparking.com", "smartname.com", "undeveloped.com", "uniregistry.com", "voodoo.com"}
)  # fmt: skip

SHUT = (
    *("not available in your country", "unavailable in your country", "isn't available in your country"),
    *("not available in your region", "unavailable in your region", "isn't available in your region"),
    *("not available in your location", "unavailable in your location", "not available in your area"),
    *("not available in your territory", "blocked in your country", "blocked in your region"),
    *("not accessible from your country", "access from your country", "not allowed in your country"),
    *("banned the country or region your ip", "unavailable for legal reasons", "restricted in your country"),
    *("due to your geographic", "because of your location", "from your current location"),
    *(
        "nuk është i disponueshëm në vendin",
        "nuk është e disponueshme në vendin",
        "nuk ofrohet në vendin tuaj",
    ),
    *("non è disponibile nel tuo paese", "non è disponibile nella tua", "non disponibile nel tuo paese"),
    *("nije dostupan u vašoj zemlji", "nije dostupno u vašoj zemlji", "nije dostupna u vašoj zemlji"),
    *("nije dostupan u vašoj regiji", "nije dostupno u vašoj regiji", "није доступан у вашој земљи"),
    *("није доступно у вашој земљи", "не е достапна во вашата земја", "не е достапно во вашата земја"),
    *("in deinem land nicht verfügbar", "in ihrem land nicht verfügbar", "in ihrer region nicht verfügbar"),
    *("недоступен в вашей стране", "недоступно в вашей стране", "недоступна в вашей стране"),
    *("недоступен в вашем регионе", "недоступно в вашем регионе", "no está disponible en tu país"),
    *("no está disponible en su país", "no disponible en tu región", "n'est pas disponible dans votre pays"),
    *("n’est pas disponible dans votre pays", "non disponible dans votre pays", "dans votre région"),
)
# Together only: one that says no, and one that says where we are.
SHUT_WORDS = ("access denied", "access is denied", "forbidden", "blocked", "accès refusé", "acceso denegado",
              "accesso negato", "zugriff verweigert", "доступ запрещен", "доступ запрещён", "pristup odbijen",
              "qasja u refuzua", "hyrja është e ndaluar")  # fmt: skip
SHUT_PLACES = ("your location", "your country", "your region", "your area", "vendin tuaj", "tuo paese", "vašoj zemlji",
               "вашата земја", "ihrem land", "deinem land", "вашей стране", "tu país", "su país",
               "votre pays")  # fmt: skip

GONE = (
    *("page not found", "page cannot be found", "page can't be found", "page could not be found"),
    *("page you requested", "page you are looking for", "page you're looking for", "file not found"),
    *(
        "no longer available",
        "no longer exists",
        "has been removed",
        "has been deleted",
        "was removed",
        "was deleted",
    ),
    *(
        "does not exist",
        "doesn't exist",
        "content isn't available",
        "content is not available",
        "404 not found",
    ),
    *("account has been suspended", "this account is suspended", "album is empty or", "link has expired"),
    *("faqja nuk u gjet", "nuk u gjet", "faqja nuk ekziston", "nuk ekziston më", "është fshirë", "u fshi"),
    *(
        "është hequr",
        "nuk është më i disponueshëm",
        "pagina non trovata",
        "pagina non esiste",
        "non esiste più",
    ),
    *(
        "è stato rimosso",
        "è stata rimossa",
        "è stato eliminato",
        "non è più disponibile",
        "stranica nije pronađena",
    ),
    *(
        "strana nije pronađena",
        "stranica ne postoji",
        "više ne postoji",
        "je uklonjen",
        "je obrisan",
        "је обрисан",
    ),
    *(
        "страница није пронађена",
        "страницата не е пронајдена",
        "не постои",
        "е избришан",
        "seite nicht gefunden",
    ),
    *(
        "seite wurde nicht gefunden",
        "existiert nicht mehr",
        "nicht mehr verfügbar",
        "wurde gelöscht",
        "wurde entfernt",
    ),
    *("страница не найдена", "не существует", "была удалена", "был удален", "был удалён", "файл не найден"),
    *(
        "больше не доступ",
        "página no encontrada",
        "no se ha encontrado",
        "ya no existe",
        "ya no está disponible",
    ),
    *(
        "ha sido eliminad",
        "page introuvable",
        "page non trouvée",
        "n'existe plus",
        "n’existe plus",
        "a été supprimé",
    ),
    *("n'est plus disponible", "n’est plus disponible"),
)
# A whole part of a title.
GONE_TITLE = re.compile(
    r"(?:(?:oops|sorry|ups|error|gabim|errore|greška|fehler|ошибка|erreur|http)?[\s!,.:]*)?"
    r"(?:(?:error\s)?(?:404|410)(?:\s(?:error|page))?"
    r"|(?:(?:error\s)?(?:404|410)[\s:,.-]*)?(?:"
    r"(?:page|file|content|image|photo|album|video|post|item|topic|user|gallery)\s(?:was\s)?(?:not\sfound|removed|deleted|unavailable|does\snot\sexist)"
    r"|(?:this\s)?(?:page|file|content|image|photo|album|video|post)\s(?:(?:is|isn't|is\snot)\s)?(?:no\slonger\s)?available"
    r"|not\sfound|content\snot\savailable|no\slonger\savailable|account\ssuspended"
    r"|faqja\snuk\su\sgjet|nuk\su\sgjet|pagina\snon\strovata|stra(?:nica|na)\snije\spronađena|страница\sније\sпронађена"
    r"|страницата\sне\sе\sпронајдена|seite\snicht\sgefunden|страница\sне\sнайдена|página\sno\sencontrada"
    r"|page\s(?:introuvable|non\strouvée)))"
)

LOGIN = (
    *("log in to continue", "login to continue", "sign in to continue", "log in to view", "sign in to view"),
    *(
        "must be logged in",
        "must log in",
        "need to log in",
        "need to be logged in",
        "please log in to",
        "please sign in to",
    ),
    *(
        "you must sign in",
        "must be a member to",
        "members only",
        "content is private",
        "this account is private",
    ),
    *(
        "registered users only",
        "login required",
        "sign up to see",
        "log in or sign up to view",
        "password protected",
    ),
    *("password-protected", "enter the password", "enter password to"),
    *(
        "hyni për të vazhduar",
        "duhet të hyni",
        "duhet të identifikoheni",
        "identifikohuni për të",
        "vetëm për anëtarët",
    ),
    *("accedi per continuare", "accedi per vedere", "devi effettuare l'accesso", "effettua l'accesso per"),
    *(
        "prijavite se da",
        "morate biti prijavljeni",
        "morate se prijaviti",
        "пријавите се да",
        "морате бити пријављени",
    ),
    *(
        "најавете се за",
        "мора да се најавите",
        "melden sie sich an, um",
        "melde dich an, um",
        "bitte melden sie sich an",
    ),
    *(
        "войдите, чтобы",
        "необходимо войти",
        "необходимо авторизоваться",
        "inicia sesión para",
        "debes iniciar sesión",
    ),
    *("connectez-vous pour", "vous devez être connecté", "vous devez vous connecter"),
)

AGE = (
    *(
        "must be 18",
        "must be at least 18",
        "must be over 18",
        "i am over 18",
        "i am 18",
        "i'm over 18",
        "i'm 18",
    ),
    *(
        "are you over 18",
        "are you 18",
        "18 years or older",
        "18 years of age or older",
        "18 or older",
        "over the age of 18",
    ),
    *(
        "verify your age",
        "confirm your age",
        "age verification",
        "adults only",
        "over 18 only",
        "enter your date of birth",
    ),
    *(
        "mbi 18 vjeç",
        "jam 18 vjeç",
        "konfirmoni moshën",
        "vetëm për të rritur",
        "ho più di 18 anni",
        "maggiorenne",
    ),
    *(
        "hai più di 18",
        "imam više od 18",
        "stariji od 18",
        "starija od 18",
        "punoljetan",
        "punoletan",
        "имам 18",
    ),
    *(
        "стариј од 18",
        "постар од 18",
        "ich bin über 18",
        "ich bin 18",
        "mindestens 18 jahre",
        "altersverifikation",
    ),
    *(
        "мне есть 18",
        "мне исполнилось 18",
        "вам есть 18",
        "soy mayor de 18",
        "mayor de edad",
        "mayores de 18",
    ),
    *("j'ai plus de 18", "j’ai plus de 18", "plus de 18 ans", "vérification de l'âge"),
)

# Groups of phrases: a wall of consent says something of two of them.
CONSENT = (
    ("cookie", "cookies", "biskot", "kolačić", "kolacic", "колачињ", "колачић", "куки"),
    ("accept all", "accept cookies", "reject all", "i accept", "i agree", "agree and continue", "manage your choices",
     "manage preferences", "accept and continue", "prano të gjitha", "pranoj", "accetta tutt", "accetta e continua",
     "prihvati sve", "prihvatam", "прифати ги сите", "прихвати све", "alle akzeptieren", "alle ablehnen",
     "принять все", "согласен", "aceptar todo", "tout accepter", "tout refuser"),
    ("before you continue", "your consent", "we value your privacy", "your privacy choices", "pëlqimin tuaj",
     "il tuo consenso", "la tua privacy", "vaš pristanak", "ihre einwilligung", "ihre privatsphäre", "ваше согласие",
     "tu consentimiento", "votre consentement", "votre vie privée"),
)  # fmt: skip
