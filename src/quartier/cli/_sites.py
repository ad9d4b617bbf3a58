"""Which sites a command is for: some by their refs, or all."""

import argparse

from quartier.apps.sites.models import Site
from quartier.apps.sites.queries import NoSuchSite, site_by_ref
from quartier.cli._errors import UserError


def add_sites(parser: argparse.ArgumentParser, verb: str) -> None:
    """``--site REF...`` or ``--all``, one of them needed."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--site", nargs="+", action="extend", metavar="REF", help=f"the sites to {verb}"
    )
    which.add_argument("--all", action="store_true", help="every site")


def sites_of(args: argparse.Namespace) -> list[Site]:
    """The sites, each once; raises :class:`UserError` where one is not there, or none is."""
    if args.all:
        rows = Site.objects.select_related("organisation").order_by("organisation__ref", "ref")
        sites = list(rows)
    else:
        try:
            sites = [site_by_ref(ref) for ref in dict.fromkeys(args.site)]
        except NoSuchSite as problem:
            raise UserError(str(problem)) from None
    if not sites:
        raise UserError("there is no site yet; make one with: quartier site load FILE")
    return sites
