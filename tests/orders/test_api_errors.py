"""A shop's programmer, Zhao Lei, makes every mistake there is, and is told which."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from orders.models import ApiKey, Order
from tests.orders.conftest import order_body, put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_the_time")]

URL = "/api/v1/orders/LT202611240930001"


def errors(answer: Any, status: int = 400) -> list[dict[str, Any]]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "errors"} <= body.keys()
    assert body["status"] == status
    assert all({"field", "code", "detail"} <= error.keys() for error in body["errors"])
    return body["errors"]


def only_error(answer: Any, status: int = 400) -> tuple[str, str]:
    (error,) = errors(answer, status)
    return error["field"], error["code"]


def payment(**changes: Any) -> dict[str, Any]:
    return order_body()["payments"][0] | changes


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"product": order_body()["product"] | {"tint": 1}}, "product.tint", "unknown_field"),
        ({"payments": [payment(fee=1)]}, "payments.0.fee", "unknown_field"),
        ({"price_fen": -1}, "price_fen", "min_value"),
        ({"price_fen": 99.5}, "price_fen", "invalid"),
        ({"price_fen": 100.0}, "price_fen", "invalid"),
        ({"price_fen": "9950"}, "price_fen", "invalid"),
        ({"price_fen": True}, "price_fen", "invalid"),
        ({"price_fen": 10**30}, "price_fen", "max_value"),
        ({"payments": [payment(amount_fen=0)]}, "payments.0.amount_fen", "min_value"),
        ({"facts_as_of": "2026-11-24T10:00:00"}, "facts_as_of", "no_zone"),
        ({"facts_as_of": "yesterday"}, "facts_as_of", "invalid"),
        ({"facts_as_of": 1764000000}, "facts_as_of", "invalid"),
        ({"facts_as_of": "1901-01-01T00:00:00Z"}, "facts_as_of", "out_of_range"),
        ({"facts_as_of": "2026-11-25T10:00:00+08:00"}, "facts_as_of", "in_future"),
        ({"payments": [payment(paid_at="2026-11-24T09:30:00")]}, "payments.0.paid_at", "no_zone"),
        ({"payments": [payment(paid_at=None)]}, "payments.0.paid_at", "required"),
        ({"payments": [payment(channel="paypal")]}, "payments.0.channel", "invalid_choice"),
        (
            {"payments": [payment(channel_trade_no="")]},
            "payments.0.channel_trade_no",
            "required",
        ),
        ({"payments": [payment(), payment()]}, "payments", "duplicate"),
        ({"payments": "none"}, "payments", "not_a_list"),
        ({"payments": [7]}, "payments.0", "invalid"),
        ({"product": "CM-100"}, "product", "invalid"),
        ({"status": "lost"}, "status", "invalid_choice"),
        ({"confirmed_input": "yes"}, "confirmed_input", "invalid"),
        ({"target_account": "1" * 129}, "target_account", "max_length"),
        ({"target_account": 13800001234}, "target_account", "invalid"),
        ({"target_account": "138\u00001234"}, "target_account", "null_characters_not_allowed"),
        ({"customer": {"phone": "call me"}}, "customer.phone", "invalid"),
        ({"customer": {"email": "nobody"}}, "customer.email", "invalid"),
        (
            {"product": order_body()["product"] | {"arrival_within": "1 hour"}},
            "product.arrival_within",
            "invalid",
        ),
        ({"delivered_face_fen": 10001}, "delivered_face_fen", "max_value"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_stored(
    shop: APIClient, changes: dict[str, Any], field: str, code: str
):
    assert only_error(put(shop, order_body(**changes))) == (field, code)
    assert not Order.objects.exists()


def test_every_mistake_is_told_at_once_and_limits_are_named(shop: APIClient):
    body = order_body(target_account="1" * 129, price_fen=-1, colour="red")
    del body["status"]
    found = {error["field"]: error for error in errors(put(shop, body))}
    assert found.keys() == {"target_account", "price_fen", "colour", "status"}
    assert found["target_account"]["limit"] == 128
    assert found["price_fen"]["limit"] == 0
    assert "limit" not in found["status"]


def test_too_many_payments_name_the_limit(shop: APIClient):
    many = [payment(channel_trade_no=str(number)) for number in range(51)]
    (error,) = errors(put(shop, order_body(payments=many)))
    assert (error["field"], error["code"], error["limit"]) == ("payments", "max_length", 50)


def test_a_choice_names_the_choices(shop: APIClient):
    (error,) = errors(put(shop, order_body(status="lost")))
    assert "delivered" in error["limit"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'{"price_fen": 1e400}', b"[]", b'"x"'],
)
def test_what_is_no_json_object_is_a_problem_of_the_request(shop: APIClient, body: bytes):
    answer = shop.put(URL, body, content_type="application/json")
    assert errors(answer)


@pytest.mark.parametrize("order_no", ["a b", "中文", "x" * 65, "-1", "a%00b"])
def test_an_order_number_has_a_shape(shop: APIClient, order_no: str):
    assert only_error(put(shop, order_body(), order_no)) == ("order_no", "invalid")
    assert only_error(shop.get(f"/api/v1/orders/{order_no}"), 404) == ("", "no_such_order")


def test_half_a_character_is_no_text(shop: APIClient):
    body = json.dumps(order_body(target_account="\ud800"))
    answer = shop.put(URL, body, content_type="application/json")
    assert only_error(answer) == ("target_account", "surrogate_characters_not_allowed")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"status": "\ud800"}, "status", "invalid_choice"),
        ({"status": "a\0"}, "status", "invalid_choice"),
        ({"col\ud800our": 1}, "col?our", "unknown_field"),
        ({"colour\0": 1}, "colour\N{REPLACEMENT CHARACTER}", "unknown_field"),
    ],
)
def test_an_answer_repeats_only_what_can_be_written(
    shop: APIClient, changes: dict[str, Any], field: str, code: str
):
    answer = shop.put(URL, json.dumps(order_body(**changes)), content_type="application/json")
    assert only_error(answer) == (field, code)


def test_an_answer_that_is_kept_holds_nothing_a_database_refuses(shop: APIClient):
    """PostgreSQL's JSON takes neither NUL nor half a character."""
    body = json.dumps({"a\0\ud800": 1, "arrived": True, "source": "\ud800"})
    keyed = {"Idempotency-Key": "halves"}
    for _twice in range(2):
        url = f"{URL}/delivery-records"
        answer = shop.post(url, body, content_type="application/json", headers=keyed)
        assert "a\N{REPLACEMENT CHARACTER}?" in [error["field"] for error in errors(answer)]


def test_texts_are_in_the_language_asked_for(caller: Callable[..., APIClient]):
    def ask(language: str) -> list[dict[str, Any]]:
        client = caller("orders.change_order", name=language, language=language)
        return errors(put(client, order_body(status="lost")))

    english, chinese = ask("en"), ask("zh-CN")
    assert english[0]["code"] == chinese[0]["code"]
    assert english[0]["detail"] != chinese[0]["detail"]
    assert english[0]["detail"].isascii() or "“" in english[0]["detail"]


class TestWhoCalls:
    @pytest.mark.parametrize(
        "header", ["", "Api-Key", "Api-Key wrong", "Api-Key \xff", "Basic YTpi", "Api-Key a b"]
    )
    def test_without_a_valid_key(self, header: str):
        headers = {"Authorization": header} if header else {}
        answer = APIClient().get(URL, headers=headers)
        errors(answer, 401)
        assert answer["WWW-Authenticate"].startswith("Api-Key")

    def test_a_revoked_key_and_a_person_who_left(self, shop: APIClient):
        key = ApiKey.objects.select_related("user").get()
        key.user.is_active = False
        key.user.save()
        errors(shop.get(URL), 401)

    def test_the_key_itself_is_not_stored(self, shop: APIClient):
        put(shop, order_body())
        secret = shop._credentials["HTTP_AUTHORIZATION"].split()[1]
        stored = ApiKey.objects.values().get()
        assert secret not in json.dumps(stored, default=str)
        assert stored["last_used_at"] is not None

    def test_a_person_without_the_right(self, caller: Callable[..., APIClient]):
        clerk = caller("orders.view_order", name="clerk")
        assert only_error(put(clerk, order_body()), 403) == ("", "missing_permission")

    def test_a_key_without_the_scope(self, caller: Callable[..., APIClient]):
        reader = caller("orders.change_order", "orders.view_order", scopes=("read",))
        assert only_error(put(reader, order_body()), 403) == ("", "missing_scope")
        errors(reader.get(URL), 404)


class TestTheRest:
    def test_what_is_not_there(self, shop: APIClient):
        assert only_error(shop.get(URL), 404) == ("", "no_such_order")
        assert only_error(shop.get("/api/v1/refunds/RF1"), 404) == ("", "no_such_refund")
        assert only_error(shop.get("/api/v1/refunds/%00"), 404) == ("", "no_such_refund")

    @pytest.mark.parametrize("path", ["/api/v1/nonsense", "/api/v2/orders/1", "/api/", f"{URL}/"])
    @pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
    def test_no_such_call(self, method: str, path: str):
        assert only_error(getattr(APIClient(), method)(path), 404) == ("", "no_such_call")

    @pytest.mark.parametrize("method", ["post", "delete", "patch", "options"])
    def test_a_method_that_is_not_there(self, shop: APIClient, method: str):
        answer = getattr(shop, method)(URL)
        assert only_error(answer, 405) == ("", "method_not_allowed")

    def test_another_format(self, shop: APIClient):
        answer = shop.put(URL, "<order/>", content_type="application/xml")
        assert only_error(answer, 415) == ("", "unsupported_media_type")

    def test_too_large(self, shop: APIClient, settings: Any):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        (error,) = errors(put(shop, order_body(target_account="1" * 2000)), 413)
        assert (error["field"], error["code"], error["limit"]) == ("", "too_large", 1000)
        assert "1000" in error["detail"]

    def test_too_many(self, shop: APIClient, settings: Any):
        cache.clear()
        settings.API_RATE_PER_MINUTE = 3
        answers = [shop.get(URL) for _number in range(5)]
        assert [answer.status_code for answer in answers][:1] == [404]
        assert answers[-1].status_code == 429
        assert only_error(answers[-1], 429) == ("", "throttled")
        assert 1 <= int(answers[-1]["Retry-After"]) <= 61

    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [
            ("colour=red", "colour", "unknown_field"),
            ("state=lost", "state", "invalid_choice"),
            ("limit=0", "limit", "min_value"),
            ("limit=201", "limit", "max_value"),
            ("limit=x", "limit", "invalid"),
            ("cursor=x", "cursor", "invalid_cursor"),
            ("cursor=cD1hYmM%3D", "cursor", "invalid_cursor"),
            ("order_no=%00", "order_no", "null_characters_not_allowed"),
        ],
    )
    def test_the_query_of_a_list(self, shop: APIClient, query: str, field: str, code: str):
        assert only_error(shop.get(f"/api/v1/refunds?{query}")) == (field, code)


def test_the_description_of_the_api_is_complete(client: Any):
    answer = client.get("/api/schema/?format=json")
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    call = schema["paths"]["/api/v1/orders/{order_no}"]["put"]
    assert "application/problem+json" in call["responses"]["default"]["content"]
    assert client.get("/api/docs/").status_code == 200
