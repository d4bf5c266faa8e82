"""Ages."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from collections.abc import Callable

import pytest

from router_extproc.pii.ages import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Ann, 77 years old", "77", id="years old"),
            pytest.param("a 38-year-old male", "38", id="hyphens"),
            pytest.param("This 33 year old female", "33", id="no hyphen"),
            pytest.param("I just turned 55", "55", id="turned"),
            pytest.param("retired at the age of 71", "71", id="age of"),
            pytest.param("Age: 42", "42", id="field"),
            pytest.param("I'm 34 and tired", "34", id="I am"),
            pytest.param("when he was 65.", "65", id="was"),
            pytest.param("a 29 y/o woman", "29", id="short"),
            pytest.param("and my husband is 20.", "20", id="kin"),
            pytest.param("My sister, 79, lives here", "79", id="kin between commas"),
            pytest.param("on her 40th birthday we", "40", id="birthday"),
            pytest.param("F-55 years old", "55", id="hyphen before"),
            pytest.param("I (29F) live here", "29", id="letter behind"),
            pytest.param("my older sister (F/38) says", "38", id="letter before"),
            pytest.param("27f looking for advice", "27", id="letter without brackets"),
            pytest.param("she is dating a 31m.", "31", id="dating"),
            pytest.param('P3 (Hyacinth, 71): "No."', "71", id="participant"),
            pytest.param('"I like it." (Dev, 22)', "22", id="behind a quotation"),
            pytest.param('{"age": 33}', "33", id="JSON"),
            pytest.param('{"patient_age": "33"}', "33", id="JSON with whose"),
            pytest.param("Âge : 15 ans", "15", id="French field"),
            pytest.param("Alter: 52", "52", id="German field"),
            pytest.param("возраст 45", "45", id="Russian field"),
            pytest.param("Edad: 33 años", "33", id="Spanish field"),
            pytest.param("wiek: 40 lat", "40", id="Polish field"),
            pytest.param("الاسم: علي، العمر: 35", "35", id="Arabic field"),
            pytest.param("나이: 35", "35", id="Korean field"),
            pytest.param("je mi 50 let, bydlím v Brně", "50", id="Czech"),
            pytest.param("мне 45 лет.", "45", id="Russian"),
            pytest.param("34-летний житель", "34", id="Russian adjective"),
            pytest.param("34-летняя Анна", "34", id="Russian adjective before a name"),
            pytest.param("34-letni mężczyzna", "34", id="Polish adjective"),
            pytest.param("34-latek", "34", id="Polish noun"),
            pytest.param("eine 34-jährige Frau", "34", id="German adjective"),
            pytest.param("en 34-årig kvinna", "34", id="Swedish adjective"),
            pytest.param("45 yaşında", "45", id="Turkish"),
            pytest.param("35歳の男性", "35", id="Japanese"),
            pytest.param("今年35岁了", "35", id="Chinese"),
            pytest.param("name,age\nBob,33", "33", id="column"),
            pytest.param("| Name | Age |\n|---|---|\n| Bo | 39 |", "39", id="column in Markdown"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("He turned 18 degrees", id="degrees"),
            pytest.param("I'm 90% sure", id="percent"),
            pytest.param("a 12-year-old whisky", id="whisky"),
            pytest.param("aged 18 months", id="months"),
            pytest.param("under the age of 18", id="law"),
            pytest.param("aged 18-25", id="range"),
            pytest.param("aged 65 and over", id="and over"),
            pytest.param("I'm 5 minutes away", id="time"),
            pytest.param("turns 5 more people", id="verb"),
            pytest.param("300 years old", id="too old"),
            pytest.param("I am 3.5 km away", id="price"),
            pytest.param("my friend, 2 days later, said", id="kin and days"),
            pytest.param("my father is 2 m tall", id="kin and metres"),
            pytest.param("the firm's 10th birthday", id="a firm's birthday"),
            pytest.param("Is a 12-year-old single malt better than an 8-year-old, or not", id="its noun stands before"),
            pytest.param("a 12-year-old cask", id="cask"),
            pytest.param("Cache-Control: max-age=60", id="header"),
            pytest.param("people of 25-55 years old", id="a range of years"),
            pytest.param('{"stage": 18, "page": 41}', id="other fields"),
            pytest.param("name,page\nBob,33", id="other column"),
            pytest.param("name,age\nBob,none\nAnn,430", id="column of other things"),
            pytest.param("name,age\nBob,33,9", id="a row of another width"),
            pytest.param("32m people in a 20m pool", id="millions and metres"),
            pytest.param("the PIC (16F) and a lens (50 f)", id="chips and lenses"),
            pytest.param("40f and sunny, seeing 20 m ahead", id="degrees"),
            pytest.param("(Berlin, 22): rain, (Messi, 10): goal, (Monday, 12): lunch", id="places, shirts and days"),
            pytest.param("(Figure, 12) and (Genesis, 22).", id="places in books"),
            pytest.param("trabajo aquí desde hace 10 años", id="Spanish duration"),
            pytest.param("depuis 10 ans, 20 ans d'expérience", id="French duration"),
            pytest.param("lavoro qui da 10 anni", id="Italian duration"),
            pytest.param("10-летний опыт, 50-летний юбилей", id="Russian duration"),
            pytest.param("мне 10 лет обещают квартиру", id="Russian promise"),
            pytest.param("mám 50 let zkušeností", id="Czech duration"),
            pytest.param("10-jährige Garantie, ein 10-jähriges Jubiläum", id="German duration"),
            pytest.param("18歳以上、20岁以下、18세 이상", id="rules"),
            pytest.param("犬は10歳です", id="a dog"),
            pytest.param("21세기", id="a century"),
            pytest.param("Alter: 18-99, wiek: 18 i więcej", id="ranges"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
