import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('parties', '0001_initial'),
        ('parties', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Site',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('timezone', models.CharField(default='Europe/Zurich', max_length=60)),
                ('country', models.CharField(default='CH', max_length=2)),
                ('canton', models.CharField(blank=True, max_length=2)),
                ('currency', models.CharField(default='CHF', max_length=3)),
                ('language', models.CharField(choices=[('de', 'Deutsch'), ('fr', 'Français'), ('it', 'Italiano'), ('en', 'English')], default='de', max_length=2)),
                ('street', models.CharField(blank=True, max_length=70)),
                ('house_number', models.CharField(blank=True, max_length=16)),
                ('postcode', models.CharField(blank=True, max_length=16)),
                ('town', models.CharField(blank=True, max_length=35)),
                ('starts_date', models.DateField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sites', to='parties.organisation')),
            ],
            options={
                'ordering': ('name', 'ref'),
                'constraints': [models.UniqueConstraint(fields=('organisation', 'ref'), name='site_ref_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('note', 'Note'), ('issue', 'Issue')], default='note', max_length=5)),
                ('category', models.CharField(choices=[('technical', 'Technical'), ('administrative', 'Administrative'), ('data', 'Data'), ('other', 'Other')], default='other', max_length=14)),
                ('text', models.TextField()),
                ('visibility', models.CharField(choices=[('private', 'Private'), ('public', 'Public'), ('editable', 'Editable')], default='private', max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('resolved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='sites.site')),
            ],
            options={
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='Building',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('street', models.CharField(blank=True, max_length=70)),
                ('house_number', models.CharField(blank=True, max_length=16)),
                ('postcode', models.CharField(blank=True, max_length=16)),
                ('town', models.CharField(blank=True, max_length=35)),
                ('egid', models.CharField(blank=True, max_length=12)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='buildings', to='sites.site')),
            ],
            options={
                'ordering': ('name', 'ref'),
                'constraints': [models.UniqueConstraint(fields=('site', 'ref'), name='building_ref_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='BillingPoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\\Z', 'Letters, digits, dot, dash and underscore only; begins with a letter or digit.')])),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('apartment', 'Apartment'), ('commercial', 'Commercial'), ('common', 'Common'), ('parking', 'Parking'), ('technical', 'Technical')], default='apartment', max_length=10)),
                ('position', models.PositiveIntegerField(default=0)),
                ('area_m2', models.DecimalField(blank=True, decimal_places=2, max_digits=9, null=True)),
                ('thousandths', models.DecimalField(blank=True, decimal_places=3, max_digits=7, null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('is_billed', models.BooleanField(default=True)),
                ('in_statement', models.BooleanField(default=True)),
                ('self_consumption_priority', models.IntegerField(default=0)),
                ('quota', models.DecimalField(blank=True, decimal_places=9, max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('building', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='billing_points', to='sites.building')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='billing_points', to='sites.site')),
            ],
            options={
                'ordering': ('building', 'position', 'ref'),
                'constraints': [models.UniqueConstraint(fields=('site', 'ref'), name='billing_point_ref_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Stakeholder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('agent', 'Agent'), ('contractor', 'Contractor'), ('installer', 'Installer'), ('other', 'Other')], max_length=10)),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stakes', to='parties.party')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stakeholders', to='sites.site')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('site', 'party', 'role'), name='stakeholder_is_unique')],
            },
        ),
    ]
