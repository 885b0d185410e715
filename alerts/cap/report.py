"""A message and what was decided on it, as plain values for JSON: the lines of `loa cap`, the answer of `POST /cap`."""

from collections.abc import Callable
from typing import Any

from alerts.cap.deciding import Decision
from alerts.cap.message import Area, Info, Message, Reference
from alerts.cap.remarks import Remark
from core.clock import format_instant


def told(message: Message, decision: Decision, say: Callable[[Remark], str] = str) -> dict[str, Any]:
    """The fields of one message, in a fixed order. Instants are in UTC; what is absent is null or an empty list.

    `say` words a remark, in English where it is left out.
    """
    return {
        "ok": True,
        "identifier": message.identifier,
        "sender": message.sender,
        "sent": format_instant(message.sent),
        "status": message.status,
        "msgType": message.msg_type,
        "scope": message.scope,
        "version": message.version,
        "references": [_reference(each) for each in message.references],
        "infos": [_info(each) for each in message.infos],
        "action": decision.action,
        "reason": say(decision.reason),
        "code": decision.reason.code,
        "handling": decision.handling.name.lower(),
        "stops": [f"{key.sender},{key.identifier},{format_instant(key.sent)}" for key in decision.stops],
        "blocks": list(decision.blocks),
        "all_clear": decision.all_clear,
        "signatures": message.signatures,
        "remarks": [say(each) for each in (*message.remarks, *decision.remarks)],
    }


def _reference(reference: Reference) -> str:
    sent = format_instant(reference.sent) if reference.sent else ""
    return f"{reference.sender},{reference.identifier},{sent}"


def _info(info: Info) -> dict[str, Any]:
    times = {name: getattr(info, name) for name in ("effective", "onset", "expires")}
    return {
        "language": info.language,
        "event": info.event,
        "category": list(info.categories),
        "responseType": list(info.response_types),
        "urgency": info.urgency,
        "severity": info.severity,
        "certainty": info.certainty,
        **{name: format_instant(each) if each else None for name, each in times.items()},
        "headline": info.headline,
        "areas": [_area(each) for each in info.areas],
    }


def _area(area: Area) -> dict[str, Any]:
    return {
        "areaDesc": area.description,
        "polygons": area.polygons,
        "circles": [{"centre": each.centre, "radius_km": each.radius_km} for each in area.circles],
        "geocodes": [{"valueName": each.name, "value": each.value} for each in area.geocodes],
    }
