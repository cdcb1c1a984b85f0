"""Writes many rows of a table with one statement.

On PostgreSQL a column travels as one array, and the statement is as short for five hundred rows
as for two: Django's own bulk_update makes an expression per row and field, which cost the sweep
as much as everything else together. Elsewhere it is Django's.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def insert_rows(
    model: type[models.Model], rows: Sequence[Any], *, ignore_conflicts: bool = False
) -> None:
    """This function will insert rows and give them their keys.

    With ``ignore_conflicts`` rows that stand there already are passed over and none gets a key.
    """
    if connection.vendor != "postgresql" or len(rows) == 1:
        model._default_manager.bulk_create(rows, ignore_conflicts=ignore_conflicts)
        return
    # The stubs do not know this method of a row, hence Any.
    for row in rows:
        # A foreign key to a row of the same docket is known only now that that one is written.
        row._prepare_related_fields_for_save(operation_name="insert_rows")
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns, arrays, values = _as_arrays(rows, fields, add=True)
    key = _quote(_key(model).column)
    tail = "ON CONFLICT DO NOTHING" if ignore_conflicts else f"RETURNING {key}"
    statement = (
        f"INSERT INTO {_quote(model._meta.db_table)} ({columns})"
        f" SELECT {columns} FROM unnest({arrays}) WITH ORDINALITY AS given ({columns}, place)"
        f" ORDER BY place {tail}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if not ignore_conflicts:
            for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = pk
                row._state.adding, row._state.db = False, connection.alias


def update_rows(
    model: type[models.Model], rows: Sequence[models.Model], names: Sequence[str]
) -> None:
    """This function will write the named fields of rows that exist."""
    if connection.vendor != "postgresql":
        model._default_manager.bulk_update(rows, names)
        return
    key = _key(model)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns, arrays, values = _as_arrays(rows, [key, *fields], add=False)
    changes = ", ".join(f"{_quote(f.column)} = given.{_quote(f.column)}" for f in fields)
    statement = (
        f"UPDATE {_quote(model._meta.db_table)} AS kept SET {changes}"
        f" FROM unnest({arrays}) AS given ({columns})"
        f" WHERE kept.{_quote(key.column)} = given.{_quote(key.column)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _as_arrays(
    rows: Sequence[models.Model], fields: Sequence[Any], *, add: bool
) -> tuple[str, str, list[list[Any]]]:
    """Names of the columns, a placeholder with its type for each, and one array for each."""
    columns = ", ".join(_quote(field.column) for field in fields)
    # A serial key's own type is no type of an array; what refers to it has one.
    types = (
        field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
        for field in fields
    )
    arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
    values = [
        [field.get_db_prep_save(field.pre_save(row, add), connection) for row in rows]
        for field in fields
    ]
    return columns, arrays, values


def _key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
