"""FieldWords: what forms and greetings put before a person's name, and what is no person's name behind it. Patterns in RE2's syntax."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

OF_NAMES = (
    r"first[ _]?name|last[ _]?name|full[ _]?name|given[ _]?names?|family[ _]?name|middle[ _]?name|maiden[ _]?name|sur[ _]?name|"
    r"prénoms?|nom de famille|nom complet|nom et prénom|vorname|nachname|familienname|vor- und nachname|name und vorname|"
    r"nombre completo|nombre y apellidos?|apellidos?|cognome|nome e cognome|nome completo|sobrenome|apelido|"
    r"imię|imiona|nazwisko|imię i nazwisko|voornaam|achternaam|förnamn|efternamn|fornavn|etternavn|etunimi|sukunimi|"
    r"příjmení|jméno a příjmení|priezvisko|ad[ıi] soyad[ıi]|ad soyad|soyad[ıi]?|prenume|nume și prenume|vezetéknév|keresztnév|"
    r"фамилия|отчество|ф\.?и\.?о\.?|имя и фамилия|прізвище|піб|ονοματεπώνυμο|επώνυμο|nama lengkap|họ và tên"
)
"""Fields that hold nothing but names of persons."""
OF_PERSONS = (
    r"patient(?:[ _]?name)?|patiente|patientin|payee|account[ _]?holder|card[ _]?holder|name on card|policy[ _]?holder|next[ _]of[ _]kin|"
    r"emergency[ _]contact|attn|deceased|passenger(?:[ _]?name)?|guest[ _]?name|student(?:[ _]?name)?|employee[ _]?name|"
    r"applicant(?:[ _]?name)?|candidate(?:[ _]?name)?|customer[ _]?name|client[ _]?name|contact[ _](?:person|name)|caller|witness|"
    r"utente|paciente|paziente|pacjent(?:ka)?|пациент(?:ка)?|ansprechpartner(?:in)?|kontaktperson|kontoinhaber(?:in)?|karteninhaber(?:in)?|"
    r"titulaire|titular|intestatario|beneficiari[oa]|bénéficiaire"
)
"""Fields that hold persons, and seldom firms."""
BARE = r"name|nom|nombre|nome|naam|namn|navn|nimi|név|nume|jméno|isim|имя|ім'я|όνομα|nama"
"""Fields that hold names of anything."""
BESIDE = (
    r"dob|date of birth|born|birth[ _]?date|naissance|nacimiento|geburtsdatum|geboren|geboortedatum|nascita|nascimento|ssn|gender|sex|"
    r"nationality|passport|bsn|dni|pesel|cpf|nhs|mrn|дата рождения"
)
"""Fields beside which those hold a person's."""
INTRODUCTIONS = (
    r"[Mm]y (?:full |real )?name(?: is|['’]s)|[Ii] am called|"
    r"[Jj]e m['’]appelle|[Mm]on nom est|[Jj]e me nomme|[Mm]ein Name ist|[Ii]ch hei(?:ß|ss)e|"
    r"[Mm]e llamo|[Mm]i nombre es|[Mm]i chiamo|[Ii]l mio nome è|(?:O )?[Mm]eu nome é|[Mm]e chamo|[Cc]hamo-me|[Mm]ijn naam is|[Ii]k heet|"
    r"[Nn]azywam się|[Mm]am na imię|[Mm]еня зовут|[Мм]еня зовут|[Мм]о[её] имя|[Мм]ене (?:звати|звуть)|[Jj]menuj[ui] se|[Vv]olám sa|"
    r"[Jj]ag heter|[Mm]itt namn är|[Jj]eg he(?:dder|ter)|[Mm]it(?:t)? navn er|[Nn]imeni on|[Aa] nevem|[Mm]ă numesc|[Mm]ă cheamă|"
    r"[Nn]umele meu este|[Bb]enim adım|[Μμ]ε λένε|[Οο]νομάζομαι|[Nn]ama saya|[Tt]ên tôi là"
)
"""By which somebody says who they are."""
_THINGS = (
    "a an the on in at of to for from with by as is am are was be been no not nor yes and or but so if it its this that these those "
    "there here i we you he she they me us them my your his her our their what who how when where why which can could would will "
    "shall should may must do does did have has had please thanks thank hello hi dear regards also just only still now then sorry sir "
    "madam test tests suite default policy service services server servers system systems admin administrator user users username "
    "name names first last full middle given family surname customer customers client clients company team desk office department "
    "group manager director engineer senior junior lead chief adult male female child unknown anonymous none null nil undefined empty "
    "blank missing required optional mandatory string str text varchar char int integer number numeric boolean bool object array any "
    "field fields column columns letters ascending descending sort sorted true false example sample demo dummy placeholder enter type "
    "types value values input label title new old account accounts joint bank credit card house street road same above below see "
    "attached pending tbd tba various multiple all self itself faker schema joi yup zod nullable unique index primary key foreign "
    "constraint build deploy deployment run install check checkout upload download setup set up lint release publish cache node "
    "python docker nginx ubuntu linux windows github gitlab action actions job jobs workflow step steps pipeline project app "
    "application web website api data database file image images cluster config configuration secret volume container pod ingress "
    "gateway role roles rule rules alert alerts dashboard template module plugin theme page form table list item product products "
    "order orders store shop main production staging development backup restore start stop restart update upgrade create delete "
    "remove add get post put copy move sync print send fetch load save open close enable disable world foo bar baz lorem ipsum model "
    "tool function agent assistant bot support help sales info contact press general north south east west central royal national "
    "international united city state county hotel hospital school university college church clinic cafe restaurant kitchen garden "
    "park lake river mountain island beach valley bridge station airport terminal gate room hall floor building tower centre center "
    "red blue green black white yellow orange purple golden silver big little great grand super mega ultra pro plus premium basic "
    "standard free monday tuesday wednesday thursday friday saturday sunday january february march june july august september october "
    "november december human resources relations legal finance billing payroll procurement marketing research operations security "
    "safety quality head front back left right top bottom year month week day hour class grade level section chapter part phase stage "
    "round version draft final revenue shift police control poison lower upper case capitalized capitalised alphabetical latin sole "
    "trader review sale acid written tax como come por confirmar voir annexe yok inte fuori moi yo mayúsculas minúsculas ikke nie "
    "nein non sí si tak на не нет вот это так sie euch ihnen u programm hase wie wer pflichtfeld erforderlich unbekannt muster feld "
    "nachname vorname obligatoire requis facultatif texte inconnu inconnue prénom nom champ personne obligatorio requerido opcional "
    "texto desconocido campo nombre apellido apellidos nome cognome obbligatorio sconosciuto testo wymagane tekst pole nieznany imię "
    "nazwisko verplicht onbekend обязательно неизвестно текст строка поле сервер служба файл имя фамилия"
)
NO_NAMES = frozenset(_THINGS.split())
"""Words that no person's name has, in small letters."""
