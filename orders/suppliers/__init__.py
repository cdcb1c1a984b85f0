"""Top-up suppliers: the same methods for each (see base.Supplier), a status table of its own."""

from django.utils.translation import gettext_lazy as _

from orders.suppliers.base import Supplier, SupplierNotConfigured
from orders.suppliers.sandbox import SUPPLIER as SANDBOX

_SUPPLIERS: dict[str, Supplier] = {SANDBOX.code: SANDBOX}


def has_supplier(code: str) -> bool:
    """This function will say whether orders can be sent to a supplier from here at all."""
    return code in _SUPPLIERS


def get_supplier(code: str) -> Supplier:
    """This function will return the adapter that speaks to a supplier.

    :raises SupplierNotConfigured: there is none: people deliver in the shop's own back office.
    """
    supplier = _SUPPLIERS.get(code)
    if supplier is None:
        message = _("This desk is not connected to the supplier “%(code)s”.")
        raise SupplierNotConfigured(message % {"code": code})
    return supplier
