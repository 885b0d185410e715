"""What all public pages have around them: the unit, the language, addresses that hold for good."""

from flask import Response, render_template, request, url_for
from sqlmodel import Session

from playlists import subjects
from registry import public_pages
from registry.public_pages import Place
from web.app import house
from web.messages import language


def language_asked() -> str:
    """The language that the address asks for: visitors have no cookie to keep one in."""
    return language() if request else "vi"


def place(session: Session, code: str) -> Place:
    """The unit of this page. Raises NotFound where everybody may not read it."""
    return public_pages.at(session, code, house().settings.zone)


def render(template: str, status: int = 200, **values: object) -> Response:
    """A page, with the addresses of itself in both languages."""
    asked = {name: value for name, value in request.args.items() if name in {"in", "about"}}
    known = request.endpoint is not None and request.method == "GET" and status == 200  # noqa: PLR2004
    own = {
        code: url_for(request.endpoint or "", **{**(request.view_args or {}), **asked, "lang": lang})
        for code, lang in (("vi", None), ("en", "en"))
    } if known else {}  # fmt: skip
    base = base_address()
    content = render_template(
        template, languages=own, canonical=f"{base}{own[language()]}" if base and own else "",
        absolute=lambda path: f"{base}{path}" if base else "", **values,
    )  # fmt: skip
    return Response(content, status=status, mimetype="text/html")


def base_address() -> str:
    """The installation's own address as it is set, without a slash at its end; never what a caller names. May be ""."""
    return house().settings.public_url.rstrip("/")


def field_names(session: Session) -> dict[str, str]:
    """The fields of bulletins in the language of the page, by code."""
    return {each.code: each.name_vi if language() == "vi" else each.name_en for each in subjects.every(session)}
