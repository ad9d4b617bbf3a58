"""An alarm stays what and where it is; who is told is of the own organisation."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays


class Migration(migrations.Migration):
    dependencies = [("alarms", "0001_initial")]
    operations = [
        stays("alarms_alarm", "site_id", "an alarm stays on its site"),
        stays("alarms_alarm", "kind", "an alarm stays of its kind"),
        stays("alarms_alarm", "subject", "an alarm stays with its subject"),
        *refuse_write(
            "recipient_of_organisation",
            "alarms_recipient",
            "a recipient and its site are of one organisation",
            "(NEW.site_id IS NOT NULL AND (SELECT organisation_id FROM sites_site"
            " WHERE id = NEW.site_id) <> NEW.organisation_id)"
            " OR (NEW.user_id IS NOT NULL AND (SELECT organisation_id FROM parties_user"
            " WHERE id = NEW.user_id) <> NEW.organisation_id)",
        ),
        *refuse_write(
            "alarm_rule_of_organisation",
            "alarms_alarmrule",
            "a rule and its site are of one organisation",
            "NEW.site_id IS NOT NULL AND (SELECT organisation_id FROM sites_site"
            " WHERE id = NEW.site_id) <> NEW.organisation_id",
        ),
    ]
