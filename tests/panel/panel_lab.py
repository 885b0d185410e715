"""People at the panel, as its tests know them."""

import re
from dataclasses import dataclass, field

from flask import Flask

import registry.models
from registry import sessions

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Home:
    """Ids and passwords of the cast's commune."""

    units: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    station: str = ""
    fresh_station: str = ""
    code: str = ""
    group: str = ""
    bulletin: str = ""
    clip: str = ""
    programme: str = ""
    slot: str = ""
    emergency: str = ""
    prepared: str = ""
    airing: str = ""


class Browser:
    """A person at the panel: a test client that carries the form token as a page would."""

    def __init__(self, app: Flask, home: Home, who: str | None) -> None:
        self.client = app.test_client()
        self.token = ""
        if who is not None:
            here = app.extensions["loa"]
            with here.database.write() as writing:
                person = writing.get_one(registry.models.Person, home.people[who])
                name = sessions.begin(writing, person, agent="", address="127.0.0.1", now=here.clock())
            with self.client.session_transaction() as session:
                session["session"] = name
            self.token_of("/password")

    def token_of(self, path):
        """Fetch the token of a form as a page carries it, and use it from now on."""
        self.token = TOKEN.search(self.get(path).text)[1]
        return self.token

    def get(self, path, **more):
        return self.client.get(path, **more)

    def post(self, path, data=None, **more):
        """Send a form as somebody does who is sure: what is asked before an act is answered with yes."""
        return self.client.post(path, data={"csrf_token": self.token, "agreed": "yes", **(data or {})}, **more)
