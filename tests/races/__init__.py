"""Two or three who act on the same thing at the same instant, each with a connection of its own.

tests/test_races.py lets some races be run, `./run bench races` a thousand of each on PostgreSQL.
"""
