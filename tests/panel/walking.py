"""A walk over the pages by their links: a few of each kind, for those of one kind are made by one template."""

from flask import Flask
from panel_lab import Browser
from test_panel_pages import Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

MOST_OF_A_KIND = 2
_NOT_PAGES = ("static", "bootstrap.", "map_file", "radio.", "panel.choose_language", "panel.choose_theme")


def walked(app: Flask, person: Browser, most: int = MOST_OF_A_KIND) -> dict[str, str]:
    """Whole pages that `person` reaches from the first one, by address; no more than `most` of each kind."""
    bound = app.url_map.bind("localhost")
    pages: dict[str, str] = {}
    kinds: dict[str, int] = {}
    seen, todo = {"/"}, ["/"]
    while todo:
        path = todo.pop(0)
        try:
            kind = str(bound.match(path.split("?")[0], method="GET")[0])
        except (HTTPException, RequestRedirect):  # a form's address, or one that leads on
            continue
        if kind.startswith(_NOT_PAGES) or kinds.get(kind, 0) >= most:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = person.get(path)
        if answer.mimetype != "text/html" or answer.status_code != 200:
            answer.close()
            continue
        page = Page()
        page.feed(answer.text)
        if "<html" in answer.text:
            pages[path] = answer.text
        new = [each.split("#")[0] for each in page.addresses if each.startswith("/") and not each.startswith("//")]
        todo += [each for each in dict.fromkeys(new) if each and each not in seen]
        seen.update(new)
    return pages
