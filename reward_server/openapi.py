"""The parts of the OpenAPI document that FastAPI cannot see: bodies are read and checked by `wire`, not by FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from reward_server.models import ErrorResponse, IndexedResult, PutProblems, RunRequest, ScoreRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from pydantic import BaseModel

BODIES: Final[tuple[type[BaseModel], ...]] = (ScoreRequest, RunRequest, PutProblems)
STREAMED: Final[tuple[type[BaseModel], ...]] = (IndexedResult,)
REF: Final = "#/components/schemas/{model}"

DESCRIPTIONS: Final = {
    400: "The body is not JSON in UTF-8.",
    401: "No key, or none that is known here.",
    403: "A page of another site asks, through a browser.",
    404: "No problem has this id.",
    413: "Too many bytes or items: split the batch.",
    422: "A field is wrong. `field` is its path.",
    429: "The queue is full, or the client has enough in flight. Retry after as many seconds as `Retry-After` says.",
    503: "No sandbox can be had, or the server is stopping. The message says why.",
}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a request."""
    content = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
    return {"requestBody": {"required": True, "content": content}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors with which an endpoint may answer."""
    return {status: {"model": ErrorResponse, "description": DESCRIPTIONS[status]} for status in statuses}


def streamed(model: type[BaseModel]) -> dict[str, Any]:
    """Describe an answer that may also come line by line."""
    return {"application/x-ndjson": {"schema": {"$ref": REF.format(model=model.__name__)}}}


def openapi_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Make the function that builds the document, once."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            asked = models_json_schema([(model, "validation") for model in BODIES], ref_template=REF)[1]
            told = models_json_schema([(model, "serialization") for model in STREAMED], ref_template=REF)[1]
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for definitions in (told["$defs"], asked["$defs"]):
                schemas.update(definitions)
            # So that /docs can send a key; where the server has none, it is not looked at.
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{}, {"key": []}]
            app.openapi_schema = document
        return app.openapi_schema

    return build
