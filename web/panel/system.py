"""For administrators: the audit log with its chain, and how the worker's jobs are."""

import json

from flask import Blueprint, render_template, request

from core import audit as chain
from registry import naming, trail
from scheduler import jobs
from web.access import actor, for_browsers
from web.app import house
from web.panel import times
from web.panel.units import administrators_only

PAGE = 50
_DETAIL = 300


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/audit", view_func=audit)
    blueprint.add_url_rule("/system", view_func=system)


@for_browsers
def audit() -> str:
    administrators_only()
    asked = request.args.get("before", "")
    with house().database.read() as reading:
        rows = trail.visible(reading, actor(), before=int(asked[:18]) if asked.isdecimal() else None, limit=PAGE + 1)
        checked = request.args.get("check") == "1"
        return render_template(
            "panel/audit.html",
            rows=[
                (entry, json.dumps(entry.detail, ensure_ascii=False)[:_DETAIL] if entry.detail else "")
                for entry in rows[:PAGE]
            ],
            names=naming.by_username(reading, {entry.actor for entry in rows}),
            more=rows[PAGE - 1].number if len(rows) > PAGE else None,
            checked=checked,
            broken=chain.verify(reading) if checked else None,
        )


@for_browsers
def system() -> str:
    administrators_only()
    with house().database.read() as reading:
        return render_template(
            "panel/system.html", jobs=jobs.every(reading), now=house().clock(), zone=times.home_zone()
        )
