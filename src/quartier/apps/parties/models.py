"""Organisations, users and parties.

An organisation is one operator of Quartier with all that is its own; nothing crosses from one to
another. A party is a person or a company that is billed or has access (the reference system
calls it an account); a contact is a user who acts for a party.
"""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models

REF = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z",
    "Letters, digits, dot, dash and underscore only; begins with a letter or digit.",
)


class Language(models.TextChoices):
    """The languages of portals, documents and mails."""

    DE = "de", "Deutsch"
    FR = "fr", "Français"
    IT = "it", "Italiano"
    EN = "en", "English"


class Organisation(models.Model):
    """One operator of Quartier."""

    ref = models.CharField(max_length=63, unique=True, validators=[REF])
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ("ref",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address."""

    def create_user(
        self, email: str, organisation: Organisation, password: str | None = None, **more: Any
    ) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), organisation=organisation)
        for name, value in more.items():
            setattr(user, name, value)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A natural person who signs in. An operator sees all sites of the organisation."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="users")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.DE)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email


class Party(models.Model):
    """A person or company that is billed, or has access."""

    class Kind(models.TextChoices):
        PERSON = "person"
        COMPANY = "company"

    class Correspondence(models.TextChoices):
        POST = "post"
        EMAIL = "email"
        EBILL = "ebill"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="parties")
    ref = models.CharField(max_length=63, validators=[REF])
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    name = models.CharField(max_length=70)
    extra = models.CharField(max_length=70, blank=True)
    street = models.CharField(max_length=70, blank=True)
    house_number = models.CharField(max_length=16, blank=True)
    postcode = models.CharField(max_length=16)
    town = models.CharField(max_length=35)
    country = models.CharField(max_length=2, default="CH")
    language = models.CharField(max_length=2, choices=Language, default=Language.DE)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)
    website = models.CharField(max_length=120, blank=True)
    uid = models.CharField(max_length=20, blank=True)
    correspondence = models.CharField(
        max_length=10, choices=Correspondence, default=Correspondence.POST
    )
    users = models.ManyToManyField(User, through="Contact", related_name="parties")

    class Meta:
        ordering = ("name", "ref")
        verbose_name_plural = "parties"
        constraints = (
            models.UniqueConstraint(fields=("organisation", "ref"), name="party_ref_is_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A user who acts for a party. The database refuses one from another organisation."""

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator"
        MEMBER = "member"

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="contacts")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="contacts")
    role = models.CharField(max_length=13, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("party", "user"), name="contact_is_unique"),)

    def __str__(self) -> str:
        return f"{self.user} for {self.party}"
