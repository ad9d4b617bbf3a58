from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("equipment", "0004_gateway_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateway",
            name="inspect_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
