"""An installation on disk: its folder, keys and database, brought to this version before anything runs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.database import Database, connect
from core.errors import N_, Conflict, LoaError, NotFound
from core.settings import Settings, relay_secret, session_secret
from playlists import subjects
from scheduler import keys

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration; the connection is handed over at run time."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(database: Database) -> None:
    """Bring the database to this version, in one transaction. Refuses one that is newer than the program."""
    config = configuration()
    heads = set(ScriptDirectory.from_config(config).get_heads())
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.engine.connect() as connection:
        present = set(MigrationContext.configure(connection).get_current_heads())
    if present - known:
        raise Conflict(
            N_("The database was written by a newer version of Loa Làng. Install that version, or a backup.")
        )
    if present == heads:
        return
    with database.write() as session:
        # Somebody else may have migrated while this process waited for the lock.
        connection = session.connection()
        if set(MigrationContext.configure(connection).get_current_heads()) != heads:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        subjects.install(session)


def prepare(settings: Settings) -> Database:
    """Folders, keys and tables, ready to serve. Raises LoaError in one sentence when that can't be."""
    try:
        for folder in (settings.home, settings.media, settings.uploads):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoaError(
            N_("The folder %(folder)s can't be used: %(why)s."), folder=settings.home, why=error.strerror
        ) from error
    keys.prepare(settings)
    session_secret(settings)
    relay_secret(settings)
    database = connect(settings)
    migrate(database)
    return database


def opened(settings: Settings) -> Database:
    """The database of an installation that exists. Raises NotFound otherwise."""
    if not settings.database_url and not (settings.home / "loa.db").exists():
        raise NotFound(N_("There is no installation in %(home)s. Make one with “loa init”."), home=settings.home)
    return prepare(settings)
