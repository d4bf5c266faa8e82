"""Keys with a prefix."""

from collections.abc import Callable

import pytest

from router_extproc.pii.keys import find


# The samples are joined here, so that scanners for leaked keys do not take them for real ones.
class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("AKIA" + "Q3EGRW7LXZ5K2N4T", "AKIA" + "Q3EGRW7LXZ5K2N4T", id="AWS"),
            pytest.param(
                "ghp" + "_Zk3Rq9LmX2vTb7WnYc5Hd8Js4Pg6Fa1QeUo0", "ghp" + "_Zk3Rq9LmX2vTb7WnYc5Hd8Js4Pg6Fa1QeUo0", id="GitHub"
            ),
            pytest.param("key sk-proj" + "-Zk3Rq9LmX2vTb7WnYc5Hd8Js.", "sk-proj" + "-Zk3Rq9LmX2vTb7WnYc5Hd8Js", id="OpenAI"),
            pytest.param("xoxb" + "-280194710293-Rq9LmX2vTb7WnYc5", "xoxb" + "-280194710293-Rq9LmX2vTb7WnYc5", id="Slack"),
            pytest.param("sk_live" + "_Zk3Rq9LmX2vTb7WnYc5H", "sk_live" + "_Zk3Rq9LmX2vTb7WnYc5H", id="Stripe"),
            pytest.param(
                "hf" + "_RkqLmXvTbWnYcHdJsPgFaQeUoZxiCwEdMN", "hf" + "_RkqLmXvTbWnYcHdJsPgFaQeUoZxiCwEdMN", id="letters only"
            ),
            pytest.param(
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
                id="token",
            ),
            pytest.param(
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1c7\n-----END RSA PRIVATE KEY-----\n",
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1c7\n-----END RSA PRIVATE KEY-----",
                id="private key",
            ),
            pytest.param(
                "6922832127:AAEm2DMKEBRO2GNeRhLONJqe4__Roc-QfiA", "6922832127:AAEm2DMKEBRO2GNeRhLONJqe4__Roc-QfiA", id="bot"
            ),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("AKIAIOSFODNN7EXAMPLE", id="example"),
            pytest.param("sk-...", id="dots"),
            pytest.param("sk-xxxxxxxxxxxxxxxxxxxxxxxx", id="crosses"),
            pytest.param("sk-your-api-key-goes-here-123", id="yours"),
            pytest.param("sk-1234567890abcdef1234567890abcdef", id="counted"),
            pytest.param("sk-learn-pipelines-and-models", id="words"),
            pytest.param("risk-Zk3Rq9LmX2vTb7WnYc5Hd8Js", id="in a word"),
            pytest.param("ghp_Zk3Rq9", id="short"),
            pytest.param("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", id="public"),
            pytest.param("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", id="hash"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
