"""For administrators: how the worker's jobs are, what was set aside, and the keys."""

from flask import Blueprint, render_template

from scheduler import jobs, rotation, troubles
from web.access import for_browsers
from web.app import house
from web.panel import times
from web.panel.units import administrators_only


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/system", view_func=system)


@for_browsers
def system() -> str:
    administrators_only()
    with house().database.read() as reading:
        return render_template(
            "panel/system.html",
            jobs=jobs.every(reading),
            set_aside=[(each, None, troubles.SENTENCES[each.kind]) for each in troubles.standing(reading)],
            keys=rotation.standing(reading, house().clock()),
            now=house().clock(),
            zone=times.home_zone(),
            radio=house().radio,
        )
