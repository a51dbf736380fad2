"""Refusals that people meet on their pages, as rules and steps say them in English → in Albanian. DRAFTS."""

SENTENCES: dict[str, str] = {
    # hash sets
    "Choose a class.": "Zgjidhni një kategori.",
    "There is no such hash set.": "Nuk ka grup të tillë hash-esh.",
    "Only a lead may propose trust; a second person may confirm it.": (
        "Vetëm një drejtues mund ta propozojë besimin; e konfirmon një person i dytë."
    ),
    "Trust needs a written reason of at most 2000 characters": (
        "Besimi kërkon një arsye me shkrim, më së shumti 2000 karaktere."
    ),
    "A second person must confirm this trust": "Këtë besim duhet ta konfirmojë një person i dytë.",
    "A list of harmless files is never trusted": "Një listë skedarësh të padëmshëm nuk besohet kurrë.",
    "There is no such open recall.": "Nuk ka rishikim të tillë të hapur.",
    # judging
    "Choose one of the labels.": "Zgjidhni një nga etiketat.",
    "The form cannot be read.": "Formulari nuk mund të lexohet.",
    "A reason may have at most 2000 characters.": "Arsyeja mund të ketë më së shumti 2000 karaktere.",
    "Dead link is said of an address, not of a picture.": (
        "Lidhje e vdekur thuhet për një adresë, jo për një imazh."
    ),
    "A lead decides; only what nobody could see may go to the police as not viewed.": (
        "Vendos drejtuesi; vetëm ajo që askush nuk mundi ta shihte shkon te policia si e paparë."
    ),
    "A lead has decided this already; what is left to judge are its pictures.": (
        "Një drejtues e ka vendosur tashmë; mbeten për t’u vlerësuar imazhet e saj."
    ),
    "It goes to the police as not viewed: tick police first too.": (
        "Shkon te policia si e paparë: shënoni edhe “policia e para”."
    ),
    "Police first goes with an illegal label.": "Policia e para shkon vetëm me një etiketë të paligjshme.",
    "A child at risk goes with an illegal label, or with unsure.": (
        "Fëmija në rrezik shkon vetëm me një etiketë të paligjshme ose me të pasigurt."
    ),
    "This is settled; reopen it to judge it anew.": (
        "Kjo është vendosur; rihapeni për ta vlerësuar përsëri."
    ),
    "A lead decides what is disputed, and only that.": (
        "Drejtuesi vendos për atë ku nuk ka pajtim, dhe vetëm për atë."
    ),
    "You have judged this already; nobody is their own second.": (
        "E keni vlerësuar tashmë; askush nuk është i dyti i vetes."
    ),
    "What cannot be displayed here cannot be judged illegal; press unsure for a lead.": (
        "Çfarë nuk shfaqet këtu nuk mund të vlerësohet e paligjshme; zgjidhni të pasigurt për drejtuesin."
    ),
    "Look at the picture first: an illegal label on a new picture needs your own look.": (
        "Shikojeni imazhin më parë: një etiketë e paligjshme për një imazh të ri kërkon shikimin tuaj."
    ),
    "This item is a picture: judge the picture.": "Ky element është një imazh: vlerësoni imazhin.",
    "Not all of it is captured yet.": "Ende nuk është kapur e gjitha.",
    "There is no picture here to confirm.": "Këtu nuk ka imazh për t’u konfirmuar.",
    "Not every picture of this item is known: look at those that are not.": (
        "Jo çdo imazh këtu është i njohur: shikoni ata që nuk janë."
    ),
    "A lead has the last word here; leave it for another one.": (
        "Këtu fjalën e fundit e ka drejtuesi; lëreni për një tjetër."
    ),
    "You are a party to this dispute; another lead decides it.": (
        "Jeni palë në këtë mosmarrëveshje; vendos një drejtues tjetër."
    ),
    # looking
    "This form was used: ask for another look on the item's page.": (
        "Ky formular u përdor: kërkoni një shikim tjetër te faqja e elementit."
    ),
    "This picture does not wait for you.": "Ky imazh nuk ju pret juve.",
    "There is no such view.": "Nuk ka pamje të tillë.",
    "This item does not wait for a look.": "Ky element nuk pret një shikim.",
    "A known picture needs no look and gets none.": "Një imazh i njohur nuk kërkon shikim dhe nuk shikohet.",
    "There is nothing to look at; ask for another capture.": (
        "Nuk ka çfarë të shikohet; kërkoni një kapje tjetër."
    ),
    "There is no such way out.": "Nuk ka rrugë daljeje të tillë.",
    "This look is over; ask for another one.": "Ky shikim mbaroi; kërkoni një tjetër.",
    "There is nothing to look at any more.": "Nuk ka më çfarë të shikohet.",
    # beside judging
    "Only an address can be captured again.": "Vetëm një adresë mund të kapet përsëri.",
    "It waits for a lead; decide it first.": "Pret drejtuesin; vendoseni më parë.",
    "First one picture of the page must be settled as illegal.": (
        "Më parë një imazh i faqes duhet të vendoset si i paligjshëm."
    ),
    "Say who at the police lifted the hold, in 1 to 200 characters.": (
        "Thoni kush te policia e hoqi pezullimin, me 1 deri në 200 karaktere."
    ),
    "Say to whom it was handed on, in 1 to 200 characters.": (
        "Thoni kujt iu përcoll, me 1 deri në 200 karaktere."
    ),
    "Say why it is reopened.": "Thoni pse rihapet.",
    "It was handed on; a new report brings it back.": "U përcoll; një raportim i ri e rikthen.",
    "The time to undo is over; reopen it with a reason.": (
        "Koha për ta zhbërë mbaroi; rihapeni me një arsye."
    ),
    "Only who judged it undoes it; reopen it with a reason.": (
        "E zhbën vetëm kush e vlerësoi; rihapeni me një arsye."
    ),
    # messages and recipients
    "There is no such recipient of what is handed on.": "Nuk ka marrës të tillë për përcjellje.",
    "Only a message that left can be answered.": "Vetëm një mesazh që u nis mund të marrë përgjigje.",
    "The police do not host it: that is no answer of theirs.": (
        "Policia nuk e strehon: kjo nuk është përgjigje e saj."
    ),
    "This answer is noted already.": "Kjo përgjigje është shënuar tashmë.",
    "They said already that it is removed.": "Thanë tashmë se u hoq.",
    "Say what they dispute.": "Thoni çfarë kundërshtojnë.",
    "It is disputed: whoever has talked to them reopens the item or waits for the check.": (
        "Është kundërshtuar: kush foli me ta e rihap elementin ose pret kontrollin."
    ),
    "Say why it is withdrawn.": "Thoni pse tërhiqet.",
    "A police referral is sent again, or its items are reopened; notices wait for it.": (
        "Një referim policisë dërgohet përsëri ose elementet rihapen; njoftimet e presin."
    ),
    "Say first whether it left: its retraction waits for that.": (
        "Thoni më parë nëse u nis: tërheqja e tij e pret këtë."
    ),
    "A retraction asks for no answer.": "Një tërheqje nuk kërkon përgjigje.",
    "A recipient of this name is entered already.": "Një marrës me këtë emër është shtuar tashmë.",
    "Only a lead approves recipients.": "Vetëm një drejtues miraton marrës.",
    "You entered it: another lead approves it.": "E shtuat ju: e miraton një drejtues tjetër.",
    "It is disabled: enter it anew, under another name.": "Është çaktivizuar: shtojeni sërish, me një emër tjetër.",
    "Nothing of it is changed.": "Asgjë nuk ndryshoi.",
    "Messages name it, so its kind stays: disable it, and enter another one.": (
        "Ka mesazhe për të, prandaj lloji mbetet: çaktivizojeni dhe shtoni një tjetër."
    ),
    "Its first message has not left: send that again first.": (
        "Mesazhi i parë nuk është nisur: niseni më parë atë."
    ),
    "A lead must approve its recipient as it is now; then send it again.": (
        "Marrësin, siç është tani, duhet ta miratojë një drejtues; pastaj niseni përsëri."
    ),
    "Only a mail that was sent, and not answered, comes back.": (
        "Kthehet mbrapsht vetëm një postë që u nis dhe nuk mori përgjigje."
    ),
    "A reminder of it left too: say of that first what became of it.": (
        "U nis edhe një kujtesë e tij: thoni më parë ç’u bë me të."
    ),
    "A name has 1 to 120 characters.": "Emri ka 1 deri në 120 karaktere.",
    "The language is sq, en or sq+en.": "Gjuha është sq, en ose sq+en.",
    "This is not a mail address.": "Kjo nuk është adresë poste.",
    "The folder's name has letters, digits and . _ - only.": (
        "Emri i dosjes ka vetëm shkronja, shifra dhe . _ -"
    ),
    "The contact of a partner hotline names a folder of the outbox.": (
        "Kontakti i një linje partnere është emri i një dosjeje dalëse."
    ),
    "The key cannot be read: it begins with age1.": "Çelësi nuk lexohet: ai fillon me age1.",
    "Packages are sealed: enter the age key of the recipient.": (
        "Paketat vulosen: shtoni çelësin age të marrësit."
    ),
    "A country has two letters, such as AL.": "Vendi ka dy shkronja, si AL.",
    "Enter the country of the partner hotline.": "Shtoni vendin e linjës partnere.",
    "Enter the networks (AS numbers) that the provider answers for.": (
        "Shtoni rrjetet (numrat AS) për të cilat përgjigjet ofruesi."
    ),
    "An AS number is 1 to 4294967295.": "Një numër AS është 1 deri në 4294967295.",
    "AS numbers are numbers, separated by commas.": "Numrat AS janë numra, të ndarë me presje.",
    "Choose what they answered.": "Zgjidhni çfarë u përgjigjën.",
    "A note may have at most 2000 characters.": "Shënimi mund të ketë më së shumti 2000 karaktere.",
    "Choose the kind and the channel.": "Zgjidhni llojin dhe mënyrën.",
    "The contact or the key is too long.": "Kontakti ose çelësi është tepër i gjatë.",
    "Only a lead takes an approval back.": "Vetëm një drejtues e heq një miratim.",
    "Only a lead disables recipients.": "Vetëm një drejtues çaktivizon marrës.",
    # hosting
    "The operator needs a name of 1 to 200 characters.": "Operatori ka një emër me 1 deri në 200 karaktere.",
    "The country is two capital letters, such as AL or XK.": "Vendi ka dy shkronja të mëdha, si AL ose XK.",
    "An ASN is a number from 1 to 4294967295.": "Numri AS është nga 1 deri në 4294967295.",
    "This is not an IP address.": "Kjo nuk është adresë IP.",
    # what is not there, or not allowed
    "There is no such item.": "Nuk ka element të tillë.",
    "There is no such message.": "Nuk ka mesazh të tillë.",
    "There is no such answer.": "Nuk ka përgjigje të tillë.",
    "There is no such recipient.": "Nuk ka marrës të tillë.",
    "There is no such picture.": "Nuk ka imazh të tillë.",
    "There is no such look of yours.": "Nuk keni shikim të tillë.",
    "This item does not show such a picture.": "Ky element nuk tregon imazh të tillë.",
    "No picture of this page is known.": "Asnjë imazh i kësaj faqeje nuk është i njohur.",
    "Somebody judged the item itself: that must be settled first.": (
        "Dikush vlerësoi vetë elementin: kjo duhet vendosur më parë."
    ),
    "Your roles do not let you enter recipients.": "Rolet tuaja nuk ju lejojnë të shtoni marrës.",
    "Your roles do not let you change recipients.": "Rolet tuaja nuk ju lejojnë të ndryshoni marrës.",
    "This person may not decide who hosts an item.": (
        "Ky person nuk mund të vendosë kush e strehon një element."
    ),
}
