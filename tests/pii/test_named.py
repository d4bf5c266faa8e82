"""Persons by the fields of forms and by how they introduce themselves."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.named import find, joined

NAMED = [
    ("Nom : Traoré    Prénom : Aïssata", ["Traoré", "Aïssata"]),
    ("- name: Olumide Fashola\n  role: approver\n  email: o.fashola@t.example", ["Olumide Fashola"]),
    ('{"to":"a","attn":"Neville Ogunbanjo","amount":1}', ["Neville Ogunbanjo"]),
    ("Payee      : Gaspard Tshibanda\n", ["Gaspard Tshibanda"]),
    ("Patient: Ann Roe, DOB 1", ["Ann Roe"]),
    ("Imię i nazwisko: Bożena Wiśniowska-Ncube", ["Bożena Wiśniowska-Ncube"]),
    ("Me llamo Nieves Ibargüengoitia Soto, DNI", ["Nieves Ibargüengoitia Soto"]),
    ("nazywam się Bożena Wiśniowska-Ncube, PESEL", ["Bożena Wiśniowska-Ncube"]),
    ("Mein Name ist Jörg Weiß und", ["Jörg Weiß"]),
    ("je m'appelle Aïssata et", ["Aïssata"]),
    ("mi chiamo Ulderico Bassani.", ["Ulderico Bassani"]),
    ("Меня зовут Ефросинья Дубравина, дата", ["Ефросинья Дубравина"]),
    ("Hi, my name is Earl and", ["Earl"]),
    ("Merhaba, ben Gülseren Akıncıoğlu, T.C.", ["Gülseren Akıncıoğlu"]),
    ("Utente: Benedita Falcão Moutinho\nData", ["Benedita Falcão Moutinho"]),
    ('"first_name": "Aïssata",', ["Aïssata"]),
    ("| Patient | x |\nPatient: Dr. Iracema dos Anjos Kowalski (new)", ["Iracema dos Anjos Kowalski"]),
    ("ФИО: Вера Ланская\n", ["Вера Ланская"]),
    ("My name is Anna. I live", ["Anna"]),
    ("My name is Anna I live", ["Anna"]),
    ("Vorname: Jörg\nNachname: Weiß", ["Jörg", "Weiß"]),
    ("Jag heter Sven Åström", ["Sven Åström"]),
    ("Cardholder: Conor O'Brien", ["Conor O'Brien"]),
    ("Name: Absalom Reyes-Whitcombe\nBorn: 1962", ["Absalom Reyes-Whitcombe"]),
    ("Attn: Ms. Eilidh MacCrimmon\n", ["Eilidh MacCrimmon"]),
    ("ООО «Северный Бриз» в лице", ["ООО «Северный Бриз»"]),
    ("株式会社みなと精機の佐伯", ["株式会社みなと精機"]),
    ("Naam: Fenna Boateng-Dijkstra\nBSN: 29", ["Fenna Boateng-Dijkstra"]),
    ("Surname: N'Diaye\n", ["N'Diaye"]),
    ("mijn naam is Jan van der Berg.", ["Jan van der Berg"]),
    ('ООО "Бриз" платит', ['ООО "Бриз"']),
    ("日本電産株式会社 御中", ["日本電産株式会社"]),
]
LOOK_ALIKES = [
    "my name is on the list",
    "My Name Is On The List",
    "what do you mean, my name is Not found?",
    "name: my-app",
    "name: nginx",
    "name: Nginx",
    "Name: Test Suite 4",
    '"display_name": "Default Policy"',
    "- name: Install Nginx",
    "  apt:",
    "- name: Run Unit Tests",
    "  run: make",
    "name: Build And Deploy",
    "on: push",
    "- name: Checkout Code",
    "  uses: actions/checkout",
    "- name: Set Up Python",
    "  with: x",
    "apiVersion: v1",
    "kind: Secret",
    "metadata:",
    "  name: geo-creds",
    "  name: Geo",
    '"name": "Acme Widgets", "sku": "AX"',
    '"name": "Winter Jacket", "price": 3',
    "Name: Blue Ocean",
    "Price: 4",
    "Name: Mercy Lakes Hospital",
    "Phone: 55",
    "name: Platform Team",
    "email: platform@x.example",
    "name: Northwind Traders",
    "email: info@northwind.example",
    "First name: Last name: Email:",
    "First Name: Required",
    "Last Name: Optional",
    "firstName: String",
    "lastName: String",
    "firstName: String!",
    "first_name = Column(String)",
    "last_name: Varchar",
    '"first_name": "First Name"',
    "Vorname: Pflichtfeld",
    "Prénom: Obligatoire",
    "Nombre completo: Requerido",
    "Surname: Unknown",
    "Sort by last name: Ascending",
    "Last name: Letters only",
    "full_name: Faker",
    "full name: user.name",
    "Full name: {name}",
    "Full name: <name>",
    "Full name: [Your Name]",
    "First name: Enter your first name",
    "First name: must be Capitalised",
    "The patient: Anna reports pain here",
    "Patient: Adult Male",
    "Patient: Unknown",
    "Payee: British Gas",
    "Payee: Acme Foods Ltd",
    "Attention: Do not open",
    "ATTENTION: Please Read",
    "Attention: Wet Floor",
    "Attn: Accounts Department",
    "Attn: Human Resources",
    "Caller: main()",
    "Witness: the dog",
    "Candidate: Senior Engineer",
    "Employee: Full Time",
    "Employee: Manager Level",
    "Next of kin: None",
    "Account holder: Joint Account",
    "Titular: Banco Santander",
    "Ich heiße Sie herzlich willkommen",
    "Mein Name ist Programm",
    "Mein Name ist Hase",
    "ik heet U welkom",
    "me llamo la atención",
    "je m'appelle reviens",
    "Как меня зовут? Не знаю",
    "mi chiamo fuori",
    "Ben Affleck, Matt Damon, and",
    "I met ben Jerry",
    "nome: Sala Grande",
    "capienza: 4",
    "Nom: Rapport Annuel",
    "Taille: 3 Mo",
    "Name: Report Final",
    "Size: 3",
    "Имя: Отчёт",
    "Размер: 3",
    "filename: Report Final",
    "hostname: Web Server",
    "my name is [NAME]",
    "Name: Gateway Timeout",
    "Status: 504",
    "The property name: Value Type",
    "Album name: Dark Side",
    "Artist: Pink",
    "Company name: Red Bull",
    "Project name: Apollo Eleven",
    "Team name: Wild Cats",
    "class name: Foo Bar",
    "Nickname: Big Bear",
    "username: JohnDoe",
    "User name: Anna",
    "Event name: Open Day",
    "Brand name: Nike Air",
    "domain name: Example Org",
    "株式会社の登記について",
    "株式会社設立の手続き",
    "各株式会社は",
    "ООО и АО платят налог",
    'ООО "',
    "Contact: Customer Service",
    "Client: Green Valley",
    "Customer: Royal Mail",
    "Guest name: Party Of Four",
    "next of kin: see below",
    "Guest name: Table Seven",
    "Name: Silver Fox\nEmail: fox@brand.example",
    "name: Summer Sale\nphone: 1",
    "- name: Restart Apache\n  become: yes",
    "- name: Ensure Redis\n  state: present",
    "- name: Gather Facts",
    "Name: Quarterly Review\nAge: 3 months",
    "Name: Golden Retriever\nAge: 3",
    "Name: Hydrochloric Acid\nPassport: x",
    "Patient: Not Applicable",
    "Patient: Left Knee",
    "Applicant: Sole Trader",
    "Applicant: Limited Company",
    "Witness: Not Present",
    "Deceased: Yes",
    "Payee: Inland Revenue",
    "Attn: Night Shift",
    "Attention: Bug Bounty",
    "Attention: Is All",
    "Attention Is All You Need",
    "Student: Second Year",
    "Candidate: Version Two",
    "Last name: Primary Key",
    "Surname: See Passport",
    "First name: As On Card",
    "Full name: As Above",
    "Full name: Official Title",
    "Last Name: Not Null",
    "family: Sans Serif",
    "Vorname: Wie im Ausweis",
    "Apellidos: Como Aparece",
    "Cognome: Come Sopra",
    "Nombre completo: Mayúsculas",
    "Fullname: Lower Case",
    "last_name: Alphabetical",
    "first_name: Capitalized",
    "Caller: Private Number",
    "Employee: Not Assigned",
    "Ansprechpartner: Siehe Website",
    "Titular: Por Confirmar",
    "Bénéficiaire: Voir Annexe",
    "my name is In Lights",
    "my name is Written here",
    "My name is What",
    "Ich heiße Euch willkommen",
    "me llamo Yo",
    "je m'appelle Moi",
    "mi chiamo Fuori",
    "Меня зовут На работу",
    "jag heter Inte",
    "Benim adım Yok",
    "Me llamo Director",
    "Given name: Latin",
    "Name on card: Virtual Card",
    "Cardholder: Not Present",
    "Account holder: Savings Account",
    "Next of kin: Not Listed",
    "Emergency contact: Call Police",
    "Emergency Contact: Poison Control",
    "contact name: Main Office",
    "employee: Best Buy",
    "nom: Pomme Verte\nâge: 3 ans",
    "Nome: Torre Eiffel\nTelefono: 1",
]


class TestFind:
    @pytest.mark.parametrize(("text", "names"), NAMED)
    def test_finds_exactly_them(self, quoted: Callable[..., list[str]], text: str, names: list[str]) -> None:
        """Without titles, and nothing of what follows."""
        assert quoted(find, text) == names

    @pytest.mark.parametrize("text", LOOK_ALIKES)
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """Things have names, too, and forms say what is to be filled in."""
        assert quoted(find, text) == []

    @given(
        text=st.lists(st.sampled_from(["Name: ", "my name is ", "Prénom : ", "Ann ", "Roe", "\n", "ben ", ", ", "dob: "])).map(
            "".join
        )
    )
    def test_in_order_and_apart(self, text: str) -> None:
        """Whatever stands beside each other."""
        spans = find(text)
        assert all(0 <= span.start < span.end <= len(text) for span in spans)
        assert all(first.end <= second.start for first, second in pairwise(spans))

    @pytest.mark.parametrize(
        "text", ["my name is ", "Name: Ann Roe\n", "Patient: Ann Roe\ndob: 1\n", "Ann Ann ", "株式会社", "ООО «"]
    )
    def test_takes_time_by_length_alone(self, work: Callable[..., int], text: str) -> None:
        """However many fields there are."""
        assert work(lambda: find(text * 400)) < 6 * work(lambda: find(text * 100)) + 100


class TestJoined:
    @pytest.mark.parametrize(
        ("marked", "left"),
        [
            pytest.param([], (9, 16, "PERSON"), id="nothing"),
            pytest.param([Span(13, 16, "PERSON", 0.9)], (9, 16, "PERSON"), id="a part"),
            pytest.param([Span(9, 16, "ORGANIZATION", 0.8)], (9, 16, "PERSON"), id="a firm, hardly"),
            pytest.param([Span(9, 16, "ORGANIZATION", 0.99)], (9, 16, "ORGANIZATION"), id="a firm, surely"),
            pytest.param([Span(9, 20, "PERSON", 0.8)], (9, 20, "PERSON"), id="a longer person"),
            pytest.param([Span(9, 20, "PERSON", 0.5)], (9, 16, "PERSON"), id="a longer one that does not count"),
            pytest.param([Span(5, 12, "ORGANIZATION", 0.99)], (9, 16, "PERSON"), id="what crosses it"),
        ],
    )
    def test_whose_word_stays(self, marked: list[Span], left: tuple[int, int, str]) -> None:
        """A model's that is surer of all of it; a name's elsewhere is not touched."""
        beside = Span(30, 34, "PERSON", 0.4)
        first, second = joined([Span(9, 16, "PERSON", 0.85)], [*marked, beside], 0.7)
        assert (first.start, first.end, first.type) == left
        assert second == beside

    def test_counts_by_any_threshold(self) -> None:
        """A bundle's may be higher than what a finder's word is worth."""
        assert [span.score for span in joined([Span(0, 3, "PERSON", 0.85)], [], 0.9)] == [0.9]
