"""Settings, all of them from the environment.

``ENVIRONMENT=local`` (the default) runs from a fresh clone with nothing set, and answers on this machine only. Any
other value is a deployment: there a missing secret, host list or database stops the start and names what is missing.
"""

import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))  # what the running project writes

ENVIRONMENT = env.str("ENVIRONMENT", default="local")
IS_LOCAL = ENVIRONMENT == "local"
if IS_LOCAL:
    try:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"VAR_DIR={VAR_DIR} cannot be made: {error.strerror}.") from None
DEBUG = env.bool("DEBUG", default=IS_LOCAL)


def deployed(name: str, local: str) -> str:
    """The variable's value; `local` is good enough on this machine, and nowhere else."""
    value: str = env.str(name, default=local if IS_LOCAL else "")
    if not value:
        raise ImproperlyConfigured(f"Set {name}: it has no default when ENVIRONMENT={ENVIRONMENT}.")
    return value


# Only ever signs the sessions of a project that listens on this machine.
SECRET_KEY = deployed("SECRET_KEY", local="local-development-only")
ALLOWED_HOSTS = deployed("ALLOWED_HOSTS", local="localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATABASE_URL = deployed("DATABASE_URL", local=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "guardian",
    "csp",
    "anymail",
    "users",
    "teams",
    "team_notifications",
    "custom_actions",
    "products",
    "content",
]
if env.bool("DEMO", default=IS_LOCAL):
    INSTALLED_APPS.append("demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "users.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

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
                "teams.context_processors.teams",
            ],
        },
    },
]

# ---- database -------------------------------------------------------------------------------------------------------

DATABASE_SCHEMES = {"postgres", "postgresql", "sqlite"}  # what the statements of the fan-out are written for
if (scheme := urlsplit(DATABASE_URL).scheme) not in DATABASE_SCHEMES:
    raise ImproperlyConfigured(f"DATABASE_URL begins with {scheme!r}; {sorted(DATABASE_SCHEMES)} are known.")
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Without it a transaction that reads before it writes fails at once when another one wrote in between.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- people ---------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None  # guardian would otherwise make a real user row that could become a recipient
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "landing"
LOGOUT_REDIRECT_URL = "landing"

# ---- team notifications ---------------------------------------------------------------------------------------------

# What links in mails begin with. In a deployment the first host that the site answers to, unless that is a wildcard.
SITE_HOST = ALLOWED_HOSTS[0].strip(".*")
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000" if IS_LOCAL else f"https://{SITE_HOST}")

TEAM_NOTIFICATIONS_TEAM_MODEL = "teams.Team"
TEAM_NOTIFICATIONS = {
    "DIRECTORY": "teams.permissions.Directory",
    "FANOUT_CHUNK": env.int("TEAM_NOTIFICATIONS_FANOUT_CHUNK", default=5_000),
    "SITE_URL": SITE_URL,
    "MAX_AGE_DAYS": env.int("TEAM_NOTIFICATIONS_MAX_AGE_DAYS", default=90),
    "UNREAD_MAX_AGE_DAYS": env.int("TEAM_NOTIFICATIONS_UNREAD_MAX_AGE_DAYS", default=0) or None,
}

# ---- email ----------------------------------------------------------------------------------------------------------

# A mail server by EMAIL_URL, or a provider by EMAIL_BACKEND and the settings that Anymail names ANYMAIL_…
if "EMAIL_URL" in env.ENVIRON:
    vars().update(env.email_url("EMAIL_URL"))
elif IS_LOCAL and "demo" in INSTALLED_APPS:
    EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="demo.mail.EmailBackend")
else:
    EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=30)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"notifications@{SITE_HOST or 'localhost'}")

ANYMAIL = {name.removeprefix("ANYMAIL_"): value for name, value in env.ENVIRON.items() if name.startswith("ANYMAIL_")}
if not EMAIL_BACKEND.startswith("anymail."):
    # Without a provider nobody has a reason to call its webhooks: a secret that nobody knows keeps them shut.
    ANYMAIL.setdefault("WEBHOOK_SECRET", f"nobody:{secrets.token_urlsafe(32)}")

# ---- custom actions -------------------------------------------------------------------------------------------------

# Hosts inside private networks that endpoints may still be on. The demo allows the endpoints that it serves itself.
CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = env.list("CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS", default=[])

# ---- Celery ---------------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that hangs may hold up a request for these seconds, not for the minute of the defaults.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "max_retries": 0,
    "visibility_timeout": 3_600,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep-notifications": {
        "task": "team_notifications.tasks.sweep",
        "schedule": timedelta(seconds=30),
        "options": {"expires": 30},
    },
    "clean-up-notifications": {
        "task": "team_notifications.tasks.clean_up",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"expires": 3_600},
    },
    "check-custom-actions": {
        "task": "custom_actions.tasks.check_due_actions",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
}
if "demo" in INSTALLED_APPS:  # elsewhere a member takes the steps, who pays for them
    CELERY_BEAT_SCHEDULE["work-on-content"] = {
        "task": "content.tasks.work",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    }

# ---- texts, time, static files --------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # those that are complete; Django's own texts alone in another would be a mixture
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_LOCAL
        else "servestatic.storage.CompressedManifestStaticFilesStorage"
    },
}
SERVESTATIC_USE_FINDERS = IS_LOCAL
SERVESTATIC_AUTOREFRESH = IS_LOCAL

# ---- safety ---------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if not IS_LOCAL:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": []},  # Django's own handlers would say everything a second time
        # One line for each request of a check that runs every few seconds tells nobody anything.
        "httpx": {"level": "WARNING"},
    },
}
