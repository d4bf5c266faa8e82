"""Lifetimes: how forms, notes and languages other than English say how old somebody is. Each pattern has one group: the number."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.pii.automata import searching
from router_extproc.pii.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = r"(1[01]\d|[1-9]\d|[1-9])"
_GROWN = r"(1[3-9]|[2-9]\d)"
"""Who writes a number and a letter for somebody is no child."""
_LABELS = (
    r"âge|edad|età|idade|leeftijd|возраст|вік|wiek|věk|vek|yaşı?|ålder|alder|ikä|ηλικία|életkor|vârst[aă]|umur|usia|العمر|عمر|السن|"
    r"आयु|उम्र|나이|연령|年龄|年齡|年齢"
)
_OWNERS = r"patient|customer|user|client|person|member|employee|applicant|candidate|student|child|insured|passenger|guest|subject"
_PHRASES = (
    r"возраст(?:е|ом)?|w wieku|ve věku|im alter von|im alter|à l['’]âge de|a la edad de|all['’]età di|op leeftijd van|"
    r"în vârstă de|i en ålder av|berusia|usia|umur"
)
_YEARS = r"лет|года?|років|роки|рік|lat|lata|let|roky|rokov"
_END = r"(?:$|[.,;:!?)\"'\n]| (?:и|а|та|і|i|a|oraz)\s)"
"""Behind years that somebody has lived, and seldom behind those that something takes."""
_SPOUSES = (
    r"husband|wife|partner|mother|mom|mum|father|dad|sister|brother|son|daughter|boyfriend|girlfriend|fianc[ée]e?|roommate|friend|bf|gf|ex|"
    r"so|so's|dh|dw|hubby|mil|fil|sil|bil|cousin|boss|coworker|neighbou?r"
)
_PAIRED = (
    r"dating|married|marrying|seeing|engaged|living with|looking for|seeking|single|divorced|widowed|virgin|here|in love|in a relationship|"
    r"and my|with my"
)
_WITH = r"dating|married to|marrying|seeing an?|engaged to|in love with|moved in with|living with|and my (?:" + _SPOUSES + r")"
_PEOPLE = (
    r"мужчин|женщин|пациент|жител|парен|парн|девушк|мальчик|девочк|подрост|сын|доч|брат|сестр|муж|жен|мат|отец|отц|ребен|ребён|водител|"
    r"пенсионер|студент|школьни|инвалид|чолов|жін|пацієнт|хлоп|дівч|мешкан"
)
_SLAVS = r"muž|žen|pacient|mężczy|kobiet|pacjent|chłop|dziewcz|syn|córk|dcer"
"""Begins of words for persons."""
_GERMANS = (
    r"man|kvinna|kvinne|mann|mand|kvinde|frau|patient|patientin|pojke|flicka|sohn|tochter|schüler|schülerin|rentner|rentnerin"
)
_HAS = r"мне|ему|ей|тебе|je (?:mi|mu|jí)|mam|mám|ona ma|on ma|ma"
_ONLY = r"уже|сейчас|только|исполнилось|już|teraz|dopiero|už|teď"
_SOMEBODY = rf"(?:^|[^\pL])(?:i|me|him|her|he|she|(?:my|his|her|their|our)(?: \pL+)? (?:{_SPOUSES}))"
_PATTERNS = (
    rf"(?:^|[^\pL\-])(?:{_LABELS})(?:\s?\([^()\n]{{0,12}}\))?[\"']?\s{{0,3}}[:=\x{{ff1a}}]\s{{0,3}}[\"']?{_NUMBER}(?:[^\d]|$)",
    rf"(?:[\"']|(?:^|[^\pL])(?:{_OWNERS})[ _]?)age[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?{_NUMBER}\b",
    rf"(?:^|[^\pL])(?:{_PHRASES})(?: пациента| пациентки| клиента)? {_NUMBER}\b",
    rf"(?:^|[^\pL\d.,\-]){_NUMBER} ?(?:yaşında|-?vuotias|éves\b|χρονών|ετών|-åring|(?-i:-Jährige))",
    rf"(?:^|[^\pL])(?:{_HAS})(?: (?:{_ONLY}))* {_NUMBER} (?:{_YEARS}){_END}",
    rf"(?:^|[^\pL\d.,\-]){_NUMBER}-?(?:летн|річн)(?:ий|яя|его|ей|ему|юю|им|ем|ие|их|ими|а|ого|ому|у) (?:(?:{_PEOPLE})|(?-i:\p{{Lu}}))",
    rf"(?:^|[^\pL\d.,\-]){_NUMBER}-?(?:let(?:ý|á|ého|ou|ému)|letni[aąe]?(?:go|mu|j)?) (?:(?:{_SLAVS})|(?-i:\p{{Lu}}))",
    rf"(?:^|[^\pL\d.,\-]){_NUMBER}-?(?:latek|latka|latki|latkiem|latką)(?:[^\pL]|$)",
    rf"(?:^|[^\pL\d.,\-]){_NUMBER}-(?:årig[ea]?|jährige[rnms]?) (?:{_GERMANS})(?:[^\pL]|$)",
    rf"(?:^|[^\d.,~\-\x{{301c}}\x{{ff5e}}]){_NUMBER} ?(?:歳|岁|歲|살)",
    rf"\((?-i:\p{{Lu}}[\pL'’-]+(?: \p{{Lu}}[\pL'’.-]*){{0,2}}), {_NUMBER}\)\s?[:–—]?\s?[\"“«„]",
    rf"[\"”][ –—-]{{1,3}}\(?(?-i:\p{{Lu}}[\pL'’-]+(?: \p{{Lu}}[\pL'’.-]*){{0,2}}), {_NUMBER}\)?(?:$|[\n.])",
)
_GENDERED = (
    rf"(?:^|[^\pL]){_GROWN} ?[fm] (?:{_PAIRED})\b",
    rf"\b(?:{_WITH}) (?:an? |my )?{_GROWN}[fm](?:$|[\s.,;!?)])",
    rf"{_SOMEBODY} ?[(\[]{_GROWN} ?/? ?[fm][)\]]",
    rf"{_SOMEBODY} ?[(\[][fm] ?/? ?{_GROWN}[)\]]",
)
_ALL = tuple(f"(?i){pattern}" for pattern in (*_GENDERED, *_PATTERNS))
_FINDING = tuple(map(re2.compile, _ALL))
_WHICH = searching(_ALL)
_COLUMNS = Columns(rf"(?:(?:{_OWNERS})[ _]?)?age|{_LABELS}|alter")
HINT = (
    rf"(?i)(?:(?:^|[^\pL]|{_OWNERS})age|{_LABELS}|alter)[\"'`*\]]?\s{{0,3}}(?:[(:=\x{{ff1a}},;|\t)\r\n]|$)|(?:{_PHRASES}) "
    r"|\d[ \-]?(?:yaşında|vuotias|éves|χρονών|ετών|årig|åring|jährig|лет|год|рок|рік|річ|lat|let|roky|歳|岁|歲|살)"
    r"|\d ?[fm](?:$|[^\pL\d])|[(\[][fm] ?/? ?\d|, \d{1,3}\)?(?:$|[\n.:–—\"“«„]|\s[:–—\"“«„])"
)
"""True of every text that has one."""
_RULES = re2.compile(
    r"(?i)^(?:\s?\pL+)?\s?(?:以上|以下|未満|未满|から|まで|前|以内|起|及び|向け|至|到|이상|이하|미만|부터|"
    r"и старше|и младше|или старше|и более|i więcej|i starsi|lub więcej|et plus|y más|und älter|e più)"
)
_BEASTS = re2.compile(
    r"(?i)(?:犬|猫|狗|树|樹|木|ワイン|酒|馬|кот|кошк|собак|пёс|пес|дом|здани|дерев|лошад|pies|kot|pes|kočk)\pL*[^.!?。\n]{0,16}$"
)
_BEFORE = 24
_BEHIND = 24
_AGES = range(1, 120)


def written(text: str) -> Iterator[tuple[int, int, int]]:
    """Where the numbers stand and where what makes ages of them ends, by pattern; a few twice."""
    for index in _WHICH.Match(text) or ():
        for match in _FINDING[index].finditer(text):
            start, end = match.span(1)
            if not (_RULES.search(text[end : end + _BEHIND]) or _BEASTS.search(text[max(0, match.start() - _BEFORE) : start])):
                yield start, end, match.end() if index < len(_GENDERED) else end


def listed(text: str) -> Iterator[tuple[int, int]]:
    """Where the numbers stand in tables."""
    for start, end in _COLUMNS.values(text):
        if text[start:end].isdecimal() and end - start <= len(str(_AGES[-1])) and int(text[start:end]) in _AGES:
            yield start, end
