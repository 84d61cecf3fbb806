"""The sync of one organization: fetch, settle what comes of it, apply (design, section 8).

`fetching` reads the source outside any transaction, `states` the database inside one, `deciding`
is pure, `applying` writes, `keeping` reverses what was decided of a conflict.
"""

from trcpoints.federation.engine.applying import apply
from trcpoints.federation.engine.deciding import FederationCounts, FederationPlan
from trcpoints.federation.engine.fetching import Fetched, Rejection, fetch, gone, not_there
from trcpoints.federation.engine.keeping import keep
from trcpoints.federation.engine.settling import settle

__all__ = [
    "FederationCounts",
    "FederationPlan",
    "Fetched",
    "Rejection",
    "apply",
    "fetch",
    "gone",
    "keep",
    "not_there",
    "settle",
]
