"""What OpenAPI cannot see in the code: how one signs in, and that every error is a problem."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Texts are in the language of Accept-Language.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Such as payments.0.amount_fen; empty for the whole.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "limit": {"description": "The bound that was passed, where there is one."},
                },
            },
        },
    },
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The first answer is given again to every repeat with the same key and body.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "orders.api.keys.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Api-Key <key>`",
        }


class FenSchema(OpenApiSerializerFieldExtension):
    target_class = "orders.strict.FenField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        bounds = {"minimum": self.target.min_value, "maximum": self.target.max_value}
        return {"type": "integer", "format": "int64", **bounds}


class DurationSchema(OpenApiSerializerFieldExtension):
    target_class = "orders.strict.IsoDurationField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "format": "duration", "examples": ["PT30M", "P3D"]}


def describe_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """This function will add to every call its problems, to every POST its key."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for calls in result["paths"].values():
        for method, call in calls.items():
            call["responses"]["default"] = {"description": "Problem", "content": content}
            if method == "post":
                call.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
