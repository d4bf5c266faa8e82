"""Keys with a prefix."""

import re
from base64 import b64encode
from collections.abc import Callable
from random import Random
from string import ascii_letters, ascii_uppercase, digits

import pytest

from router_extproc.pii import patterns
from router_extproc.pii.keys import _SHAPES, find

_LOT = Random(11)
_HEX = "0123456789abcdef"
_BASE62 = ascii_letters + digits


def _drawn(length: int, letters: str = _BASE62) -> str:
    """Drawn by lot, so that no key stands in this file. Digits and capitals are in it for sure."""
    return "".join(_LOT.choices(letters, k=length - 2)) + ("7b" if letters is _HEX else "7Q")


_UUID = "-".join(_drawn(length, _HEX) for length in (8, 4, 4, 4, 12))
_BOT = b64encode(b"198622483471925248").decode()
SERVICES = [
    pytest.param("SK" + _drawn(32, _HEX), id="Twilio"),
    pytest.param("key-" + _drawn(32, _HEX), id="Mailgun"),
    pytest.param("dapi" + _drawn(32, _HEX), id="Databricks"),
    pytest.param("ATATT3xFfGF0" + _drawn(180) + "=6A9C6E4D", id="Atlassian"),
    pytest.param("sq0atp-" + _drawn(22), id="Square"),
    pytest.param("EAAA" + _drawn(60), id="Square of the newer kind"),
    pytest.param("EAACEdEose0cBA" + _drawn(80), id="Facebook"),
    pytest.param("ntn_" + _drawn(46), id="Notion"),
    pytest.param("secret_" + _drawn(43), id="Notion of the older kind"),
    pytest.param("figd_" + _drawn(40), id="Figma"),
    pytest.param("NRAK-" + _drawn(27, ascii_uppercase + digits), id="New Relic"),
    pytest.param(f"PMAK-{_drawn(24, _HEX)}-{_drawn(34, _HEX)}", id="Postman"),
    pytest.param(f"pat-na1-{_UUID}", id="HubSpot"),
    pytest.param(f"pat{_drawn(14)}.{_drawn(64, _HEX)}", id="Airtable"),
    pytest.param("dp.pt." + _drawn(43), id="Doppler"),
    pytest.param("dp.st.prd." + _drawn(43), id="Doppler, of a service"),
    pytest.param("rubygems_" + _drawn(48, _HEX), id="RubyGems"),
    pytest.param("pscale_tkn_" + _drawn(43), id="PlanetScale"),
    pytest.param("sbp_" + _drawn(40, _HEX), id="Supabase"),
    pytest.param("sb_secret_" + _drawn(31), id="Supabase of the newer kind"),
    pytest.param("sntrys_" + _drawn(120), id="Sentry"),
    pytest.param("sntryu_" + _drawn(64, _HEX), id="Sentry, of a user"),
    pytest.param(f"{_drawn(14)}.atlasv1.{_drawn(67)}", id="Terraform"),
    pytest.param("HRKU-" + _drawn(60), id="Heroku"),
    pytest.param(f"HRKU-{_UUID}", id="Heroku of the older kind"),
    pytest.param("sl." + _drawn(135), id="Dropbox"),
    pytest.param("sl.u." + _drawn(300), id="Dropbox of the newer kind"),
    pytest.param(f"{_BOT}.{_drawn(6)}.{_drawn(38)}", id="Discord"),
    pytest.param("AGE-SECRET-KEY-1" + _drawn(58, ascii_uppercase + digits), id="age"),
    pytest.param(f"sk.eyJ{_drawn(60)}.{_drawn(22)}", id="Mapbox"),
]
_WEBHOOK = f"T{_drawn(9, ascii_uppercase)}/B{_drawn(9, ascii_uppercase)}/{_drawn(24)}"
_HOOK = f"198622483471925248/{_drawn(68)}"
_SIGNED = f"{_drawn(20)}%2B{_drawn(20)}%2f{_drawn(1 + 1)[:1]}%3D"
ADDRESSES = [
    pytest.param(f"https://hooks.slack.com/services/{_WEBHOOK}", _WEBHOOK, id="Slack"),
    pytest.param(f"curl https://discord.com/api/webhooks/{_HOOK}?wait=true", _HOOK, id="Discord"),
    pytest.param(f"https://x.blob.core.windows.net/c?sv=2022-11-02&sig={_SIGNED}&sp=r", _SIGNED, id="Azure"),
]
_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
_PICTURE = b64encode(bytes(Random(5).randbytes(9_000))).decode()
LOOK_ALIKES = [
    pytest.param(f"cache-key-{_MD5}", id="entry of a cache"),
    pytest.param(f"restore key-{_MD5}.json", id="file"),
    pytest.param(f"main.{_MD5}.js and pat.{_MD5}{_MD5}", id="bundles"),
    pytest.param(f"md5 {_MD5}, etag {_MD5}-2", id="hashes"),
    pytest.param("id 123e4567-e89b-12d3-a456-426614174000", id="UUID"),
    pytest.param(f"data:image/png;base64,{_PICTURE}", id="picture"),
    pytest.param(
        f"data:image/x;base64,EAAA{_PICTURE[:60].replace('+', 'a').replace('/', 'b')}", id="picture with that beginning"
    ),
    pytest.param(f"{_PICTURE[:50]}/EAAB{'Zk3Rq9LmX2' * 8}+{_PICTURE[:50]}", id="that beginning within a picture"),
    pytest.param(f'"integrity": "sha512-{_PICTURE[:86]}=="', id="package lock"),
    pytest.param(f'"resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz#{_MD5}"', id="package lock of the older kind"),
    pytest.param(f"requests==2.31.0 --hash=sha256:{_MD5}{_MD5}", id="requirements"),
    pytest.param("ssl.create_default_context();sl.map((e)=>e.u);dp.pt.x=1;EAA=[]", id="minified"),
    pytest.param("secret_" + "getTheUserAccountByIdentifierFromDatabaseNow", id="name in code"),
    pytest.param("client_secret_" + "k3" * 22, id="end of a name"),
    pytest.param("figd_<your-token>, ntn_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", id="placeholders"),
    pytest.param("dapi" + "0123456789abcdef" * 2, id="counted"),
    pytest.param("hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", id="webhook of the manual"),
    pytest.param("https://x.example/?sig=abc&sig=" + "a" * 20, id="other signature"),
    pytest.param("1.2.840.113549.1.1.11 and MTk4.NjIy.NDgz", id="dots"),
    pytest.param("patch-eu1-release and pat-na1-token", id="words"),
]


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

    @pytest.mark.parametrize("key", SERVICES)
    @pytest.mark.parametrize("around", ["{}", "Here it is: {}.", '{{"k": "{}"}}', "x={}&y=1", "`{}`", "密钥{}。"])
    def test_a_service_that_marks_its_keys(self, key: str, around: str) -> None:
        """No word has to stand before it, and the first pass hides none."""
        text = around.format(key)

        assert [text[span.start : span.end] for span in patterns.find(text)] == [key]

    @pytest.mark.parametrize(("text", "found"), ADDRESSES)
    def test_the_secret_part_of_an_address(self, text: str, found: str) -> None:
        """Whoever has the address gets in: what is secret in it is told also where web addresses are."""
        assert found in [text[span.start : span.end] for span in patterns.find(text) if span.type == "API_KEY"]

    @pytest.mark.parametrize("text", LOOK_ALIKES)
    def test_what_code_and_data_are_full_of_is_none(self, quoted: Callable[..., list[str]], text: str) -> None:
        """Hashes, pictures, lock files, names, and what manuals write."""
        assert quoted(find, text) == []

    def test_lots_of_base64_have_none(self, quoted: Callable[..., list[str]]) -> None:
        """Short beginnings stand in it by chance."""
        assert quoted(find, b64encode(Random(3).randbytes(400_000)).decode()) == []


class TestLongRuns:
    """A caller may write a megabyte without a blank."""

    TOKEN = f"eyJ{_drawn(20)}.eyJ{_drawn(40)}.{_drawn(43)}"

    @pytest.mark.parametrize("shape", [pytest.param(shape, id=f"{number}") for number, shape in enumerate(_SHAPES)])
    def test_no_shape_waits_for_the_end_of_letters(self, shape: str) -> None:
        """Before one that does is given up, all of them are read; each other key among them would have them read again."""
        inner = re.sub(r"\{\d+,\}$", "", shape)

        assert re.search(r"\{\d+,\}", inner) is None

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(f"eyJhf_{TOKEN} {{}}", id="after what begins like it"),
            pytest.param("eyJ" + "a_" * 5000 + " {}", id="after a long word that does"),
            pytest.param("{} eyJ" + "a_" * 5000, id="before one"),
            pytest.param(f"{{}}{'.'} eyJabc.eyJabc", id="before half of one"),
        ],
    )
    def test_a_token_is_found(self, quoted: Callable[..., list[str]], text: str) -> None:
        """The whole of it."""
        assert quoted(find, text.format(self.TOKEN))[-1:] == [self.TOKEN]

    def test_of_two_that_overlap_the_first_counts(self, quoted: Callable[..., list[str]]) -> None:
        """A key that goes on into what begins a token, and a token with a key's beginning in it."""
        first, rest = self.TOKEN.split(".", 1)
        key, held = f"sk-{_drawn(24)}-{self.TOKEN}", f"{first}-hf_{_drawn(30)}.{rest}"

        assert quoted(find, key) == [key.partition(".")[0]]
        assert quoted(find, held) == [held]
