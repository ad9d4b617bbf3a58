from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metering", "0005_comparison_guards")]

    operations = [
        migrations.CreateModel(
            name="PowerHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "site_id",
                        "hour",
                        "meter_id",
                        "obis",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("site_id", models.BigIntegerField()),
                ("hour", models.IntegerField()),
                ("meter_id", models.BigIntegerField()),
                ("obis", models.CharField(max_length=63)),
                ("power_w", models.BinaryField()),
            ],
        ),
        # Power is looked at and never billed: what was kept by the minute is let go.
        migrations.DeleteModel(name="PowerValue"),
    ]
