"""Dates of birth."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from collections.abc import Callable

import pytest

from router_extproc.pii.births import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("DOB: 03/14/1985", "03/14/1985", id="numbers"),
            pytest.param("born 1985-03-14, living", "1985-03-14", id="ISO"),
            pytest.param("date of birth is 14 March 1985", "14 March 1985", id="words"),
            pytest.param("was born on March 14, 1985.", "March 14, 1985", id="American"),
            pytest.param("geboren am 14.3.1985", "14.3.1985", id="German"),
            pytest.param("né le 14 mars 1985", "14 mars 1985", id="French"),
            pytest.param("出生日期:1985年3月14日", "1985年3月14日", id="Chinese"),
            pytest.param("b-day 3/14/85", "3/14/85", id="short year"),
            pytest.param("дата рождения 19.04.1986", "19.04.1986", id="Russian label"),
            pytest.param("родился 19 апреля 1986 года", "19 апреля 1986", id="Russian verb"),
            pytest.param("родилась в Москве 19 апреля 1986", "19 апреля 1986", id="Russian place"),
            pytest.param("дата народження: 5 травня 1990", "5 травня 1990", id="Ukrainian"),
            pytest.param("data urodzenia: 12.03.1985", "12.03.1985", id="Polish label"),
            pytest.param("urodzony 12 marca 1985 r.", "12 marca 1985", id="Polish"),
            pytest.param("ur. 12 marca 1985 w Krakowie", "12 marca 1985", id="Polish short"),
            pytest.param("urodzona w Łodzi dnia 12.03.1985", "12.03.1985", id="Polish place"),
            pytest.param("datum narození: 12. 3. 1985", "12. 3. 1985", id="Czech label"),
            pytest.param("narozen 12. března 1985", "12. března 1985", id="Czech"),
            pytest.param("doğum tarihi: 14.03.1985", "14.03.1985", id="Turkish label"),
            pytest.param("Doğum Tarihi: 14 Mart 1985", "14 Mart 1985", id="Turkish month"),
            pytest.param("14 Mart 1985 doğumlu", "14 Mart 1985", id="Turkish behind"),
            pytest.param("född 1985-03-14", "1985-03-14", id="Swedish"),
            pytest.param("född den 3 maj 1985", "3 maj 1985", id="Swedish month"),
            pytest.param("fødselsdato: 14.03.1985", "14.03.1985", id="Danish label"),
            pytest.param("født 3. mai 1985 i Oslo", "3. mai 1985", id="Norwegian"),
            pytest.param("syntynyt 14.3.1985", "14.3.1985", id="Finnish"),
            pytest.param("syntymäaika: 14. maaliskuuta 1985", "14. maaliskuuta 1985", id="Finnish month"),
            pytest.param("geboren op 3 maart 1985", "3 maart 1985", id="Dutch"),
            pytest.param("geboren in Utrecht op 3 mei 1985", "3 mei 1985", id="Dutch place"),
            pytest.param("ημερομηνία γέννησης: 14/03/1985", "14/03/1985", id="Greek label"),
            pytest.param("Γεννήθηκε στις 14 Μαρτίου 1985", "14 Μαρτίου 1985", id="Greek"),
            pytest.param("születési idő: 1985. március 14.", "1985. március 14", id="Hungarian label"),
            pytest.param("1985. március 14-én született", "1985. március 14", id="Hungarian behind"),
            pytest.param("data nașterii: 14.03.1985", "14.03.1985", id="Romanian label"),
            pytest.param("născut la Cluj pe 3 mai 1985", "3 mai 1985", id="Romanian place"),
            pytest.param("tanggal lahir: 14 Maret 1985", "14 Maret 1985", id="Indonesian label"),
            pytest.param("lahir di Bandung, 14 Maret 1985", "14 Maret 1985", id="Indonesian place"),
            pytest.param("تاريخ الميلاد: 14/03/1985", "14/03/1985", id="Arabic"),
            pytest.param("जन्म तिथि: 14/03/1985", "14/03/1985", id="Hindi"),
            pytest.param("생년월일: 1985년 3월 14일", "1985년 3월 14일", id="Korean"),
            pytest.param("생년월일 1985. 3. 14.", "1985. 3. 14", id="Korean dots"),
            pytest.param("1985年3月14日生まれ", "1985年3月14日", id="Japanese behind"),
            pytest.param("1985年3月14日出生", "1985年3月14日", id="Chinese behind"),
            pytest.param("nato a Bari l'11 marzo 1979", "11 marzo 1979", id="Italian place"),
            pytest.param("nato l'11 marzo 1979 a Napoli", "11 marzo 1979", id="Italian apostrophe"),
            pytest.param("nata a Reggio Emilia (RE) il 3/5/1980", "3/5/1980", id="Italian province"),
            pytest.param("né(e) à Lyon le 14 juillet 1950", "14 juillet 1950", id="French place"),
            pytest.param("née à Saint-Étienne le 14 juillet 1950", "14 juillet 1950", id="French hyphen"),
            pytest.param("geboren in Frankfurt am Main am 3. Mai 1970", "3. Mai 1970", id="German place"),
            pytest.param("nacido en Santiago de Chile el 3 de mayo de 1980", "3 de mayo de 1980", id="Spanish place"),
            pytest.param("nascido em São Paulo em 3 de maio de 1980", "3 de maio de 1980", id="Portuguese place"),
            pytest.param("born in Lagos on 3 May 1980", "3 May 1980", id="English place"),
            pytest.param("born in Lagos, Nigeria, on May 3, 1980", "May 3, 1980", id="English country"),
            pytest.param(
                "INSERT INTO patients (name, dob, ssn) VALUES ('W', '1951-07-19', '377-40-1295');", "1951-07-19", id="SQL"
            ),
            pytest.param("19.04.1986 г.р.", "19.04.1986", id="Russian behind"),
            pytest.param("Data de nascimento: 30/01/1968", "30/01/1968", id="a word that begins as another"),
            pytest.param("name,dob\nBob,1951-07-19", "1951-07-19", id="column"),
            pytest.param("| Name | Date of birth |\n|---|---|\n| Bob | 2 May 1951 |", "2 May 1951", id="column in Markdown"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("on 03/14/1985", id="no word"),
            pytest.param("born 14/14/1985", id="no such month"),
            pytest.param("born 1985-02-30", id="no such day"),
            pytest.param("born in 1985", id="year only"),
            pytest.param("born on March 14, 1879", id="history"),
            pytest.param("born in Ulm, moved 03/14/1985", id="other date"),
            pytest.param("stubborn 03/14/1985", id="stubborn"),
            pytest.param("created,updated\n2020-01-01,2020-01-02", id="other columns"),
            pytest.param("name,dob,x\nBob,1951-07-19", id="a row of another width"),
            pytest.param("dob,city\n1985-13-45,X\nnone,Y", id="no dates in the column"),
            pytest.param("INSERT INTO orders (name, made) VALUES ('Bob', '2020-01-01');", id="SQL with other columns"),
            pytest.param("A project was born. On 2020-01-02 it moved", id="another sentence"),
            pytest.param("La réunion est née. Le 14 juillet 2020", id="another sentence in French"),
            pytest.param("NATO, 4 April 1949", id="NATO"),
            pytest.param("Nato in London, 4 December 2019", id="Nato"),
            pytest.param("Crema de nata: 12/03/2020", id="cream"),
            pytest.param("tur. 12.03.1985, narrow 12.03.1985", id="ends and begins of words"),
            pytest.param("родина 12.03.1985", id="Russian look-alike"),
            pytest.param("Die Firma wurde geboren, am Markt seit 3. Mai 1970", id="words between"),
            pytest.param("1985年3月14日発売", id="Japanese release"),
            pytest.param("14 Mart 1985 tarihli sözleşme", id="Turkish contract"),
            pytest.param("ne le 14 juillet 2020", id="no accent"),
            pytest.param("urgent 12.03.1985, född i Lund", id="word behind"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

    @pytest.mark.parametrize("text", ["born in Ulm, ", "né le ", "1985-03-14 ", "生まれ", "born on 1985-03-14 "])
    def test_takes_time_by_length_alone(self, work: Callable[..., int], text: str) -> None:
        """However many words there are."""
        assert work(lambda: list(find(text * 400))) < 6 * work(lambda: list(find(text * 100)))
