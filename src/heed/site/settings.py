"""All settings come from the environment; `docs/reference/settings.md` describes each."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from heed.site.environment import Environment

env = Environment()

HERE = Path(__file__).parent
HEED_HOME = env.path("HEED_HOME", ".heed")
HEED_STREAM_URL = env.text("HEED_STREAM_URL", str(HEED_HOME / "stream"))
HEED_ENGINE = env.choice("HEED_ENGINE", ("duckdb", "spark"))
HEED_BASE_URL = env.text("HEED_BASE_URL", f"http://127.0.0.1:{env.number('PORT', default=8000)}")
HEED_CURRENCY = env.text("HEED_CURRENCY", "EUR")
HEED_UPLOAD_LIMIT_MB = env.number("HEED_UPLOAD_LIMIT_MB", default=4096)


def secret_key() -> str:
    """The key of this installation, made once and kept in its home, readable by its owner only."""
    given = env.text("HEED_SECRET_KEY")
    if given:
        return given
    file = HEED_HOME / "secret-key"
    if not file.exists():
        HEED_HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(get_random_secret_key())
    return file.read_text()


SECRET_KEY = secret_key()
DEBUG = False
BASE_HOST = HEED_BASE_URL.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
ALLOWED_HOSTS = [BASE_HOST, "127.0.0.1", "localhost", *env.words("HEED_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [HEED_BASE_URL.rstrip("/")]
ROOT_URLCONF = "heed.site.urls"
WSGI_APPLICATION = "heed.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

INSTALLED_APPS = [
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
    "heed.ledger",
    "heed.people",
    "heed.customers",
    "heed.measures",
    "heed.segments",
    "heed.conversations",
    "heed.sources",
    "heed.desk",
    "heed.daily",
    "heed.site",
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
    "django.contrib.auth.backends.ModelBackend",
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
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

SECURE = HEED_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("HEED_MAIL_HOST", "localhost")
EMAIL_PORT = env.number("HEED_MAIL_PORT", default=25)
EMAIL_HOST_USER = env.text("HEED_MAIL_USER")
EMAIL_HOST_PASSWORD = env.text("HEED_MAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("HEED_MAIL_TLS", default=False)
DEFAULT_FROM_EMAIL = env.text("HEED_MAIL_FROM", f"heed@{BASE_HOST}")
