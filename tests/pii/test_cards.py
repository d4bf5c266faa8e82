"""Payment cards."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from collections.abc import Callable

import pytest

from router_extproc.pii.cards import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Charge 4111 1111 1111 1111 now", "4111 1111 1111 1111", id="visa"),
            pytest.param("card 5555-5555-5555-4444.", "5555-5555-5555-4444", id="hyphens"),
            pytest.param("pay my invoice with 4242424242424242", "4242424242424242", id="bare"),
            pytest.param("(3782 822463 10005)", "3782 822463 10005", id="amex"),
            pytest.param("6011111111111117", "6011111111111117", id="discover"),
            pytest.param("4111 1111 1111 1111 123", "4111 1111 1111 1111", id="code behind"),
            pytest.param("2223003122003222", "2223003122003222", id="second Mastercard range"),
            pytest.param("my Visa card for the reservation: 4111 1111 1111 1111", "4111 1111 1111 1111", id="what it pays for"),
            pytest.param("card number for the booking: 4111111111111111", "4111111111111111", id="what it pays for, bare"),
            pytest.param("Total: 4111 1111 1111 1111", "4111 1111 1111 1111", id="no sum"),
            pytest.param("order 4111 1111 1111 1111", "4111 1111 1111 1111", id="in groups beside any word"),
            pytest.param("Maestro card for the booking: 6759649826438453", "6759649826438453", id="Maestro and what it pays for"),
            pytest.param("my card 6759649826438453", "6759649826438453", id="Maestro with a word"),
            pytest.param("оплатила картой 2200 7015 4839 0274", "2200 7015 4839 0274", id="Russian"),
            pytest.param("с карточки 2200701548390274", "2200701548390274", id="Russian small one"),
            pytest.param("номер картки 2200 7015 4839 0274", "2200 7015 4839 0274", id="Ukrainian"),
            pytest.param("zapłaciłem kartą 2200 7015 4839 0274", "2200 7015 4839 0274", id="Polish"),
            pytest.param("platil jsem kartou 2200 7015 4839 0274", "2200 7015 4839 0274", id="Czech"),
            pytest.param("Kartımla ödedim: 2200 7015 4839 0274", "2200 7015 4839 0274", id="Turkish"),
            pytest.param("mitt kort 2200 7015 4839 0274", "2200 7015 4839 0274", id="Swedish"),
            pytest.param("maksoin kortilla 2200701548390274", "2200701548390274", id="Finnish"),
            pytest.param("kártyaszám: 2200701548390274", "2200701548390274", id="Hungarian"),
            pytest.param("Kreditkartennummer 6222020200112347", "6222020200112347", id="German"),
            pytest.param("我的银行卡号是6222020200112347", "6222020200112347", id="Chinese"),
            pytest.param("カード番号は6222020200112347です", "6222020200112347", id="Japanese"),
            pytest.param("신용카드로 6222 0202 0011 2347", "6222 0202 0011 2347", id="Korean"),
            pytest.param("بطاقة 6222 0202 0011 2347", "6222 0202 0011 2347", id="Arabic"),
            pytest.param("visa 4222222222222", "4222222222222", id="thirteen digits with a word"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("card 4111 1111 1111 1112", id="wrong digit"),
            pytest.param("заказ 2200 7015 4839 0274", id="Russian order"),
            pytest.param("картина 2200701548390274, картошка 2200 7015 4839 0274", id="Russian look-alikes"),
            pytest.param("мир 2200701548390274", id="the world"),
            pytest.param("zamówienie 6222020200112347", id="Polish order"),
            pytest.param("sipariş 6222020200112347", id="Turkish order"),
            pytest.param("kortfattat 6222020200112347", id="Swedish look-alike"),
            pytest.param("卡车 6222020200112347, 订单号6222020200112347", id="Chinese lorry and order"),
            pytest.param("カードゲーム 6222020200112347, 注文番号6222020200112347", id="Japanese game and order"),
            pytest.param("주문번호 6222020200112347", id="Korean order"),
            pytest.param("card 1234 5678 9012 3452", id="no issuer"),
            pytest.param("order #4012888888881881", id="order"),
            pytest.param("tracking number: 4111111111111111", id="tracking"),
            pytest.param("invoice no. 4111111111111111", id="invoice"),
            pytest.param("Maestro, order 6759649826438453", id="an order for a rare issuer"),
            pytest.param("id 6759649826438453", id="no word for a rare issuer"),
            pytest.param("41111111111111111", id="longer"),
            pytest.param("0.4111111111111111", id="a decimal"),
            pytest.param("AB-4111111111111111", id="part of a name"),
            pytest.param("4111-1111 1111-1111", id="mixed separators"),
            pytest.param("0000 0000 0000 0000", id="zeros"),
            pytest.param("a4111111111111111f", id="in a hash"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
