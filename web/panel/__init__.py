"""The panel: the pages people work with in a browser."""

from flask import Blueprint

from web.panel import (
    account,
    bulletin_forms,
    bulletins,
    emergencies,
    groups,
    log,
    people,
    programme_forms,
    programmes,
    shell,
    slot_forms,
    slots,
    stations,
    system,
    today,
    units,
    words,
)

blueprint = Blueprint("panel", __name__)
for _room in (
    shell, account, today, bulletins, bulletin_forms, programmes, programme_forms, slots, slot_forms, stations,
    groups, log, emergencies, units, people, system, words,
):  # fmt: skip
    _room.register(blueprint)
