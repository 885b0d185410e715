"""The least a server could do for a crowd: `python -m loa.fleet.bare PORT BYTES`. A GET of /go is the emergency.

gevent's own server; holds every request that has seen the first answer, and answers all with the same bytes.
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


def main(port: int, size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    event = Event()
    quiet = b'{"interrupts": []}'
    alarm = b'{"interrupts": ["x"], "more": "%s"}'
    alarm %= b"x" * (size - len(alarm) + 2)

    def answer(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/go":
            event.set()
        held = environ.get("HTTP_IF_NONE_MATCH")
        if held == '"1"':
            event.wait(60)
        elif held:
            Event().wait(60)
        body, tag = (alarm, '"2"') if held else (quiet, '"1"')
        start("200 OK", [("Content-Length", str(len(body))), ("ETag", tag)])
        return [body]

    server = WSGIServer(("127.0.0.1", port), answer, backlog=4096, log=None)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
