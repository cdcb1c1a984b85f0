"""Lists: `{results, next, previous}` by cursor over an integer column, filters read strictly."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from orders.strict import StrictSerializer

MAX_PAGE = 200


class NewestFirst(CursorPagination):
    """Over integer columns only: a cursor is a caller's input and must not reach another type."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = MAX_PAGE

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise invalid_cursor() from None
        if cursor is not None and not re.fullmatch(r"(\d{1,18})?", str(cursor.position or "")):
            raise invalid_cursor()
        return cursor

    def get_paginated_response(self, data: Any) -> Any:
        response = super().get_paginated_response(data)
        response.data = {name: response.data[name] for name in ("results", "next", "previous")}
        return response


class OldestFirst(NewestFirst):
    ordering = "id"


def invalid_cursor() -> ValidationError:
    detail = ErrorDetail(str(_("This cursor is not one of ours.")), "invalid_cursor")
    return ValidationError({"cursor": [detail]})


class PageQuery(StrictSerializer):
    """The query of a list; filters are added by subclasses, unknown names are refused."""

    cursor = serializers.CharField(required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PAGE)


def read_query(kind: type[PageQuery], request: Request) -> dict[str, Any]:
    """This function will check a list's query and return the filters that were given."""
    query = kind(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return {k: v for k, v in query.validated_data.items() if k not in ("cursor", "limit")}
