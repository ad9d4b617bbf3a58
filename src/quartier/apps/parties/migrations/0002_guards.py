"""Nothing crosses from one organisation to another."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays

_OTHER = (
    "(SELECT organisation_id FROM parties_user WHERE id = NEW.user_id)"
    " <> (SELECT organisation_id FROM parties_party WHERE id = NEW.party_id)"
)


class Migration(migrations.Migration):
    dependencies = [("parties", "0001_initial")]
    operations = [
        stays("parties_party", "organisation_id", "a party stays in its organisation"),
        stays("parties_user", "organisation_id", "a user stays in its organisation"),
        *refuse_write(
            "contact_of_organisation",
            "parties_contact",
            "the user and the party of a contact belong to one organisation",
            _OTHER,
        ),
    ]
