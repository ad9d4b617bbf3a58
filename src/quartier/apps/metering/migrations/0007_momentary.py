import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("equipment", "0005_gateway_inspect_until"),
        ("metering", "0006_power_by_the_hour"),
    ]

    operations = [
        migrations.CreateModel(
            name="Momentary",
            fields=[
                (
                    "meter",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="momentary",
                        serialize=False,
                        to="equipment.meter",
                    ),
                ),
                ("shown", models.JSONField(default=dict)),
            ],
        ),
    ]
