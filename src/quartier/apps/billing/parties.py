"""Rows as the parties and places of a document, as of its issue."""

from quartier.apps.contracts import models as contracts
from quartier.apps.parties.models import Party
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.invoicing.document import Address, Issuer, Payment, Place, Recipient
from quartier.core.kernel.money import ZERO


def address_of(party: Party) -> Address:
    """The postal address of ``party``."""
    return Address(
        name=party.name,
        street=party.street,
        house_number=party.house_number,
        postcode=party.postcode,
        town=party.town,
        country=party.country,
        extra=party.extra,
    )


def issuer_of(issuer: contracts.Issuer) -> Issuer:
    """Who issues the documents of a site."""
    party = issuer.party
    return Issuer(
        address=address_of(party),
        vat_liable=issuer.vat_liable,
        uid=party.uid,
        email=party.email,
        phone=party.phone,
        website=party.website,
    )


def recipient_of(party: Party) -> Recipient:
    """Who is billed."""
    return Recipient(party.ref, address_of(party), party.email, party.uid)


def place_of(site: Site, point: BillingPoint) -> Place:
    """What is billed; the building's address, or the site's where it has none."""
    building = point.building
    there = building if building.town else site
    address = Address(
        name=building.name,
        street=there.street,
        house_number=there.house_number,
        postcode=there.postcode,
        town=there.town,
        country=site.country,
    )
    return Place(
        site_ref=site.ref,
        site_name=site.name,
        building=building.name,
        billing_point_ref=point.ref,
        billing_point=point.name,
        address=address,
        timezone=site.timezone,
    )


def payment_of(issuer: contracts.Issuer, by: Issuer) -> Payment:
    """How to pay; amount and reference are filled in by the build and the issue."""
    return Payment(
        iban=issuer.iban.replace(" ", ""),
        creditor=by.address,
        reference_type=issuer.reference_type,
        reference="",
        amount=ZERO,
        currency="",
        message="",
        bill_information="",
    )
