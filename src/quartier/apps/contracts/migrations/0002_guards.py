"""Occupancies have neither overlap nor gap (docs/decisions/0005-occupancy-as-a-chain.md)."""

from django.db import migrations

from quartier.apps.audit.guards import refuse, refuse_write, stays


def _organisation_of_party(column: str) -> str:
    return f"(SELECT organisation_id FROM parties_party WHERE id = NEW.{column})"


_SITE_OF_POINT = "(SELECT site_id FROM sites_billingpoint WHERE id = NEW.billing_point_id)"
_OTHERS = (
    "EXISTS (SELECT 1 FROM contracts_occupancy other"
    " WHERE other.billing_point_id = OLD.billing_point_id AND other.id <> OLD.id)"
)
_NO_EARLIER = (
    "NOT EXISTS (SELECT 1 FROM contracts_occupancy other"
    " WHERE other.billing_point_id = OLD.billing_point_id AND other.id <> OLD.id"
    " AND other.starts_date < OLD.starts_date)"
)
_FIRST_IS_LATE = (
    "NOT EXISTS (SELECT 1 FROM contracts_occupancy other"
    " WHERE other.billing_point_id = NEW.billing_point_id)"
    f" AND NEW.starts_date > (SELECT starts_date FROM sites_site WHERE id = {_SITE_OF_POINT})"
)
_SITE_IS_EARLY = (
    "NEW.starts_date IS NOT NULL AND EXISTS (SELECT 1 FROM contracts_occupancy late"
    " JOIN sites_billingpoint point ON point.id = late.billing_point_id"
    " WHERE point.site_id = NEW.id AND late.starts_date > NEW.starts_date"
    " AND NOT EXISTS (SELECT 1 FROM contracts_occupancy early"
    " WHERE early.billing_point_id = point.id AND early.starts_date <= NEW.starts_date))"
)
_NOT_THE_OWNER = (
    "NEW.is_vacant AND NOT EXISTS (SELECT 1 FROM sites_stakeholder owner"
    f" WHERE owner.site_id = {_SITE_OF_POINT} AND owner.party_id = NEW.party_id"
    " AND owner.role = 'owner')"
)
_OWNER_OF_VACANCY = (
    "OLD.role = 'owner' AND EXISTS (SELECT 1 FROM contracts_occupancy empty"
    " JOIN sites_billingpoint point ON point.id = empty.billing_point_id"
    " WHERE point.site_id = OLD.site_id AND empty.party_id = OLD.party_id AND empty.is_vacant)"
)
_TWO_SOLUTIONS = (
    "EXISTS (SELECT 1 FROM contracts_solution other WHERE other.site_id = NEW.site_id"
    " AND other.kind = NEW.kind AND other.id <> NEW.id"
    " AND (NEW.ends_date IS NULL OR other.starts_date < NEW.ends_date)"
    " AND (other.ends_date IS NULL OR other.ends_date > NEW.starts_date))"
)


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial"), ("sites", "0002_guards")]
    operations = [
        stays("contracts_occupancy", "billing_point_id", "an occupancy stays at its place"),
        refuse(
            "occupancy_first_is_on_time",
            "contracts_occupancy",
            "INSERT",
            "the first occupancy of a billing point begins no later than its site",
            _FIRST_IS_LATE,
        ),
        refuse(
            "occupancy_first_stays_early",
            "contracts_occupancy",
            "UPDATE",
            "moving the first occupancy to a later date would leave a gap",
            f"NEW.starts_date > OLD.starts_date AND {_NO_EARLIER}",
        ),
        refuse(
            "occupancy_first_stays",
            "contracts_occupancy",
            "DELETE",
            "without its first occupancy a billing point would have a gap",
            f"{_NO_EARLIER} AND {_OTHERS}",
        ),
        refuse(
            "site_start_has_occupancies",
            "sites_site",
            "UPDATE",
            "a billing point has no occupancy on the first date of the site",
            _SITE_IS_EARLY,
        ),
        *refuse_write(
            "vacancy_of_owner",
            "contracts_occupancy",
            "a vacancy falls to an owner of the site",
            _NOT_THE_OWNER,
        ),
        refuse(
            "owner_of_vacancy_no_delete",
            "sites_stakeholder",
            "DELETE",
            "this owner holds vacant billing points",
            _OWNER_OF_VACANCY,
        ),
        refuse(
            "owner_of_vacancy_no_update",
            "sites_stakeholder",
            "UPDATE",
            "this owner holds vacant billing points",
            "(NEW.role <> OLD.role OR NEW.party_id <> OLD.party_id OR NEW.site_id <> OLD.site_id)"
            f" AND {_OWNER_OF_VACANCY}",
        ),
        *refuse_write(
            "occupancy_of_organisation",
            "contracts_occupancy",
            "a holder belongs to the organisation of the site",
            f"{_organisation_of_party('party_id')} <> (SELECT organisation_id FROM sites_site"
            f" WHERE id = {_SITE_OF_POINT})",
        ),
        *refuse_write(
            "issuer_of_organisation",
            "contracts_issuer",
            "an issuer belongs to the organisation of the site",
            f"{_organisation_of_party('party_id')} <> (SELECT organisation_id FROM sites_site"
            " WHERE id = NEW.site_id)",
        ),
        *refuse_write(
            "price_sheet_of_site",
            "contracts_pricesheet_billing_points",
            "a price sheet holds for billing points of its own site",
            "(SELECT site_id FROM contracts_pricesheet WHERE id = NEW.pricesheet_id)"
            " <> (SELECT site_id FROM sites_billingpoint WHERE id = NEW.billingpoint_id)",
        ),
        *refuse_write(
            "one_solution",
            "contracts_solution",
            "a solution of one kind runs once at a time",
            _TWO_SOLUTIONS,
        ),
    ]
