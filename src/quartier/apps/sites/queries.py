"""Reading sites."""

from quartier.apps.sites.models import Site


class NoSuchSite(Exception):
    """No site has that ref, or more than one organisation has one."""


def site_by_ref(ref: str) -> Site:
    """The site called ``ref``, or ``organisation/ref`` where two organisations have one.

    Raises :class:`NoSuchSite`, which names the refs there are.
    """
    organisation, _, name = ref.rpartition("/")
    sites = Site.objects.select_related("organisation").filter(ref=name)
    if organisation:
        sites = sites.filter(organisation__ref=organisation)
    found = list(sites[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchSite(f"several organisations have a site {name!r}; write ORGANISATION/{name}")
    known = list(Site.objects.order_by("ref").values_list("ref", flat=True)[:10])
    there = f"there are: {', '.join(known)}" if known else "there is none yet"
    raise NoSuchSite(f"no site {ref!r}; {there}. Make one with: quartier site create {name}")
