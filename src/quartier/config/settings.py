"""Django's settings. Everything that differs between machines comes from ``config.env``."""

from pathlib import Path

from quartier.config import env

PACKAGE = Path(__file__).resolve().parent.parent
QUARTIER_HOME = env.home()
SECRET_KEY = env.secret_key(QUARTIER_HOME)
DEBUG = env.flag("QUARTIER_DEBUG")
ALLOWED_HOSTS = env.words("QUARTIER_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
PUBLIC_URL = env.text("QUARTIER_PUBLIC_URL", "http://localhost:8000")
IS_HTTPS = PUBLIC_URL.startswith("https://")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # the templates of allauth.mfa use it
    "django_htmx",
    "django_tasks_db",
    # A folder is the whole thing: an app or a portal is found by its apps.py.
    *(
        f"quartier.{path.parent.parent.name}.{path.parent.name}"
        for path in sorted(PACKAGE.glob("apps/*/apps.py"))
        + sorted(PACKAGE.glob("portals/*/apps.py"))
    ),
    # After the portals, whose templates dress its pages.
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "quartier.portals.shared.security.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "quartier.portals.shared.organisation.OwnOrganisation",
    "quartier.portals.shared.languages.AccountLanguage",
    "quartier.portals.shared.readable.Readable",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "quartier.config.urls"
WSGI_APPLICATION = "quartier.config.wsgi.application"
AUTH_USER_MODEL = "parties.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": env.database(QUARTIER_HOME)}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "quartier.portals.shared.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/h/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "pair_gateway": "10/m/ip",
}
# How many proxies stand in front, so that a rate limit counts the visitor's address, not theirs.
ALLAUTH_TRUSTED_PROXY_COUNT = env.count("QUARTIER_PROXIES")
# A proxy says so where the visitor came by TLS; without one the header is a visitor's claim.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS
MFA_TOTP_ISSUER = "Quartier"
globals().update(env.mail(QUARTIER_HOME))
CSRF_FAILURE_VIEW = "quartier.portals.shared.errors.csrf_failure"

# Rate limits count across the processes of a machine.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(QUARTIER_HOME / "cache"),
        # Holds the rate limits: a full cache forgets at random, and 300 addresses fill the default.
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "quartier.portals.shared.context.page",
            ],
        },
    }
]

LANGUAGE_CODE = "de"
LANGUAGES = [("de", "Deutsch"), ("fr", "Français"), ("it", "Italiano"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = QUARTIER_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "quartier.portals.shared.versioned.VersionedStorage"},
}
# Straight from the package; every URL carries the hash of what it names.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 31_536_000

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024

LOG_LEVEL = env.choice(
    "QUARTIER_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="WARNING"
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}

# Background jobs wait in the database; quartier worker takes them (stack.md, jobs).
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}
