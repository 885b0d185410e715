"""What the worker does about alerts of others and for others: asking, keeping, offering."""

from alerts.offering.publishing import Publisher
from alerts.sources.keeping import Keeper
from alerts.sources.pulling import Puller
from alerts.sources.taking import Taker
from core.database import Database
from core.outside import Outside
from core.settings import Settings
from core.signing import Signer
from scheduler.beats import Beat


def beats(database: Database, settings: Settings, signer: Signer, holder: str) -> list[Beat]:
    """The jobs and how often they beat. How often a source is asked is its own."""
    taker = Taker(database, settings, signer)
    puller = Puller(taker, Outside(settings.outside_hosts), holder)
    keeper, publisher = Keeper(taker), Publisher(database, settings)
    return [
        Beat("cap-pull", 5, puller.begin_due),
        Beat("cap-keep", 2, keeper.look),
        Beat("cap-offer", 2, publisher.publish),
        Beat("cap-prune", 3_600, keeper.prune),
    ]
