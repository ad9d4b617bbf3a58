import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('parties', '0001_initial'),
        ('sites', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Meter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('medium', models.CharField(choices=[('electricity', 'Electricity'), ('heat', 'Heat'), ('cooling', 'Cooling'), ('hot_water', 'Hot Water'), ('cold_water', 'Cold Water'), ('reactive', 'Reactive')], default='electricity', max_length=12)),
                ('mode', models.CharField(choices=[('consumption', 'Consumption'), ('grid', 'Grid'), ('production', 'Production'), ('battery', 'Battery')], default='consumption', max_length=12)),
                ('source', models.CharField(choices=[('register', 'Register'), ('curve', 'Curve'), ('virtual', 'Virtual')], default='register', max_length=10)),
                ('metering_point', models.CharField(blank=True, max_length=40)),
                ('export_metering_point', models.CharField(blank=True, max_length=40)),
                ('rule', models.CharField(blank=True, max_length=500)),
                ('fuse_a', models.DecimalField(blank=True, decimal_places=1, max_digits=7, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('is_enabled', models.BooleanField(default=True)),
                ('is_swapped', models.BooleanField(default=False)),
                ('is_isolated', models.BooleanField(default=False)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='meters', to='sites.site')),
            ],
            options={
                'ordering': ('ref',),
                'indexes': [models.Index(fields=['metering_point'], name='meter_metering_point'), models.Index(fields=['export_metering_point'], name='meter_export_metering_point')],
                'constraints': [models.UniqueConstraint(fields=('site', 'ref'), name='meter_ref_is_unique'), models.CheckConstraint(condition=models.Q(('source', 'virtual'), ('rule', ''), _connector='XOR'), name='virtual_meter_has_a_rule')],
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('serial', models.CharField(max_length=40)),
                ('installed_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('factor', models.DecimalField(decimal_places=6, default=1, max_digits=12, validators=[django.core.validators.MinValueValidator(0)])),
                ('digits', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('meter', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='equipment.meter')),
            ],
            options={
                'ordering': ('meter', 'installed_at'),
                'constraints': [models.UniqueConstraint(fields=('meter', 'serial'), name='device_is_unique'), models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('meter',), name='one_device_at_a_time'), models.CheckConstraint(condition=models.Q(('factor__gt', 0)), name='device_factor_is_positive'), models.CheckConstraint(condition=models.Q(('removed_at', None), ('removed_at__gt', models.F('installed_at')), _connector='OR'), name='device_is_removed_after_installation')],
            },
        ),
        migrations.CreateModel(
            name='Battery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('capacity_wh', models.PositiveIntegerField()),
                ('power_w', models.PositiveIntegerField()),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batteries', to='parties.party')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batteries', to='sites.site')),
                ('meter', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='battery', to='equipment.meter')),
            ],
            options={
                'verbose_name_plural': 'batteries',
                'ordering': ('ref',),
                'constraints': [models.UniqueConstraint(fields=('site', 'ref'), name='battery_ref_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_date', models.DateField()),
                ('billing_point', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='sites.billingpoint')),
                ('meter', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='equipment.meter')),
            ],
            options={
                'ordering': ('meter', 'starts_date'),
                'constraints': [models.UniqueConstraint(fields=('meter', 'starts_date'), name='assignment_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Plant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('power_kwp', models.DecimalField(decimal_places=3, max_digits=9)),
                ('commissioned_date', models.DateField(blank=True, null=True)),
                ('meter', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='plant', to='equipment.meter')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plants', to='parties.party')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plants', to='sites.site')),
            ],
            options={
                'ordering': ('ref',),
                'constraints': [models.UniqueConstraint(fields=('site', 'ref'), name='plant_ref_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Register',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('obis', models.CharField(max_length=20)),
                ('direction', models.CharField(choices=[('import', 'Import'), ('export', 'Export')], default='import', max_length=6)),
                ('part', models.CharField(choices=[('total', 'Total'), ('community', 'Community'), ('residual', 'Residual')], default='total', max_length=9)),
                ('unit', models.CharField(choices=[('wh', 'Wh'), ('l', 'Litre')], default='wh', max_length=2)),
                ('meter', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='registers', to='equipment.meter')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='registers', to='sites.site')),
            ],
            options={
                'ordering': ('meter', 'direction', 'part'),
                'constraints': [models.UniqueConstraint(fields=('meter', 'direction', 'part'), name='register_is_unique')],
            },
        ),
    ]
