"""A real browser at the panel of the tests: the application served on loopback, and what is looked at on each page."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from panel_lab import Browser
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page
from werkzeug.serving import make_server

# The rules that hold for people in law and practice: WCAG 2.0 to 2.2, levels A and AA, and axe's own best practice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SERIOUS = {"serious", "critical"}
_WAIT_MS = 60_000

# Controls smaller than a fingertip that stand for themselves; links within a sentence may be as small as its words.
_SMALL_TARGETS = """() => [...document.querySelectorAll(
  'main button, main select, main input:not([type=hidden]), main summary, main a.btn, header a, nav a, nav button')]
  .filter((each) => {
    if (each.closest('[hidden], details:not([open]) > :not(summary), .leaflet-container, audio')) return false;
    const label = each.closest('label') || (each.id && document.querySelector(`label.pick[for="${each.id}"]`));
    const box = (['checkbox', 'radio'].includes(each.type) && label || each).getBoundingClientRect();
    if (!box.width || !box.height || box.right <= 0 || getComputedStyle(each).visibility === 'hidden') return false;
    return box.height < 43.5 || box.width < 24;
  }).map((each) => each.outerHTML.slice(0, 160))"""
# 640 is what a window of 1280 leaves at 200 %.
_WIDTHS = (360, 640, 1920)
_LONGEST_LINE = 1300
_OVER = """() => [document.documentElement.scrollWidth - document.documentElement.clientWidth,
  Math.max(0, ...[...document.querySelectorAll('main > :not(.wk, .head), main p')]  // a calendar's grid is no line of text
    .map((each) => each.getBoundingClientRect().width))]"""
_INLINE = """() => [...document.querySelectorAll('[style]')]
  .filter((each) => !each.closest('.leaflet-container')).map((each) => each.outerHTML.slice(0, 120))"""


@contextlib.contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application at an address of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()


def visitor(
    chromium: Chromium,
    address: str,
    person: Browser | None,
    *,
    width: int = 1280,
    dark: bool = False,
    language: str = "vi",
    scripts: bool = True,
) -> BrowserContext:
    """A browser window of somebody's."""
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light", locale="vi-VN",
        has_touch=width < 600, java_script_enabled=scripts,
    )  # fmt: skip
    context.set_default_timeout(_WAIT_MS)
    if person is not None:
        person.get(f"/language/{language}")
        cookie = person.client.get_cookie("loa")
        assert cookie is not None
        context.add_cookies([{"name": "loa", "value": cookie.value, "url": address}])
    return context


@dataclass
class Looked:
    """What was wrong, by page. `blocked` is what the browser refused to do by the page's own policy."""

    address: str
    faults: dict[str, list[str]] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    _axe: Axe = field(default_factory=Axe)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.blocked.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: self.blocked.append(f"{page.url}: {line.text}")
            if line.type == "error" and ("Policy" in line.text or "Refused" in line.text) else None,
        )  # fmt: skip

    def look(self, page: Page, path: str, *, touch: bool) -> None:
        """Open one page and note all that is wrong with it."""
        page.goto(f"{self.address}{path}", wait_until="load")
        found = [f"inline style: {each}" for each in page.evaluate(_INLINE)]
        found += self._too_wide(page)
        if touch:
            found += [f"small target: {each}" for each in page.evaluate(_SMALL_TARGETS)]
        options = {"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"]}
        for fault in self._axe.run(page, options=options).response["violations"]:
            if fault["impact"] in _SERIOUS:
                found += [
                    f"{fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for node in fault["nodes"][:3]
                ]
        if found:
            self.faults[path] = found

    def _too_wide(self, page: Page) -> list[str]:
        """Where the page scrolls sideways: as wide as it is, on a telephone, at twice the size, and on a wall."""
        found, own = [], page.viewport_size
        assert own is not None
        for width in {own["width"], *_WIDTHS}:
            page.set_viewport_size({"width": width, "height": own["height"]})
            over, line = page.evaluate(_OVER)
            if over > 0:
                found.append(f"scrolls sideways by {over} px at {width} px")
            if line > _LONGEST_LINE:
                found.append(f"text is {line} px wide at {width} px")
        page.set_viewport_size(own)
        return found

    def told(self) -> str:
        """All faults, to be read."""
        return "\n".join(f"{path}\n  {fault}" for path, found in self.faults.items() for fault in found)
