"""Named secrets."""

from collections.abc import Callable

import pytest

from router_extproc.pii.secrets import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("password: S3cure!Pass", "S3cure!Pass", id="password"),
            pytest.param("my password is Tr0ub4dor&3.", "Tr0ub4dor&3", id="in words"),
            pytest.param("db_password = 'k9#mQ2vX'", "k9#mQ2vX", id="quoted"),
            pytest.param('{"api_key": "8f14e45fceea167a5a36dedd4bea2543"}', "8f14e45fceea167a5a36dedd4bea2543", id="JSON"),
            pytest.param("MY_TOKEN=4f9d8a7b6c5e4d3f2a1b", "4f9d8a7b6c5e4d3f2a1b", id="environment"),
            pytest.param(
                "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzKqz", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzKqz", id="AWS"
            ),
            pytest.param("Authorization: Bearer 9f8a7b6c5d4e3f2a1b0c9d8e", "9f8a7b6c5d4e3f2a1b0c9d8e", id="bearer"),
            pytest.param("password: Anna123456", "Anna123456", id="counts behind a name"),
            pytest.param("my password is Summer123456!", "Summer123456", id="counts behind a word"),
            pytest.param("password: abcdef99x", "abcdef99x", id="alphabet"),
            pytest.param("password: $ecret123", "$ecret123", id="dollar"),
            pytest.param("password: %tr0ng9x.", "%tr0ng9x", id="per cent"),
            pytest.param("DB_PASSWORD=pa(ss)w0rd9", "pa(ss)w0rd9", id="brackets"),
            pytest.param("DB_PASSWORD=p[4]ss{5}0rd9.", "p[4]ss{5}0rd9", id="several brackets"),
            pytest.param("password: 'p<4>ssw0rd'", "p<4>ssw0rd", id="angles in quotes"),
            pytest.param('"password": "k9,m;Q2(vX"', "k9,m;Q2(vX", id="any sign in quotes"),
            pytest.param("<li>password: hunter22</li>", "hunter22", id="HTML"),
            pytest.param("pwd:Aé12345678", "Aé12345678", id="accent"),
            pytest.param("Passwort: Müller£2024", "Müller£2024", id="German"),
            pytest.param("password: Жжёшь2024", "Жжёшь2024", id="Cyrillic"),
            pytest.param("password: S3cure!Pass。下一句", "S3cure!Pass", id="before Chinese"),
            pytest.param("password: “k9#mQ2vX”", "k9#mQ2vX", id="curly quotes"),
            pytest.param("api_key: /Ab12JE1shqWmxBqp7pgysA5k", "/Ab12JE1shqWmxBqp7pgysA5k", id="slash"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param('api_key = "<your-api-key>"', id="angles"),
            pytest.param("API_KEY=YOUR_API_KEY", id="capitals"),
            pytest.param('password=os.environ["DB2"]', id="lookup"),
            pytest.param("password: ********", id="stars"),
            pytest.param("token = tokenizer2.encode(text)", id="call"),
            pytest.param("secret_key=${SECRET_KEY_V2}", id="variable"),
            pytest.param("token: str = field()", id="type"),
            pytest.param("password: hunter", id="word"),
            pytest.param("token: 1234567890123", id="number"),
            pytest.param("auth=https://a1.example.com/b2c3", id="address"),
            pytest.param("the secret is that nobody knows", id="sentence"),
            pytest.param("password=config.v2.password1", id="path"),
            pytest.param("tokens: 4f9d8a7b6c5e4d3f2a1b", id="plural"),
            pytest.param("password: abcdef123456", id="counted"),
            pytest.param("password: changeme1", id="to change"),
            pytest.param("password: xxxx1234", id="crosses"),
            pytest.param('password="<your-password1>"', id="angles in quotes"),
            pytest.param('password="${DB_PASS2}"', id="variable in quotes"),
            pytest.param('password=f"{prefix}x1y2"', id="template in quotes"),
            pytest.param("password = '{{vault_pw2}}'", id="template"),
            pytest.param("password = $password1;", id="variable of PHP"),
            pytest.param("password: $DB_PASS2", id="variable of a shell"),
            pytest.param("set PASSWORD=%PASS2%", id="variable of Windows"),
            pytest.param("password = &config.Pass2", id="pointer"),
            pytest.param("password: /run/secrets/db2", id="file"),
            pytest.param("token=/var/run/secrets/token2.v1", id="file of a token"),
            pytest.param("password = hash2(value)", id="call"),
            pytest.param("password = hash2(value).hexdigest()", id="call of a call"),
            pytest.param("password = hash2(\n  value)", id="call over lines"),
            pytest.param('password = env2["PASS"]', id="lookup of a name"),
            pytest.param("password: Map2<String>", id="type with a part"),
            pytest.param("password: Example123", id="example"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
