"""The supplier of the gateway simulator: the shared protocol with its own table of words."""

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from orders.suppliers.base import SupplierError, SupplierNotConfigured, SupplierState
from orders.suppliers.http import HttpSupplier
from orders.wire import Endpoint, NoAnswer, get_endpoint

STATUSES = {
    "pending": SupplierState.PENDING,
    "success": SupplierState.SUCCEEDED,
    "fail": SupplierState.FAILED,
    "partial": SupplierState.PARTIAL,
}
#: Refusals of a submission after which nothing arrives. ORDER_DUPLICATE is none of them: the
#: supplier has the number already, and delivers or has delivered.
FAILED_CODES = frozenset(
    {
        "PARAM_ERROR",
        "ACCOUNT_INVALID",
        "PRODUCT_NOT_FOUND",
        "OUT_OF_STOCK",
        "BALANCE_NOT_ENOUGH",
        "NUMBER_PORTED",
        "MAINTENANCE",
    }
)


def _get_endpoint() -> Endpoint:
    try:
        endpoint = get_endpoint(
            url_setting="SUPPLIER_URL",
            secret_setting="SUPPLIER_SECRET",
            secret_key="supplier_secret",
        )
    except NoAnswer as error:
        raise SupplierError(str(error)) from error
    if endpoint is None:
        raise SupplierNotConfigured(_("SUPPLIER_URL and SUPPLIER_SECRET are not both set."))
    return endpoint


SUPPLIER = HttpSupplier(
    code="sandbox",
    app_id="helpdesk",
    get_endpoint=_get_endpoint,
    statuses=STATUSES,
    not_found_codes=frozenset({"ORDER_NOT_FOUND"}),
    failed_codes=FAILED_CODES,
    query_spacing=timedelta(seconds=1),
    paths={name: f"/supplier/{name}" for name in ("submit", "query", "cancel", "balance")},
)
