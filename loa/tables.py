"""Every table of the application, for migrations: importing the models registers them."""

from sqlmodel import SQLModel

import audio.models
import core.audit
import core.changes
import playlists.models
import registry.models
import scheduler.models

MODULES = (core.audit, core.changes, registry.models, audio.models, playlists.models, scheduler.models)
metadata = SQLModel.metadata
