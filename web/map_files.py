"""The files of Leaflet, from the package that brings them: the map to draw on, without anything from outside."""

from importlib import metadata
from pathlib import Path

from flask import Flask, abort, send_from_directory
from werkzeug.wrappers import Response

from web.access import anyone

FILES = frozenset({"leaflet.js", "leaflet.css"})


def folder() -> Path:
    """Where Leaflet's files lie. Located, not imported: the package's own way to tell needs setuptools to run."""
    return Path(str(metadata.distribution("XStatic-Leaflet").locate_file("xstatic/pkg/leaflet/data")))


def install(app: Flask) -> None:
    """Serve them beside the other static files, as `map_file`."""

    @anyone
    def map_file(name: str) -> Response:
        if name not in FILES:
            abort(404)
        return send_from_directory(folder(), name)

    app.add_url_rule("/static/leaflet/<name>", endpoint="map_file", view_func=map_file)
