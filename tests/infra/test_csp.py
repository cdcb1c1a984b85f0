import pytest
from django.test import Client


def policy_of(client: Client, path: str) -> dict[str, set[str]]:
    header = client.get(path)["Content-Security-Policy"]
    directives = (part.split() for part in header.split(";"))
    return {name: set(values) for name, *values in directives}


@pytest.mark.django_db
def test_what_customers_get_allows_no_inline_and_no_eval(client):
    policy = policy_of(client, "/no/such/page/")
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["object-src"] == {"'none'"}
    assert not any("unsafe" in value for values in policy.values() for value in values)


@pytest.mark.django_db
def test_the_admin_is_loosened_by_exactly_two_words(client):
    strict, admin = policy_of(client, "/no/such/page/"), policy_of(client, "/admin/login/")
    strict["script-src"].add("'unsafe-eval'")
    strict["style-src"].add("'unsafe-inline'")
    assert admin == strict


@pytest.mark.django_db
def test_the_api_docs_are_loosened_by_one_word(client):
    strict, docs = policy_of(client, "/no/such/page/"), policy_of(client, "/api/docs/")
    strict["style-src"].add("'unsafe-inline'")
    assert docs == strict


@pytest.mark.django_db
def test_a_lookalike_path_stays_strict(client):
    assert policy_of(client, "/administrator/") == policy_of(client, "/no/such/page/")
