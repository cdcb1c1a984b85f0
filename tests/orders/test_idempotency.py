"""A shop's program loses answers and repeats itself; what it asks for happens once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient

from orders.api.idempotency import ANSWERS_KEPT_FOR, CLAIM_HELD_FOR, forget_answers
from orders.api.view import ApiView
from orders.models import IdempotentAnswer, TopUp
from tests.orders.conftest import NOW, order_body, put

URL = "/api/v1/orders/LT202611240930001/top-ups"
RECORDS = "/api/v1/orders/LT202611240930001/delivery-records"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_the_time")]


@pytest.fixture
def order(shop: APIClient) -> None:
    put(shop, order_body(status="failed"))


def redeliver(client: APIClient, key: str = "k1", body: Any = None) -> Any:
    return client.post(URL, body or {}, format="json", headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_first_answer(shop: APIClient, order: None):
    first, second = redeliver(shop), redeliver(shop)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["Idempotency-Replayed"] == "true"
    assert TopUp.objects.count() == 1


def test_another_key_is_another_request(shop: APIClient, order: None):
    redeliver(shop)
    assert redeliver(shop, "k2").status_code == 409


def test_the_same_key_for_another_body_is_refused(shop: APIClient, order: None):
    redeliver(shop)
    answer = redeliver(shop, body={"supplier": "sandbox"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_refusal_is_an_answer_too_and_is_repeated(shop: APIClient, order: None):
    first = redeliver(shop, body={"supplier": "nobody"})
    second = redeliver(shop, body={"supplier": "nobody"})
    assert (first.status_code, second.status_code) == (409, 409)
    assert second.json() == first.json()
    assert second["Content-Type"] == "application/problem+json"


def test_keys_belong_to_their_caller(
    shop: APIClient, order: None, caller: Callable[..., APIClient]
):
    redeliver(shop)
    other = caller("orders.add_topup", name="other-shop")
    assert redeliver(other).json()["code"] == "not_terminally_failed"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_has_a_shape(shop: APIClient, order: None, key: str):
    answer = redeliver(shop, key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_malformed_json_keeps_no_claim(shop: APIClient, order: None):
    answer = shop.post(URL, "{", content_type="application/json", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 400
    assert redeliver(shop).status_code == 201


def test_while_the_first_is_at_work_the_second_is_told(shop: APIClient, order: None):
    redeliver(shop)
    IdempotentAnswer.objects.update(status=None, body=None, created_at=NOW)
    answer = redeliver(shop)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")


def test_a_claim_of_a_process_that_died_is_taken_over(
    shop: APIClient, order: None, at_the_time: Callable[[datetime], None]
):
    redeliver(shop)
    IdempotentAnswer.objects.update(status=None, body=None, created_at=NOW)
    at_the_time(NOW + CLAIM_HELD_FOR + timedelta(seconds=1))
    # The work is done again, and the domain knows that it was done.
    assert redeliver(shop).json()["code"] == "not_terminally_failed"
    assert IdempotentAnswer.objects.get().status == 409


def test_old_answers_are_forgotten(shop: APIClient, order: None):
    redeliver(shop)
    assert forget_answers(now=NOW + ANSWERS_KEPT_FOR) == 0
    assert forget_answers(now=NOW + ANSWERS_KEPT_FOR + timedelta(seconds=1)) == 1


class BreaksOnce(ApiView):
    permission_classes = []
    calls = 0

    def post(self, request: Any) -> Response:
        BreaksOnce.calls += 1
        if BreaksOnce.calls == 1:
            raise RuntimeError("secret of the inside")
        return Response({"done": True})


urlpatterns = [path("breaks-once", BreaksOnce.as_view())]


@pytest.mark.urls("tests.orders.test_idempotency")
def test_a_fault_of_the_desk_is_not_kept(shop: APIClient):
    shop.raise_request_exception = False
    headers = {"Idempotency-Key": "k1"}
    first = shop.post("/breaks-once", {}, format="json", headers=headers)
    second = shop.post("/breaks-once", {}, format="json", headers=headers)
    assert (first.status_code, second.status_code) == (500, 200)
    assert first["Content-Type"] == "application/problem+json"
    assert "secret" not in first.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_work_once(shop: APIClient):
    put(shop, order_body(status="failed"))
    credentials, answers = dict(shop._credentials), []
    barrier = threading.Barrier(5)

    def ask() -> None:
        client = APIClient()
        client.credentials(**credentials)
        barrier.wait()
        try:
            answers.append(redeliver(client).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert TopUp.objects.count() == 1
    assert set(answers) <= {201, 409}
    assert 201 in answers
