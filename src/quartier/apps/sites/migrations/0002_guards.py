"""A site, its places and its stakeholders belong together."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays


class Migration(migrations.Migration):
    dependencies = [("sites", "0001_initial"), ("parties", "0002_guards")]
    operations = [
        stays("sites_site", "organisation_id", "a site stays in its organisation"),
        stays("sites_building", "site_id", "a building stays on its site"),
        stays("sites_billingpoint", "site_id", "a billing point stays on its site"),
        *refuse_write(
            "billing_point_of_site",
            "sites_billingpoint",
            "a billing point lies in a building of its site",
            "(SELECT site_id FROM sites_building WHERE id = NEW.building_id) <> NEW.site_id",
        ),
        *refuse_write(
            "stakeholder_of_organisation",
            "sites_stakeholder",
            "a stakeholder belongs to the organisation of the site",
            "(SELECT organisation_id FROM parties_party WHERE id = NEW.party_id)"
            " <> (SELECT organisation_id FROM sites_site WHERE id = NEW.site_id)",
        ),
    ]
