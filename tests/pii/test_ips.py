"""Addresses in the Internet Protocol."""

from collections.abc import Callable

import pytest

from router_extproc.pii.ips import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("ping 203.0.113.77!", "203.0.113.77", id="four"),
            pytest.param("10.0.0.7:8080", "10.0.0.7", id="with a port"),
            pytest.param("192.168.7.0/24", "192.168.7.0", id="with a mask"),
            pytest.param("server 1.2.3.4", "1.2.3.4", id="small with a word"),
            pytest.param("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3:8d3:1319:8a2e:370:7348", id="six"),
            pytest.param("at fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a", id="abbreviated"),
            pytest.param("::ffff:203.0.113.77", "::ffff:203.0.113.77", id="both"),
            pytest.param("2001:db8::1: unreachable", "2001:db8::1", id="colon behind"),
            pytest.param("addr:fe80::a00:27ff:fe4e:66a1", "fe80::a00:27ff:fe4e:66a1", id="colon before"),
            pytest.param("node:2001:db8::1", "2001:db8::1", id="label that ends like a group"),
            pytest.param("client=2001:db8::1: timeout", "2001:db8::1", id="assigned, colon behind"),
            pytest.param(
                "client:2001:db8:85a3:8d3:1319:8a2e:370:7348: x", "2001:db8:85a3:8d3:1319:8a2e:370:7348", id="colons around all"
            ),
            pytest.param("[2001:db8::1]:443", "2001:db8::1", id="six with a port"),
            pytest.param("fe80::1%eth0", "fe80::1", id="with a zone"),
            pytest.param("2001:db8::/32", "2001:db8::", id="six with a mask"),
            pytest.param("abc::def1:2f:33", "abc::def1:2f:33", id="many groups"),
            pytest.param("203.0.113.1-203.0.113.9", "203.0.113.1", id="a range"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("version 99.2.3.4", id="version"),
            pytest.param("upgrade from 99.2.3.4", id="upgrade"),
            pytest.param("v99.2.3.4", id="v"),
            pytest.param("see 1.2.3.4", id="section"),
            pytest.param("199.2.3.4.5", id="five"),
            pytest.param("256.1.1.1", id="too high"),
            pytest.param("127.0.0.1", id="loopback"),
            pytest.param("0.0.0.0", id="nowhere"),  # noqa: S104 - a text, not a port
            pytest.param("255.255.255.0", id="mask"),
            pytest.param("Chrome/120.0.6099.109", id="browser"),
            pytest.param("lib-99.1.1.1.tar", id="package"),
            pytest.param("12:30:45", id="time"),
            pytest.param("00:1B:44:11:3A:B7", id="hardware"),
            pytest.param("std::vector a::b", id="code"),
            pytest.param("std::string a::b1c2", id="scope"),
            pytest.param("abc::def1 module", id="module"),
            pytest.param("node::abc1::x", id="scopes"),
            pytest.param("use ::abc1;", id="outermost scope"),
            pytest.param("foo2001::db8", id="longer name"),
            pytest.param("x[10::2]", id="slice"),
            pytest.param("50:06:01:60:3b:e0:12:34", id="hardware of eight"),
            pytest.param("aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa", id="fingerprint"),
            pytest.param("::1", id="loopback of six"),
            pytest.param("dead::beef", id="words"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
