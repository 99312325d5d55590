"""All settings, in one file, from the environment. With nothing set the product runs at once, embedded, on SQLite.

`.env.example` lists every variable. Mistakes are reported by `cpo_backoffice.checks`, numbered.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from cpo_backoffice import unfold_theme

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool = False) -> bool:
    return env(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    try:
        return int(env(name, str(default)))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {env(name)!r}") from None


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


def data_dir() -> Path:
    """Where the embedded database and key live: beside the code, or in the user's home if the folder is not ours."""
    chosen = env("DATA_DIR")
    if chosen:
        return Path(chosen)
    beside = BASE_DIR / "var"
    if os.access(beside if beside.exists() else BASE_DIR, os.W_OK):
        return beside
    return Path(env("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "cpo-backoffice"


DATA_DIR = data_dir()
DATABASE_URL = env("DATABASE_URL")
REDIS_URL = env("REDIS_URL")
EMBEDDED = not REDIS_URL  # broker and channel layer live in the one process that there is then


def secret_key() -> str:
    """SECRET_KEY, or a key made once for this machine and kept readable by its user alone (check W001)."""
    key = env("SECRET_KEY")
    if key:
        return key
    path = DATA_DIR / "secret_key"
    DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()


DEBUG = env_bool("DEBUG")
SECRET_KEY = secret_key()
HOST = env("HOST", "127.0.0.1")
PORT = env_int("PORT", 8000)
PUBLIC_URL = env("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = [*env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"), _public.hostname or "localhost"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

# The look of the operators' site: `unfold`, or `django` for the admin as Django brings it.
ADMIN_THEME = env("ADMIN_THEME", "unfold")
UNFOLD = unfold_theme.UNFOLD
INSTALLED_APPS = [
    "cpo_backoffice.apps.BackOfficeConfig",
    "ocpi.apps.OcpiConfig",
    "chargepoints.apps.ChargePointsConfig",
    *(["unfold.apps.BasicAppConfig"] if ADMIN_THEME == "unfold" else []),
    "cpo_backoffice.apps.OperatorsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "channels",
]
MIDDLEWARE = [
    "cpo_backoffice.browser_policy.browser_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "cpo_backoffice.urls"
ASGI_APPLICATION = "cpo_backoffice.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = [
    *global_settings.PASSWORD_HASHERS,
    "chargepoints.authentication.ChargePointPasswordHasher",  # never the first: people keep Django's default
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(DATA_DIR / "static")))
with contextlib.suppress(OSError):  # nothing need be collected, but WhiteNoise warns of a folder that is not there
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True  # served from the packages themselves: nothing to collect before the first start
WHITENOISE_AUTOREFRESH = DEBUG

# Behind a proxy that ends TLS, sets X-Forwarded-Proto and adds to X-Forwarded-For.
TRUST_PROXY = env_bool("TRUST_PROXY")
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SECURE_HSTS_SECONDS = 31_536_000 if _public.scheme == "https" else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # a link in an e-mail still finds its reader signed in
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576


def database() -> dict[str, Any]:
    """SQLite in WAL, every commit on disk before it is answered; or PostgreSQL with a pool per process."""
    url = DATABASE_URL or f"sqlite:///{DATA_DIR / 'cpo.sqlite3'}"
    config: dict[str, Any] = dict(dj_database_url.parse(url))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        Path(config["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        config["OPTIONS"] = {
            **config.get("OPTIONS", {}),
            "pool": {"min_size": 2, "max_size": env_int("DATABASE_POOL_SIZE", 32), "timeout": 10},
        }
    return config


DATABASES = {"default": database()}

# Many processes: one pub/sub channel per process (the core layer drops messages past 100 a process).
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# Access tokens of partners, one set for all processes. Nothing in it must not be lost.
if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "cpo",
            "OPTIONS": {
                "serializer": "cpo_backoffice.cache.JsonSerializer", "socket_timeout": 2, "socket_connect_timeout": 2,
            },
        }
    }  # fmt: skip
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }  # fmt: skip

REST_FRAMEWORK: dict[str, Any] = {
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "OCPI",
    "VERSION": "2.2.1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [],
}

# --- OCPP -----------------------------------------------------------------------------------------------------------
OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS = env_bool("OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS")
OCPP_ACCEPT_UNKNOWN_TOKENS = env_bool("OCPP_ACCEPT_UNKNOWN_TOKENS")
OCPP_HEARTBEAT_INTERVAL_S = env_int("OCPP_HEARTBEAT_INTERVAL_S", 300)
OCPP_MAX_FRAME_BYTES = env_int("OCPP_MAX_FRAME_BYTES", 1_048_576)
OCPP_PING_INTERVAL_S = env_int("OCPP_PING_INTERVAL_S", 20)
OCPP_COMMAND_TIMEOUT_S = env_int("OCPP_COMMAND_TIMEOUT_S", 30)
# After a boot or a new connection a charge point is asked for its plan only so many seconds later.
OCPP_SETTLE_S = env_int("OCPP_SETTLE_S", 5)
# How often a profile is sent again when the charge point's plan contradicts it, before it counts as drifted.
OCPP_PROFILE_CORRECTIONS = env_int("OCPP_PROFILE_CORRECTIONS", 2)
# A server process says that it lives every BEAT seconds; silent for DEAD seconds, its charge points are offline.
OCPP_PROCESS_BEAT_S = env_int("OCPP_PROCESS_BEAT_S", 5)
OCPP_PROCESS_DEAD_S = env_int("OCPP_PROCESS_DEAD_S", 20)
# Every OCPP message is kept, redacted, for operators to read; written in batches, beside the messages' own work.
OCPP_MESSAGE_LOG = env_bool("OCPP_MESSAGE_LOG", True)
RINGS_PER_WATCH = 1000

# --- OCPI -----------------------------------------------------------------------------------------------------------
OCPI_COUNTRY_CODE = env("OCPI_COUNTRY_CODE", "NL")
OCPI_PARTY_ID = env("OCPI_PARTY_ID", "CPO")
OCPI_BUSINESS_NAME = env("OCPI_BUSINESS_NAME", "CPO back-office")
OCPI_CURRENCY = env("OCPI_CURRENCY", "EUR")
OCPI_PAGE_LIMIT = env_int("OCPI_PAGE_LIMIT", 100)
# The timeout promised in every ACCEPTED, and the share of it kept for posting the result.
OCPI_PROFILE_TIMEOUT_S = env_int("OCPI_PROFILE_TIMEOUT_S", 30)
OCPI_CALLBACK_RESERVE_S = env_int("OCPI_CALLBACK_RESERVE_S", 10)
OCPI_REQUEST_TIMEOUT_S = env_int("OCPI_REQUEST_TIMEOUT_S", 10)
# At most one push of a session per this many seconds; a change of its state goes out at once.
OCPI_SESSION_PUSH_INTERVAL_S = env_int("OCPI_SESSION_PUSH_INTERVAL_S", 30)
# A charging period of a session lasts at least this long.
OCPI_CHARGING_PERIOD_S = env_int("OCPI_CHARGING_PERIOD_S", 300)
# A charge point that lost its connection is UNKNOWN to partners after this; most come back sooner.
OCPI_OFFLINE_PUSH_DELAY_S = env_int("OCPI_OFFLINE_PUSH_DELAY_S", 60)
# Token buckets for PUT and GET of charging profiles: how many at once, and how many a minute after that.
OCPI_SESSION_BURST = env_int("OCPI_SESSION_BURST", 10)
OCPI_SESSION_PER_MINUTE = env_int("OCPI_SESSION_PER_MINUTE", 10)
OCPI_PARTY_BURST = env_int("OCPI_PARTY_BURST", 600)
OCPI_PARTY_PER_MINUTE = env_int("OCPI_PARTY_PER_MINUTE", 3000)
OCPI_ACTIVE_PROFILE_DURATION_S = env_int("OCPI_ACTIVE_PROFILE_DURATION_S", 3600)
OCPI_PARTY_CONCURRENCY = env_int("OCPI_PARTY_CONCURRENCY", 6)  # pushes under way to one party; results may double it
OCPI_PENDING_SESSION_TIMEOUT_S = env_int("OCPI_PENDING_SESSION_TIMEOUT_S", 3600)
# Whether requests of partners are kept with their answers, for support.
OCPI_REQUEST_LOG = env_bool("OCPI_REQUEST_LOG", True)

# --- How long records are kept, in days; 0: for ever ----------------------------------------------------------------
KEEP_METER_VALUES_DAYS = env_int("KEEP_METER_VALUES_DAYS", 400)
KEEP_COMMANDS_DAYS = env_int("KEEP_COMMANDS_DAYS", 180)
KEEP_REQUESTS_DAYS = env_int("KEEP_REQUESTS_DAYS", 180)
KEEP_DELIVERIES_DAYS = env_int("KEEP_DELIVERIES_DAYS", 30)
KEEP_LOGS_DAYS = env_int("KEEP_LOGS_DAYS", 30)
KEEP_AUDIT_DAYS = env_int("KEEP_AUDIT_DAYS", 0)

LOG_LEVEL = env("LOG_LEVEL", "INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": []},  # its own would print each warning a second time
        "django.server": {"handlers": []},
        "urllib3": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "websockets": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
