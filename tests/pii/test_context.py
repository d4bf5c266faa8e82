"""What the text around a number says."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

import pytest

from router_extproc.pii.context import Context, counts_something, joins, labels_something, names_something, stands_alone


class TestContext:
    @pytest.mark.parametrize(
        ("text", "speaks"),
        [
            pytest.param("tax id is *1*", True, id="before"),
            pytest.param("*1* is my tax id", True, id="behind"),
            pytest.param("*1*\ntax id", None, id="behind, but on the next line"),
            pytest.param("tax id for order *1*", False, id="the nearer one decides"),
            pytest.param("order with tax id *1*", True, id="and it may be the right one"),
            pytest.param("taxi driver *1*", None, id="part of a word"),
            pytest.param("TAX ID:*1*", True, id="capitals"),
            pytest.param("tax id " + "x " * 40 + "*1*", None, id="too far"),
            pytest.param("*1*", None, id="nothing"),
        ],
    )
    def test_the_nearest_word_decides(self, text: str, *, speaks: bool | None) -> None:
        """Only whole words, and only near ones."""
        start = text.index("*")
        assert Context("tax id").speaks(text, start, text.rindex("*") + 1) is speaks

    @pytest.mark.parametrize(
        ("text", "is_for"),
        [
            pytest.param("tax id for the order: ", True, id="what it is for"),
            pytest.param("tax id, for my insurance claim is ", True, id="behind a comma"),
            pytest.param("tax id (order): ", True, id="in brackets"),
            pytest.param("tax id for order ", False, id="right before it"),
            pytest.param("tax id for order no. ", False, id="a number of its own"),
            pytest.param("tax id. For the order: ", False, id="another sentence"),
            pytest.param("tax id order: ", False, id="side by side"),
            pytest.param("for the order: ", False, id="no word of its own"),
        ],
    )
    def test_says_what_it_is_for(self, text: str, *, is_for: bool) -> None:
        """Then the thing's word does not speak against it."""
        assert Context("tax id").is_for(text + "1", len(text)) is is_for


class TestCountsSomething:
    @pytest.mark.parametrize(
        ("before", "counts"),
        [
            ("order ", True),
            ("Order no. #", True),
            ("the invoice number is: ", True),
            ("pay the invoice with ", False),
            ("border ", False),
            ("", False),
        ],
    )
    def test_only_right_before(self, before: str, *, counts: bool) -> None:
        """A verb between parts the number from the word."""
        assert counts_something(before + "1", len(before)) is counts

    @pytest.mark.parametrize(
        "before",
        [
            "Ma commande n° ",
            "dossier nº ",
            "numéro de dossier : ",
            "Numéro de commande : ",
            "Bestellnummer ",
            "Bestellung Nr. ",
            "Ihre Rechnungsnummer: ",
            "Vorgang ",
            "Vorgangsnummer ",
            "pedido ",
            "pedido n.º ",
            "Pedido Nº ",
            "número de pedido: ",
            "ordine n. ",
            "ordine ",
            "pratica n. ",
            "fattura numero ",
            "zamówienie ",
            "zamówienia nr ",
            "sprawa nr ",
            "faktura nr ",
            "order no. ",
            "ticket #",
            "заказ № ",
            "заказа ",
            "номер заказа ",
            "обращение № ",
            "sipariş no ",
            "sipariş numarası ",
            "tilausnumero ",
            "ärendenummer ",
            "ordernummer: ",
            "objednávka č. ",
            "expediente núm. ",
            "factuurnummer ",
            "dossiernummer ",
            "case no. ",
            "encomenda n.º ",
            "processo nº ",
            "comanda nr. ",
            "rendelésszám: ",
            "Auftrag Nr. ",
            "Buchungsnummer: ",
            "colis n° ",
            "rezerwacja nr ",
            "számla száma ",
        ],
    )
    def test_in_other_languages(self, before: str) -> None:
        """What an order, a case or an invoice is called by."""
        assert counts_something(before + "1", len(before))

    @pytest.mark.parametrize(
        "before",
        [
            "réservations : ",
            "Réservation au ",
            "Reservas: ",
            "appelez le ",
            "numéro ",
            "mon numéro est le ",
            "téléphone n° ",
            "Tel. Nr. ",
            "nr tel. ",
            "Telefonnummer ",
            "dossier: ",
            "prenotazione: ",
            "Fall ",
            "umowa ",
            "numer telefonu ",
            "номер телефона ",
            "mein Handy Nr. ",
            "telefon numarası ",
            "Ring mig, nummer ",
            "mobil nr. ",
            "reserva ",
            "contratto: ",
            "Rechnung an ",
            "devis : ",
            "In diesem Fall ",
        ],
    )
    def test_a_telephone_is_none_of_them(self, before: str) -> None:
        """Nor what somebody may be called about, where nothing calls it a number."""
        assert not counts_something(before + "1", len(before))


class TestNamesSomething:
    @pytest.mark.parametrize(
        ("before", "names"), [("claim ", True), ("order no. #", True), ("total: ", False), ("claims that ", False)]
    )
    def test_a_sum_names_nothing(self, before: str, *, names: bool) -> None:
        """What is counted has a number, what is measured has another kind."""
        assert names_something(before + "1", len(before)) is names


class TestLabelsSomething:
    @pytest.mark.parametrize(
        ("before", "labels"),
        [
            ("order #", True),
            ("Order No. ", True),
            ('"invoice id": "', True),
            ("serial: ", True),
            ("for the order: ", False),
            ("total ", False),
        ],
    )
    def test_only_what_is_called_a_number(self, before: str, *, labels: bool) -> None:
        """`order` alone may be what is paid for."""
        assert labels_something(before + "1", len(before)) is labels


class TestStandsAlone:
    @pytest.mark.parametrize(
        ("text", "alone"),
        [
            ("*", True),
            ("(*).", True),
            ("a *, b", True),
            ("号*吗", True),
            ("a*", False),
            ("*_", False),
            ("é*", False),
            ("0.*", False),
            ("*.5", False),
            ("A-*", False),
            ("*-x", False),
            ("- *", True),
        ],
    )
    def test_nothing_goes_on(self, text: str, *, alone: bool) -> None:
        """Letters, decimals and hyphenated names do; signs and scripts without spaces do not."""
        at = text.index("*")
        assert stands_alone(text, at, at + 1) is alone

    def test_no_character_joins_nothing(self) -> None:
        """The ends of the text are ends."""
        assert not joins("")
