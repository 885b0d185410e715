"""The way about the panel: seven or so first-level things, each with its pages, and the bar at the bottom of a phone.

A new page is one line below. One whose endpoint this application does not have is left out, and so is one that the
person may do nothing on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import current_app, request
from flask_babel import gettext

from core.errors import N_
from playlists import desk
from registry.rights import Actor, Permission
from web.app import house

MOST_COUNTED = 99


@dataclass(frozen=True)
class Page:
    """A page that is linked, for who may do one of `needs` (none: everybody); `inside` names what belongs to it."""

    name: str
    text: str
    needs: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    counted: bool = False  # with the number of what waits for the person's approval


@dataclass(frozen=True)
class Group:
    """A first-level thing. Its own link leads to the first of its pages that the person may use."""

    text: str
    icon: str
    pages: tuple[Page, ...]


_SPEAKERS = ("alarm", "speak")
GROUPS = (
    Group(N_("Today"), "today", (
        Page("today", N_("Today")),
        Page("on_air", N_("On air now"), inside=("on_air",)),
    )),
    Group(N_("Write and approve"), "write", (
        Page("bulletins", N_("Bulletins"), inside=("bulletin", "clip")),
        Page("bulletin_new", N_("Write a bulletin"), ("write",)),
        Page("approvals", N_("Approve bulletins"), ("approve",), ("approval", "deputies", "deputy"), counted=True),
        Page("offers", N_("From units above"), inside=("offer",)),
        Page("templates", N_("Templates"), ("write",), ("template",)),
        Page("programmes", N_("Programmes"), inside=("programme",)),
        Page("words", N_("Pronunciation"), ("write",), ("word", "unit_words")),
        Page("voices", N_("Voices"), ("write",), ("voice",)),
    )),
    Group(N_("Schedule"), "week", (
        Page("week", N_("Week")),
        Page("slots", N_("Timetable"), inside=("slot",)),
        Page("times", N_("Parts of the day and reserved time"), ("schedule",), ("time",)),
        Page("withdrawals", N_("Withdrawn"), inside=("withdrawal",)),
    )),
    Group(N_("Network"), "network", (
        Page("stations", N_("Stations"), inside=("station",)),
        Page("groups", N_("Station groups"), inside=("group",)),
    )),
    Group(N_("Emergencies"), "alarm", (
        Page("emergencies", N_("Emergencies"), ("alarm",), ("emergency", "prepared")),
        Page("live", N_("Speak live"), _SPEAKERS),
        Page("sources", N_("Alert sources"), ("alarm",), ("source", "alert")),
        Page("drills", N_("Drills"), ("alarm", "operate"), ("drill",)),
    )),
    Group(N_("Reports"), "reports", (
        Page("reports", N_("Reports")),
        Page("log", N_("Play log"), inside=("log_entry",)),
        Page("feedback", N_("Feedback"), inside=("feedback",)),
    )),
    Group(N_("Administration"), "administer", (
        Page("units", N_("Units"), ("administer",), ("unit",)),
        Page("people", N_("People"), ("administer",), ("person", "invitation")),
        Page("audit", N_("Audit log"), ("administer",)),
        Page("system", N_("System"), ("administer",)),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Link:
    """A link as it is drawn. `count` is 0 where nothing waits."""

    endpoint: str
    text: str
    is_current: bool
    icon: str = ""
    count: int = 0


@dataclass(frozen=True)
class Shown:
    """A first-level thing as it is drawn."""

    link: Link
    pages: tuple[Link, ...]
    is_current: bool


@dataclass(frozen=True)
class Way:
    """Everything that leads somewhere: the groups, and up to four things for the bar of a phone."""

    groups: tuple[Shown, ...] = ()
    bar: tuple[Link, ...] = ()
    waiting: int = field(default=0)


def way(viewer: Actor | None) -> Way:
    """The navigation for who looks; one query for an approver, none for others."""
    if viewer is None:
        return Way()
    waiting = _waiting(viewer)
    groups = tuple(found for each in GROUPS if (found := _shown(each, viewer, waiting)).pages)
    return Way(groups, tuple(_bar(viewer, waiting)), waiting)


def _waiting(viewer: Actor) -> int:
    if not viewer.may_somewhere(Permission.APPROVE):
        return 0
    with house().database.read() as reading:
        return desk.count_to_approve(reading, viewer, MOST_COUNTED)


def _shown(group: Group, viewer: Actor, waiting: int) -> Shown:
    pages = [page for page in group.pages if is_there(page.name) and _may(viewer, page.needs)]
    links = tuple(_link(page, "", waiting) for page in pages)
    here = _here()
    current = any(link.is_current for link in links) or any(_within(here, page) for page in group.pages)
    first = pages[0] if pages else group.pages[0]
    count = waiting if any(page.counted for page in pages) else 0
    return Shown(Link(f"panel.{first.name}", gettext(group.text), current, group.icon, count), links, current)


def _bar(viewer: Actor, waiting: int) -> Iterable[Link]:
    """What somebody on a phone needs most, by what they may do."""
    writes, approves = viewer.may_somewhere(Permission.WRITE), viewer.may_somewhere(Permission.APPROVE)
    yield _link(Page("today", N_("Today")), "today", 0)
    if writes:
        yield _link(Page("bulletin_new", N_("Write")), "write", 0)
    else:
        yield _link(Page("on_air", N_("On air"), inside=("on_air",)), "air", 0)
    if approves and is_there("approvals"):
        yield _link(Page("approvals", N_("Approve"), inside=("approval",), counted=True), "approve", waiting)
    elif writes:
        yield _link(Page("bulletins", N_("Bulletins"), inside=("bulletin",)), "approve", 0)
    else:
        yield _link(Page("stations", N_("Stations"), inside=("station",)), "network", 0)
    yield _link(Page("week", N_("Schedule"), inside=("slot",)), "week", 0)


def _link(page: Page, icon: str, waiting: int) -> Link:
    here = _here()
    current = here == page.name or (here != "bulletin_new" and _within(here, page))
    return Link(f"panel.{page.name}", gettext(page.text), current, icon, waiting if page.counted else 0)


def _within(here: str, page: Page) -> bool:
    return any(here == name or here.startswith(f"{name}_") for name in page.inside)


def _here() -> str:
    return (request.endpoint or "").removeprefix("panel.")


def is_there(name: str) -> bool:
    """Whether the panel has a page of this name."""
    return f"panel.{name}" in current_app.view_functions


def _may(viewer: Actor, needs: tuple[str, ...]) -> bool:
    return not needs or any(
        (viewer.may_somewhere(Permission.APPROVE) and viewer.may_somewhere(Permission.SCHEDULE))
        if each == "speak" else viewer.may_somewhere(Permission(each))
        for each in needs
    )  # fmt: skip
