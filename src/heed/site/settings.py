"""All settings come from the environment; `docs/reference/settings.md` describes each."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from heed.site.environment import Environment, SettingError, jobs_database, origin

env = Environment()

HERE = Path(__file__).parent
HEED_HOME = env.home("HEED_HOME", ".heed")
HEED_STREAM_URL = env.text("HEED_STREAM_URL", str(HEED_HOME / "stream"))
HEED_ENGINE = env.choice("HEED_ENGINE", ("duckdb", "spark"))
HEED_BASE_URL = env.web_origin(
    "HEED_BASE_URL", default=f"http://127.0.0.1:{env.number('PORT', default=8000)}"
)
HEED_CURRENCY = env.text("HEED_CURRENCY", "EUR")
HEED_DAILY_ROUND_AT = env.time_of_day("HEED_DAILY_ROUND_AT", default="05:00")
HEED_SIGN_IN_LINK_LASTS = env.hours("HEED_SIGN_IN_LINK_HOURS", default=24)
HEED_INVITATION_LASTS = env.hours("HEED_INVITATION_HOURS", default=168)
HEED_TRUSTED_PROXIES = env.number("HEED_TRUSTED_PROXIES", default=0)
HEED_JOBS_URL = jobs_database(env.text("HEED_DATABASE_URL"), HEED_HOME / "jobs.sqlite")
# Read by the clock of the ledger, each time anew; checked here.
HEED_NOW = env.instant("HEED_NOW")
HEED_UPLOAD_LIMIT_MB = env.number("HEED_UPLOAD_LIMIT_MB", default=4096)


def secret_key() -> str:
    """The key of this installation, made once and kept in its home, readable by its owner only."""
    given = env.text("HEED_SECRET_KEY")
    if given:
        return given
    file = HEED_HOME / "secret-key"
    if not file.exists():
        # Written aside and linked into place: of two processes that start at once, one key wins for both.
        draft = file.with_name(f"secret-key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(get_random_secret_key())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()


SECRET_KEY = secret_key()
DEBUG = False
BASE_HOST = str(urlsplit(HEED_BASE_URL).hostname)
ALLOWED_HOSTS = [BASE_HOST, "127.0.0.1", "localhost", *env.words("HEED_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [HEED_BASE_URL]
ROOT_URLCONF = "heed.site.urls"
WSGI_APPLICATION = "heed.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

INSTALLED_APPS = [
    # First, so that our templates stand before those of the libraries.
    "heed.ledger",
    "heed.people",
    "heed.customers",
    "heed.measures",
    "heed.segments",
    "heed.conversations",
    "heed.proving",
    "heed.sources",
    "heed.desk",
    "heed.daily",
    "heed.site",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "axes",
    "lucide",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    }
]

DATABASES = {"default": env.database("HEED_DATABASE_URL", HEED_HOME / "heed.sqlite")}

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/today/"
LOGOUT_REDIRECT_URL = "/sign-in/"

ACCOUNT_ADAPTER = "heed.people.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# Who was invited by mail has shown that the address is theirs.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(HEED_BASE_URL).scheme
# Codes of the second factor. Wrong passwords are counted by axes in the database (see the adapter).
ACCOUNT_RATE_LIMITS = {"login_failed": "5/15m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = HEED_TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Heed"
# Browsers offer passkeys on localhost without https; on any other host they refuse by themselves.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HEED_BASE_URL.startswith("https://")

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "heed.people.doors.axes_username"
AXES_CLIENT_IP_CALLABLE = "heed.people.doors.client_address"
AXES_LOCKOUT_CALLABLE = "heed.people.doors.locked_out"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False


def single_sign_on() -> dict[str, object] | None:
    """The company's OpenID Connect provider, when one is configured; all three settings or none."""
    names = ("HEED_OIDC_ISSUER", "HEED_OIDC_CLIENT_ID", "HEED_OIDC_CLIENT_SECRET")
    given = [name for name in names if env.text(name)]
    if not given:
        return None
    if missing := [name for name in names if name not in given]:
        raise SettingError(
            f"{given[0]} is set but {', '.join(missing)} is not. Set all of {', '.join(names)}."
        )
    issuer = env.web_address("HEED_OIDC_ISSUER", default="")
    return {
        "provider_id": "company",
        "name": env.text("HEED_OIDC_NAME", "your company account"),
        "client_id": env.text("HEED_OIDC_CLIENT_ID"),
        "secret": env.text("HEED_OIDC_CLIENT_SECRET"),
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True, "uid_field": "sub"},
    }


SINGLE_SIGN_ON = single_sign_on()
HEED_OIDC_ISSUER = env.text("HEED_OIDC_ISSUER").rstrip("/")
SOCIALACCOUNT_ADAPTER = "heed.people.adapters.SocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [SINGLE_SIGN_ON] if SINGLE_SIGN_ON else []}}
# An address that the company's provider has verified is the person of that address here.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [HERE / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = HEED_HOME / "static"
STATICFILES_DIRS = [HERE / "static"]
MEDIA_ROOT = HEED_HOME / "uploads"
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_HANDLERS = ["heed.sources.uploads.BoundedUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

SECURE = HEED_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if SECURE and HEED_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SIGN_ON_ORIGIN = [origin(HEED_OIDC_ISSUER)] if SINGLE_SIGN_ON else []
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Browsers hold the redirect that follows a form to this rule too.
        "form-action": [SELF, *SIGN_ON_ORIGIN],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 20
EMAIL_HOST = env.text("HEED_MAIL_HOST")
EMAIL_PORT = env.number("HEED_MAIL_PORT", default=25)
EMAIL_HOST_USER = env.text("HEED_MAIL_USER")
EMAIL_HOST_PASSWORD = env.text("HEED_MAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("HEED_MAIL_TLS", default=False)
DEFAULT_FROM_EMAIL = env.text("HEED_MAIL_FROM", f"heed@{BASE_HOST}")

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_secrets": {"()": "heed.people.redaction.NoSecrets"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "filters": ["no_secrets"], "formatter": "line"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "heed": {"level": "INFO"},
    },
}
