"""Orders of a shop script, read from the shop's own MySQL or MariaDB. Nothing is written there."""
