"""What stands for a secret and is none."""

import pytest

from router_extproc.pii.references import is_attribute, is_reference, is_template


class TestIsReference:
    @pytest.mark.parametrize(
        "value",
        [
            "$PASSWORD", "$DB_PASS2", "$pass1", "$db_pw2", "$password123", "$config->pass2", "${DB2}", "$(cat pw2)", "%PASS2%", "&pass2",
            "&config.Pass2;", "&&", "{{pw2}}", "{password1}", "<your-pw1>", "<password1>", "%(pw2)s", "#{pw2}", "[hidden1]", "(none1)",
            "/run/secrets/db2", "/etc/app1/password.txt", "/v1/token2", "/API2/Users", "//comment1", "https://a1.example/b2",
        ],
    )  # fmt: skip  # a list of values reads better in rows
    def test_says_where_to_look(self, value: str) -> None:
        """Variables of shells and languages, templates, paths."""
        assert is_reference(value)

    @pytest.mark.parametrize(
        "value",
        [
            "$ecret123",
            "$uper$ecret1",
            "Pa$$w0rd",
            "%tr0ng9x!",
            "&9xPass!k",
            "/Ab12JE1shqWmxBqp7pgy",
            "/k9Q/Zx+7Lm2",
            "pa(ss)w0rd9",
            "p<4>ss",
        ],
    )
    def test_a_sign_in_front_makes_no_variable(self, value: str) -> None:
        """Passwords have signs, and base64 begins with a slash once in 64 times."""
        assert not is_reference(value)


class TestIsTemplate:
    @pytest.mark.parametrize(
        ("value", "template"),
        [("pre{name}1", True), ("a${X}b", True), ("<b1>", True), ("a{1}b", False), ("a<4>b", False), ("", False)],
    )
    def test_a_part_is_to_be_filled_in(self, value: str, *, template: bool) -> None:
        """Names in brackets are; numbers are not."""
        assert is_template(value) is template


class TestIsAttribute:
    @pytest.mark.parametrize(
        ("value", "attribute"), [("config.v2.password1", True), ("Tr0ub4dor&3.x", False), ("password1", False)]
    )
    def test_names_within_names(self, value: str, *, attribute: bool) -> None:
        """As code writes them."""
        assert is_attribute(value) is attribute
