"""One module per shop script: where its orders stand, and what its words mean.

Each has NAME (also the order's source), SELECT with ``{prefix}``, CHANGED and ORDER_NO (SQL
expressions), NARROW (what an index can serve, takes one time) and ``to_payload(row, local)``.
"""

from types import ModuleType

from orders.shopdb.presets import acg_faka, dujiaoka

PRESETS: dict[str, ModuleType] = {module.NAME: module for module in (dujiaoka, acg_faka)}
