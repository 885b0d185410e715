"""The least a server could do: hold every request, and answer all with the same bytes after one event.

`python -m benchmarks._bare BYTES`: prints its port; a GET of /go sets the event.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import resource
import sys
from collections.abc import Callable, Iterable
from typing import Any

from gevent.event import Event
from gevent.pywsgi import WSGIServer


def main(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    event, content = Event(), b"x" * size

    def answer(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/go":
            event.set()
        elif environ.get("HTTP_IF_NONE_MATCH"):
            event.wait(60)
        start("200 OK", [("Content-Length", str(size)), ("ETag", '"1"')])
        return [content]

    server = WSGIServer(("127.0.0.1", 0), answer, backlog=4096, log=None)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
