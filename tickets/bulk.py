"""Writes many rows of a table with one statement.

On PostgreSQL a column travels as one array, and the statement is as short for five hundred rows
as for two: Django's own bulk_update makes an expression per row and field, which cost the sweep
as much as everything else together. Elsewhere it is Django's.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=models.Model)

#: Fields whose values Django writes in a way of its own.
PREPARED = (models.DurationField, models.FileField, models.DecimalField, models.BinaryField)


def new_row(model: type[Row], **values: Any) -> Row:
    """This function will make a row that is not written yet, as calling the model would.

    Calling it sets every field by way of its descriptors, which took a third of a sweep's time.
    Values are taken as they are; a foreign key may be given as the row it points at.
    """
    fixed, made, references = _blueprint(model)
    row = model.__new__(model)
    row._state = ModelState()
    row.__dict__.update(fixed)
    for name, make in made:
        row.__dict__[name] = make()
    for name, value in values.items():
        if (reference := references.get(name)) is None:
            row.__dict__[name] = value
        elif value is not None:
            attname, target = reference
            row._state.fields_cache[name] = value
            row.__dict__[attname] = value.__dict__[target]
    return row


@lru_cache(maxsize=64)
def _blueprint(model: type[models.Model]) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """A model's fields: those with a fixed default, those whose default is made, references."""
    fixed: dict[str, Any] = {}
    made: list[Any] = []
    references: dict[str, Any] = {}
    # The stubs do not know a model's concrete fields, hence Any.
    fields: Any = model._meta.concrete_fields
    for field in fields:
        if callable(field.default) and field.default is not models.NOT_PROVIDED:
            made.append((field.attname, field.default))
        else:
            fixed[field.attname] = field.get_default()
        if field.is_relation:
            references[field.name] = (field.attname, field.target_field.attname)
    return fixed, made, references


def insert_rows(
    model: type[models.Model], rows: Sequence[Any], *, ignore_conflicts: bool = False
) -> None:
    """This function will insert rows and give them their keys.

    With ``ignore_conflicts`` rows that stand there already are passed over and none gets a key.
    """
    if connection.vendor != "postgresql" or len(rows) == 1:
        model._default_manager.bulk_create(rows, ignore_conflicts=ignore_conflicts)
        return
    # The stubs do not know a model's concrete fields, hence Any.
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.primary_key]
    _take_over_keys(rows, [field for field in fields if field.is_relation])
    columns, source, values = _as_source(rows, fields, add=True)
    key = _quote(_key(model).column)
    tail = "ON CONFLICT DO NOTHING" if ignore_conflicts else f"RETURNING {key}"
    statement = (
        f"INSERT INTO {_quote(model._meta.db_table)} ({columns})"
        f" SELECT {columns} FROM {source} ORDER BY row_no {tail}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if not ignore_conflicts:
            for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = pk
                row._state.adding, row._state.db = False, connection.alias


def _take_over_keys(rows: Sequence[Any], references: Sequence[Any]) -> None:
    """A foreign key to a row of the same docket is known only now that that one is written."""
    for field in references:
        name, cache = field.attname, field.cache_name
        for row in rows:
            if vars(row).get(name) is None:
                target = row._state.fields_cache.get(cache)
                if target is not None:
                    setattr(row, name, getattr(target, field.target_field.attname))


def update_rows(
    model: type[models.Model], rows: Sequence[models.Model], names: Sequence[str]
) -> None:
    """This function will write the named fields of rows that exist."""
    if connection.vendor != "postgresql":
        model._default_manager.bulk_update(rows, names)
        return
    key = _key(model)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    _columns, source, values = _as_source(rows, [key, *fields], add=False)
    changes = ", ".join(f"{_quote(f.column)} = given.{_quote(f.column)}" for f in fields)
    statement = (
        f"UPDATE {_quote(model._meta.db_table)} AS kept SET {changes}"
        f" FROM {source} WHERE kept.{_quote(key.column)} = given.{_quote(key.column)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _as_source(
    rows: Sequence[Any], fields: Sequence[Any], *, add: bool
) -> tuple[str, str, list[Any]]:
    """Names of the columns, a FROM item that gives the rows, and its parameters.

    What all rows have in common travels once, the rest as one array for each column.
    """
    names, constants, types, values, given = [], [], [], [], []
    for field in fields:
        column, type_ = _quote(field.column), _type_of(field)
        items = _list_items(rows, field, add=add)
        if items.count(items[0]) == len(items):
            constants.append(f"%s::{type_} AS {column}")
            given.append(None if items[0] is None else _as_text(items[0]))
        else:
            names.append(column)
            types.append(f"%s::{type_}[]")
            values.append("{" + ",".join(map(_quote_item, items)) + "}")
    shared = ", ".join(constants)
    columns = ", ".join(_quote(field.column) for field in fields)
    # Rows that have everything in common still have to be as many as they are.
    names, types = [*names, "row_no"], [*types, "%s::int[]"]
    values.append("{" + ",".join(map(str, range(len(rows)))) + "}")
    source = f"unnest({', '.join(types)}) AS varying ({', '.join(names)})"
    picked = ", ".join(["varying.*", shared]) if shared else "varying.*"
    return columns, f"(SELECT {picked} FROM {source}) AS given", [*given, *values]


def _type_of(field: Any) -> Any:
    # A serial key's own type is no type of an array; what refers to it has one.
    return field.rel_db_type(connection) if field.primary_key else field.db_type(connection)


def _list_items(rows: Sequence[Any], field: Any, *, add: bool) -> list[Any]:
    """One column's values as the database takes them.

    Django's own preparation of each value and the driver's dumping of lists took more than half of
    a sweep's time; most kinds of field need neither.
    """
    if isinstance(field, PREPARED):
        prepare = connections[DEFAULT_DB_ALIAS]
        return [field.get_db_prep_save(field.pre_save(row, add), prepare) for row in rows]
    name = field.attname
    # Past the descriptor, which a foreign key asks on every look.
    items = [vars(row)[name] if name in vars(row) else getattr(row, name) for row in rows]
    if isinstance(field, models.JSONField):
        return [None if v is None else json.dumps(v, cls=field.encoder) for v in items]
    return items


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _quote_item(value: Any) -> str:
    """One value of an array; quotes keep a comma, a brace or the word NULL from being read so."""
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
