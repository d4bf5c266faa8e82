"""Private: texts with made-up private data, and texts that look like it and have none."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from faker import Faker
from faker.providers.address.it_IT import Provider as ItalianAddresses

from router_extproc.encoders.heads import SPANS
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

_LOCALES = (
    "en_US", "en_US", "en_GB", "en_AU", "en_CA", "en_NZ", "en_IE", "en_IN", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CA",
    "nl_NL", "sv_SE", "it_IT", "es_ES", "es_MX", "pt_BR", "pt_PT", "pl_PL", "cs_CZ", "sk_SK", "da_DK", "fi_FI", "no_NO",
    "hu_HU", "tr_TR", "ro_RO", "hr_HR", "sl_SI", "et_EE", "lv_LV", "lt_LT", "vi_VN", "id_ID",
)  # fmt: skip
_HOLE = re.compile(r"\{([A-Z_]+)\}")
_LABELS = {name: name for name in SPANS} | {
    "FIRST": "PERSON", "LAST": "PERSON", "INITIALED": "PERSON", "TEAM": "ORGANIZATION",
}  # fmt: skip
"""What a placeholder is marked as; others are filled, and not marked."""
_EVERY = frozenset(SPANS)
_TITLES = ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Mr", "Mrs", "Miss", "Sir", "Madam", "Dr")
_NATIONALITIES = (
    "German", "French", "Dutch", "Italian", "Spanish", "Portuguese", "Polish", "Czech", "Hungarian", "Turkish", "Greek",
    "Russian", "Ukrainian", "Indian", "Pakistani", "Chinese", "Japanese", "Korean", "Brazilian", "Mexican", "Canadian",
    "American", "British", "Irish", "Scottish", "Australian", "Nigerian", "Kenyan", "Egyptian", "Israeli", "Iranian",
    "Swedish", "Danish", "Norwegian", "Finnish", "Swiss", "Austrian", "Belgian", "Romanian", "Bulgarian", "Croatian",
)  # fmt: skip
_FIRMS = ("Ltd", "Inc.", "Inc", "LLC", "Group", "& Co", "GmbH", "Corp", "plc", "Bank", "Media")
_PRACTICES = ("LLP", "& Partners", "LLC", "& Sons", "and Associates", "& Co", "GmbH", "plc")
_SURNAMES = re.compile(r"[\w'-]+(, [\w'-]+)* (and|&|und|et|y|e) [\w'-]+|[\w']+-[\w']+")
"""Companies that Faker names by surnames alone: like a list of people, which such a row of names in most texts is."""
_FIRMLY = 0.7
"""Of these get a word that tells what they are."""
_OF_CITIES = ("University", "FC", "Police", "City Council", "Hospital", "United", "Times", "Airlines", "Bank")
_SYLLABLES = (
    "so", "lar", "civ", "plo", "twa", "ra", "ne", "vo", "tix", "cu", "ber", "ly", "ta", "mi", "zen", "qu", "inn", "ova",
)  # fmt: skip
_ENDS = ("ly", "ify", "io", "labs", "hub", "soft", "Data", "Works", "AI")
_DATES = ("%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y", "%d %b %Y", "%m-%d-%Y")
_BORN = date(1930, 1, 1), date(2025, 12, 31)
"""First and last day: fixed, so that the same texts are made tomorrow."""
_SHORTEST_HEADLINE = 8
"""Letters around the placeholders of a line in capitals."""
_PARTICLES = ("van", "von", "de", "da", "del", "bin", "Mac", "St.")
_COPIES = {"pii/templates": 8, "pii/news": 8, "pii/encyclopedia": 5, "pii/plain": 5, "pii/plain_abroad": 6}
"""How often each line is used, filled anew each time."""


class _SortedTowns(ItalianAddresses):
    """Faker takes the Italian towns from a set, whose order is another in each process."""

    cities = sorted(ItalianAddresses.cities)


class Private:
    """Makes up private data."""

    def __init__(self, random: Random, known: Mapping[str, Sequence[str]]) -> None:
        """`known` has values of types that have a form to keep, such as IBANs, from the training data."""
        self._random = random
        self._known = known
        self._fakers = [Faker(locale) for locale in _LOCALES]
        for locale, faker in zip(_LOCALES, self._fakers, strict=True):
            if locale == "it_IT":
                faker.add_provider(_SortedTowns)
            faker.seed_instance(random.getrandbits(32))
        self._makers: dict[str, Callable[[], str]] = {
            "PERSON": self._person, "FIRST": self._first, "LAST": self._last, "INITIALED": self._initialed,
            "ORGANIZATION": self._organization, "TEAM": self._team, "ADDRESS": self._address, "PHONE": self._phone,
            "AGE": lambda: str(random.randint(1, 99)), "DATE_OF_BIRTH": self._date, "DATE": self._date,
            "CITY": self._city, "COUNTRY": lambda: random.choice(lines("pii/countries")),
            "NATIONALITY": lambda: random.choice(_NATIONALITIES), "TITLE": lambda: random.choice(_TITLES),
            "JOB": lambda: random.choice(lines("pii/jobs")), "N": self._number,
        }  # fmt: skip

    def filled(self, template: str) -> tuple[str, tuple[tuple[int, int, str], ...]]:
        """The text, and its spans."""
        letters = _HOLE.sub("", template)
        shouted = len(letters) > _SHORTEST_HEADLINE and letters.upper() == letters
        parts, spans, at, length = [], [], 0, 0
        for hole in _HOLE.finditer(template):
            before, value = template[at : hole.start()], self._value(hole[1])
            value = value.upper() if shouted else value
            parts += [before, value]
            length += len(before)
            if hole[1] in _LABELS and value:
                spans.append((length, length + len(value), _LABELS[hole[1]]))
            length += len(value)
            at = hole.end()
        return "".join([*parts, template[at:]]), tuple(spans)

    def _value(self, name: str) -> str:
        make = self._makers.get(name)
        if make is not None:
            return make()
        return self._random.choice(self._known[name]) if self._known.get(name) else ""

    def _faker(self) -> Faker:
        return self._random.choice(self._fakers)

    def _first(self) -> str:
        return self._random.choice(lines("pii/first_names")) if self._random.random() < 0.5 else str(self._faker().first_name())

    def _last(self) -> str:
        if self._random.random() < 0.05:
            return f"{self._random.choice(_PARTICLES)} {self._random.choice(lines('pii/last_names'))}"
        return self._random.choice(lines("pii/last_names")) if self._random.random() < 0.5 else str(self._faker().last_name())

    def _person(self) -> str:
        way = self._random.random()
        if way < 0.12:
            return f"{self._first()} {self._letter()}. {self._last()}"
        if way < 0.17:
            return f"{self._first()} {self._first()} {self._last()}"
        if way < 0.22:
            return f"{self._first()} {self._last()}-{self._last()}"
        return f"{self._first()} {self._last()}"

    def _initialed(self) -> str:
        letters = 1 if self._random.random() < 0.8 else 2
        return "".join(f"{self._letter()}." for _ in range(letters)) + f" {self._last()}"

    def _letter(self) -> str:
        return self._random.choice("ABCDEFGHIJKLMNOPRSTVWZ")

    def _organization(self) -> str:
        way = self._random.random()
        if way < 0.5:
            return self._random.choice(lines("pii/organizations"))
        if way < 0.6:
            return f"{self._last()} {self._random.choice(_FIRMS)}"
        if way < 0.68:
            return f"{self._city()} {self._random.choice(_OF_CITIES)}"
        if way < 0.75:
            return self._coined()
        company = str(self._faker().company())
        bare = _SURNAMES.fullmatch(company) and self._random.random() < _FIRMLY
        return f"{company} {self._random.choice(_PRACTICES)}" if bare else company

    def _coined(self) -> str:
        """A young company's name."""
        word = "".join(self._random.choices(_SYLLABLES, k=self._random.randint(2, 4)))
        shape = self._random.random()
        if shape < 0.3:
            word += self._random.choice(_ENDS)
        return word.capitalize() if shape < 0.8 else word.upper()[:4]

    def _team(self) -> str:
        return self._random.choice(lines("pii/teams"))

    def _city(self) -> str:
        return self._random.choice(lines("pii/cities")) if self._random.random() < 0.7 else str(self._faker().city())

    def _phone(self) -> str:
        known = self._known.get("PHONE")
        if known and self._random.random() < 0.3:
            return self._random.choice(known)
        return str(self._faker().phone_number())

    def _address(self) -> str:
        """Street and number, and now and then flat, town, postcode and country, in one line or in several."""
        known = self._known.get("ADDRESS")
        if known and self._random.random() < 0.25:
            return self._random.choice(known)
        faker, random = self._faker(), self._random
        if random.random() < 0.08:
            return str(self._fakers[0].address()) if random.random() < 0.5 else f"PO Box {random.randint(10, 9999)}"
        parts = [str(faker.street_address()).replace("\n", ", ")]
        if random.random() < 0.25:
            parts.append(f"{random.choice(('Suite', 'Apt.', 'Flat', 'Unit', 'Apartment', 'Floor'))} {random.randint(1, 999)}")
        if random.random() < 0.7:
            city = str(faker.city())
            city = city.upper() if random.random() < 0.15 else city
            code = str(faker.postcode())
            way = random.random()
            parts.append(f"{city} {code}" if way < 0.35 else f"{code} {city}" if way < 0.7 else city)
            if random.random() < 0.35:
                country = random.choice(lines("pii/countries"))
                parts.append(f"{country} {code}" if way >= 0.85 else country)
        return random.choice((", ", ", ", ", ", "\n", "\n ", " ")).join(parts)

    def _date(self) -> str:
        day = self._fakers[0].date_between_dates(*_BORN)
        return str(day.strftime(self._random.choice(_DATES)))

    def _number(self) -> str:
        way = self._random.random()
        if way < 0.5:
            return str(self._random.randint(0, 9))
        return str(self._random.randint(10, 99)) if way < 0.8 else str(self._random.randint(100, 2030))


def private(read: Mapping[str, Sequence[Example]], random: Random) -> list[Example]:
    """Every line of ours, filled several times."""
    known: dict[str, list[str]] = {}
    for example in read["pii"]:
        for start, end, name in example.target:
            known.setdefault(name, []).append(example.text[start:end])
    maker = Private(random, {name: sorted(set(values)) for name, values in sorted(known.items())})
    made = []
    for name, copies in _COPIES.items():
        for template in lines(name):
            for _ in range(copies if _HOLE.search(template) else 3):
                text, spans = maker.filled(template)
                made.append(Example("pii", text, spans, SOURCE, types=_EVERY))
    return made
