"""A whole site from one file, and back. Lives here because it must see parties, sites, equipment
and contracts, and this is the lowest app that does."""

from quartier.apps.contracts.site_file.dump import dump
from quartier.apps.contracts.site_file.load import Outcome, Rejected, load

__all__ = ["Outcome", "Rejected", "dump", "load"]
