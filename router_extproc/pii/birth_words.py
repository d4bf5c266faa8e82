"""BirthWords: how languages say that somebody was born, and call the months. Patterns in RE2's syntax, of small letters."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

MONTHS = (
    r"jan(?:uary|uar|vier|uari|uár|uára)?|feb(?:ruary|ruar|ruari|ruár|ruára)?|février|mar(?:ch)?|märz|mars|apr(?:il)?|avril|may|mai|june?|"
    r"juin|july?|juillet|aug(?:ust)?|août|sep(?:t(?:ember|embre)?)?|oct(?:ober|obre)?|okt(?:ober|óber|óbra)?|nov(?:ember|embre|embra)?|"
    r"dec(?:ember|embra)?|dez(?:ember)?|décembre|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|"
    r"gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre|dicembre|"
    r"janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|"
    r"maart|mei|augustus|maj|juni|juli|augusti|marts|desember|"  # Dutch, Scandinavian
    r"(?:tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu)kuu(?:ta|n)|"
    r"stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia|"
    r"ledna|února|března|dubna|května|června|července|srpna|září|října|listopadu|prosince|apríla|mája|júna|júla|augusta|septembra|"
    r"január|február|március|április|május|június|július|augusztus|szeptember|október|"
    r"ianuarie|februarie|martie|aprilie|iunie|iulie|septembrie|octombrie|noiembrie|decembrie|"
    r"ocak|şubat|mart|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık|"
    r"januari|februari|maret|agustus|"
    r"января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря|"
    r"січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня|"
    r"ιανουαρίου|φεβρουαρίου|μαρτίου|απριλίου|μα[ΐϊ]ου|ιουνίου|ιουλίου|αυγούστου|σεπτεμβρίου|οκτωβρίου|νοεμβρίου|δεκεμβρίου"
)
_LATIN = (
    r"born|b-?day|birth[ -]?dates?|birth[ -]?days?|dates? of birth|d\.?o\.?b\b\.?|naissance|"
    r"geboren|geb\.|geburtstag|geburtsdatum|nacid[oa]|nací|nació|nacimiento|nat[oa]|nascita|nascid[oa]|nasci|nasceu|nascimento|"
    r"geboortedatum|født|født|fødd|fødselsdato|fødselsdag|född|födelsedatum|födelsedag|syntynyt|syntymäaika|syntymäpäivä|"
    r"urodzon[ya]|urodzenia|urodził(?:em|am|a)? się|ur\.|narozen[aáýí]?|narodil[a]? (?:jsem )?se|datum nar\.|nar\.|"
    r"narodený|narodená|narodenia|"
    r"né(?:e|\(e\)|\.e|·e)?|născut[ăa]?|nașterii|naşterii|"
    r"doğum (?:tarihi?|tarihim|günü|günüm)|született|születési (?:dátum|dátuma|idő|ideje)|szül\.|"
    r"tanggal lahir|tgl\.? lahir|lahir|datum rođenja|rođen[a]?|datum rojstva|ngày sinh|sinh ngày"
)
_OTHERS = (
    r"дата рождения|дату рождения|родил(?:ся|ась)|рожд(?:\.|ения)|д\. ?р\.|г\. ?р\.|дата народження|народи(?:вся|лася)|дата на раждане|"
    r"родена? на|датум рођења|рођена?|ημερομηνία γέννησης|ημ\. γέννησης|γεννήθηκ(?:ε|α)|γεννημέν[οη]ς?"
)
WORDS = (
    rf"(?:(?:^|[^\pL])(?:{_LATIN}|{_OTHERS})|出生日期|生年月日|生日|出生|생년월일|출생일|"
    r"تاريخ الميلاد|تاريخ الولادة|مواليد|जन्म ?तिथि|जन्म की तारीख|जन्म दिनांक|תאריך לידה|วันเกิด)"
)
PREPOSITIONS = r"in|at|a|à|au|aux|en|em|w|we|ve|v|vo|la|te|i|na|no|u|di|în|в|у|во|город[еa]|г\.|im|zu"
"""Before the place."""
BETWEEN = (
    r"[\s:=,(\"'*_|>\-–—\x{ff1a}\x{60c}]|l['’]|"
    r"\b(?:on|is|was|the|am|el|em|op|den|le|il|in|dnia|dne|die|my|as|date|given|listed|recorded|d|pe|la data de|pada|tanggal|tarihinde|"
    r"este|er|jest|to|je|on a|av|of|a|dia|día|giorno|ngày)\b|"
    r"è\b|(?:é|était|στις|την|είναι|на|в|года?|число|هو|في|بتاريخ|है|은|는|이|가|是|为|為|は|が)"
)
"""What may stand between such a word and the date, any number of times."""
BEHIND = r"doğumlu|doğdu|生まれ|出生|에? ?출생|에 ?태어|生(?:$|[^\pL])|született|született|г\. ?р\.|года? рождения|(?:р\.|року) народження"
"""What says of a date before it that somebody was born then."""
