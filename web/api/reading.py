"""Reading calls and writing answers: the same few steps for every route of the interface."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from core.clock import parse_instant, zone
from core.errors import N_, InvalidInput

Model = TypeVar("Model", bound=BaseModel)
MAX_PAGE = 500
PAGE = 100
_JSON = N_("The body is not JSON that can be read.")
_FIELDS = N_("Some fields are missing or not right: %(names)s.")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def body_json() -> Any:
    """The JSON of the request. Raises InvalidInput."""
    if not request.get_data(cache=True):
        return {}
    try:
        return json.loads(request.get_data(cache=True), parse_constant=_not_a_number)
    except RecursionError:
        raise InvalidInput(_JSON, code="bad_json") from None
    except Exception as error:
        if getattr(error, "code", None) == 413:  # noqa: PLR2004
            raise
        raise InvalidInput(_JSON, code="bad_json") from error


def _not_a_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def body(model: type[Model]) -> Model:
    """The JSON of the request as `model`. Raises InvalidInput with a message for each field."""
    return understood(model, body_json())


def understood(model: type[Model], data: Any) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_context=False, include_input=False)[:20]:
            where = ".".join(str(part) for part in problem["loc"]) or "body"
            fields.setdefault(where[:100], str(problem["msg"])[:200])
        raise InvalidInput(_FIELDS, fields=fields, names=", ".join(fields)) from error


def answer(content: BaseModel | dict[str, Any], status: int = 200) -> Response:
    """JSON of a model (fields by their outside names) or of a plain mapping."""
    plain = content.model_dump(by_alias=True, mode="json") if isinstance(content, BaseModel) else content
    return Response(to_json(plain), status=status, mimetype="application/json")


def page_size() -> int:
    """`limit` of the request, 1 to 500. Raises InvalidInput."""
    text = request.args.get("limit", "")
    if not text:
        return PAGE
    if not text.isdecimal() or len(text) > len(str(MAX_PAGE)) or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidInput(N_("“limit” lies between 1 and %(most)s."), fields={"limit": "range"}, most=MAX_PAGE)
    return int(text)


def cursor(default: str) -> str:
    """Where the page before ended: the id of its last item."""
    return request.args.get("cursor", "")[:80] or default


def listed(items: Sequence[BaseModel], more_after: str | None) -> Response:
    """A page of a list. `more_after` is the id to go on after, None at the end."""
    return answer({"items": [item.model_dump(by_alias=True, mode="json") for item in items], "cursor": more_after})


def instant_argument(name: str, default_zone: str, *, end: bool = False) -> datetime | None:
    """An instant of the query (`from`, `to`): RFC 3339, or a local date or time in `default_zone`."""
    text = request.args.get(name, "").strip().replace(" ", "+")
    return local_or_instant(text, default_zone, end=end) if text else None


def local_or_instant(text: str, default_zone: str, *, end: bool = False) -> datetime:
    """Read an instant with its offset, a local time, or a local date (its start; with `end` its last moment)."""
    if _DATE.fullmatch(text):
        try:
            day = datetime.combine(datetime.fromisoformat(text).date(), time(), zone(default_zone))
            return (day + timedelta(days=1) if end else day).astimezone(UTC)
        except (ValueError, OverflowError):
            return parse_instant(text)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=zone(default_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return parse_instant(text)
