"""Columns of tables."""

from collections.abc import Callable

import pytest

from router_extproc.pii.tables import Columns


def found(text: str) -> list[str]:
    """The values of two columns."""
    return [text[start:end] for start, end in Columns("dob|birth_?date").values(text)]


class TestColumns:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            pytest.param("name,dob\nBob,1\nAnn,2\n", ["1", "2"], id="commas"),
            pytest.param('name;dob\n"Roe; Bob";1\nAnn;"2"', ["1", "2"], id="quotes"),
            pytest.param("name\tDOB\r\nBob\t1\r\n", ["1"], id="tabs"),
            pytest.param("see:\n\n| dob | name |\n|---|:--|\n| 1 | Bob |\nend", ["1"], id="Markdown"),
            pytest.param("dob,name\n1\n2,Bob", [], id="rows of another width end it"),
            pytest.param("name,dob\n,\nBob,1", ["", "1"], id="nothing in a cell"),
            pytest.param("a,dob\nb,1\n\nname,birthdate\nBob,2", ["1", "2"], id="two tables"),
            pytest.param("INSERT INTO p (name, `dob`) VALUES ('Roe, Bob', '1'), ('O''Neil', '2');", ["1", "2"], id="SQL"),
            pytest.param("insert into p (name, dob)\nvalues (NULL, '1')", ["1"], id="SQL on two lines"),
            pytest.param("INSERT INTO p (name, dob) VALUES ('Bob')", [], id="SQL with too few values"),
            pytest.param("INSERT INTO p (name, sku) VALUES ('dob', '1')", [], id="SQL with other columns"),
            pytest.param("a name, a dob, and more\nthan, one, line", [], id="prose"),
            pytest.param("adobe,x\n1,2", [], id="another name"),
            pytest.param("dob", [], id="no table"),
        ],
    )
    def test_values_stand_below_their_names(self, text: str, values: list[str]) -> None:
        """By their place among the others."""
        assert found(text) == values

    @pytest.mark.parametrize(
        "text", ["name,dob\n", "INSERT INTO p (dob) VALUES (", "INSERT INTO p (dob) VALUES ('1'), ", "dob|'\",", "dob,\n,\n"]
    )
    def test_takes_time_by_length_alone(self, work: Callable[..., int], text: str) -> None:
        """However much looks like a table."""
        columns = Columns("dob")
        assert work(lambda: list(columns.values(text * 400))) < 6 * work(lambda: list(columns.values(text * 100)))
