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
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
