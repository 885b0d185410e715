"""Style sheets, scripts and drawings: packed once, named by their content, kept by the browser for good.

Addresses made with `url_for` carry the start of the file's SHA-256 (`?v=…`), so a browser asks for a file once and gets
a new one the moment its content is another. What is served is remembered by the file's size and time of change: who
edits a file sees it at the next request, and nothing is read or packed twice.
"""

import gzip
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, g, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from werkzeug.security import safe_join

from web import access, map_files

# The view's own name for the file stands in these parameters.
_PARAMETER = {"static": "filename", "bootstrap.static": "filename", "map_file": "name"}
_WORTH_PACKING = 800
_MOST_BYTES = 2 * 1024 * 1024
_MOST_FILES = 96
_VERSION_LENGTH = 10
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_NOW = "public, max-age=600"


@dataclass(frozen=True)
class _Kept:
    """One file as it goes out."""

    content: bytes
    packed: bytes  # empty where packing gains nothing
    kind: str
    version: str


class Sessions(SecureCookieSessionInterface):
    """Cookies of sessions, which files for everybody neither need nor renew: shared caches may keep those."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return not g.get("is_file") and super().should_set_cookie(app, session)


def install(app: Flask) -> None:
    """Serve Flask's and Bootstrap's static files and the map's, and put their versions into addresses.

    To be called when all views are there: it takes the place of those that send files.
    """
    folders = {
        "static": Path(str(app.static_folder)),
        "bootstrap.static": Path(str(app.blueprints["bootstrap"].static_folder)),
    }
    if "map_file" in app.view_functions:
        folders["map_file"] = map_files.folder()
    allowed = {"map_file": map_files.FILES}

    def found(endpoint: str, name: str) -> _Kept | None:
        if endpoint in allowed and name not in allowed[endpoint]:
            return None
        return _file(folders[endpoint], name)

    @app.url_defaults
    def name_by_content(endpoint: str, values: dict[str, object]) -> None:
        if endpoint in folders and "v" not in values:
            kept = found(endpoint, str(values.get(_PARAMETER[endpoint], "")))
            if kept is not None:
                values["v"] = kept.version

    for endpoint in folders:
        app.view_functions[endpoint] = _view(endpoint, found)


def _view(endpoint: str, found: Callable[[str, str], _Kept | None]) -> Callable[..., Response]:
    @access.file_for_anyone
    def file(**values: str) -> Response:
        g.is_file = True
        kept = found(endpoint, values[_PARAMETER[endpoint]])
        if kept is None:
            abort(404)
        return _answer(kept)

    return file


def _answer(kept: _Kept) -> Response:
    packs = bool(kept.packed) and request.accept_encodings["gzip"] > 0
    response = Response(kept.packed if packs else kept.content, mimetype=kept.kind)
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    if kept.packed:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = _FOR_GOOD if request.args.get("v") == kept.version else _FOR_NOW
    # One name for each form of the content: what is kept packed must not stand for what is not.
    response.set_etag(f"{kept.version}{'-gz' if packs else ''}")
    response.make_conditional(request)
    return response


def _file(folder: Path, name: str) -> _Kept | None:
    """The file of this name in `folder`; None when there is none, or one too large to be a page's."""
    joined = safe_join(str(folder), name)
    if joined is None:
        return None
    path = Path(joined)
    try:
        state = path.stat()
    except OSError:
        return None
    if not path.is_file() or state.st_size > _MOST_BYTES:
        return None
    return _kept(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=_MOST_FILES)
def _kept(path: Path, size: int, _changed_ns: int) -> _Kept:
    content = path.read_bytes()
    packed = gzip.compress(content, compresslevel=9, mtime=0) if size > _WORTH_PACKING else b""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if len(packed) > len(content) * 0.9:
        packed = b""
    return _Kept(content, packed, kind, sha256(content).hexdigest()[:_VERSION_LENGTH])
