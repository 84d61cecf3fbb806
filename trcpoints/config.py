"""The environment, read once and checked as a whole (design, section 7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import quote, unquote, urlsplit

from trcpoints import __version__, sqlite_address
from trcpoints.env_file import EnvFile, SettingFault, find_faults, find_unknown, read_env_file
from trcpoints.errors import ConfigurationInvalid
from trcpoints.secrecy import secret_values

DEFAULT_API_BASE = "https://mee6.xyz/api/plugins/levels/leaderboard"
DEFAULT_USER_AGENT = f"trcpoints/{__version__} (+https://pypi.org/project/trcpoints/)"
GUILD_MISSING = (
    "MEE6_GUILD_ID: is not set; should be the id of your Discord server "
    "(Discord: Settings, Advanced, Developer Mode; right-click the server, Copy Server ID)"
)
_NO_DATABASE = (
    "is empty; remove it for the default, a SQLite file in your data folder, or name a database "
    "like sqlite:////absolute.db"
)
_NO_SWITCH = "is empty; should be true or false"
_CRONTAB_HOME = "TRCPOINTS_HOME"
"""A variable of crontab.example, for cron's own shell."""

PINGED = ("sync", "streaks")
SNOWFLAKE = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)

_QUOTES = "\"'“”‘’"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MOST_GAIN = 10**12
_SECRETS = frozenset({"password", "sslpassword"})

# Stricter than libpq, which takes a host or a port to be whatever an unencoded @ / ? or # in a
# password leaves of it, and then tells them in its messages.
_POSTGRESQL = re.compile(
    r"""
    (?P<scheme> postgres(ql)?:// )
    ( (?P<user> [^:@/?#]* ) (?P<password> : [^@/?#]* )? (?P<at> @ ) )?
    (?P<place>
        ( \[ [^]@/?#]* ] | [^][:,@/?#]* ) ( : [0-9]* )?
        ( , ( \[ [^]@/?#]* ] | [^][:,@/?#]* ) ( : [0-9]* )? )*
        ( / [^@?#]* )?
    )
    ( \? (?P<query> [^@]* ) )?
    """,
    re.VERBOSE,
)
_PLACE_IN_QUERY = frozenset({"host", "port", "user", "dbname"})

T = TypeVar("T")

DEFAULT_PERCENT = 50
"""The share of members, or of records, that may change at once (design, section A4)."""

MaxGain = int | Literal["auto", "off"]
"""The XP above which a gain is held: by time and rate, a number, or never."""


class DatabaseUrl(str):
    """The URL of a database; `origin` says where it was set, for when there is none at it."""

    origin: str

    def __new__(cls, url: str, origin: str) -> Self:
        """Make one of a URL."""
        found = super().__new__(cls, url)
        found.origin = origin
        return found


@dataclass(frozen=True, slots=True)
class Mee6Settings:
    """How the leaderboard is asked for. Times are seconds.

    `guild_id` is None where none is set: only the commands that read the leaderboard need it.
    """

    guild_id: str | None = None
    enabled: bool = True
    api_base: str = DEFAULT_API_BASE
    auth_token: str | None = field(default=None, repr=False)
    user_agent: str = DEFAULT_USER_AGENT
    page_size: int = 999
    retry_base: float = 5.0
    request_interval: float = 2.0
    max_gain: MaxGain = "auto"

    def require_guild_id(self) -> str:
        """The guild to read; raises ConfigurationInvalid where none is set."""
        if self.guild_id is None:
            raise ConfigurationInvalid([GUILD_MISSING])
        return self.guild_id


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who is told of the runs (design, section 9). Most of it is secret.

    `notify_urls` are addresses of Apprise; `ping_urls` those of healthchecks, by job; `secrets`
    what of the whole environment they must not be told.
    """

    sentry_dsn: str | None = field(default=None, repr=False)
    sentry_environment: str = "production"
    notify_urls: tuple[str, ...] = field(default=(), repr=False)
    ping_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment says, checked.

    `host_id` names this machine in leases; None: by its own ids. `federation_config` is the
    file of the federations (section 8), which only their commands read. `mass_change_percent` is
    the share of members that may change at once, for sync and import (section A4).
    file of the federations (section 8), which only their commands read. `env_files` says where
    a `.env` was looked for, and whether it was found.
    """

    database_url: str = field(repr=False)
    mee6: Mee6Settings
    alerts: AlertSettings
    trigger: Literal["scheduled", "manual"] = "manual"
    host_id: str | None = None
    log_format: Literal["text", "json"] = "text"
    federation_config: Path | None = None
    mass_change_percent: int = DEFAULT_PERCENT
    env_files: str = ""

    def refuse(self, faults: Iterable[SettingFault]) -> ConfigurationInvalid:
        """The error that tells these faults, and which files the settings were read from."""
        return ConfigurationInvalid(
            [fault.text for fault in faults],
            hint="Correct this in the environment or in the .env file, and run the command again. "
            f"The .env file was looked for: {self.env_files}.",
        )


def load_settings(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """The settings; raises ConfigurationInvalid with every fault at once."""
    settings, faults = read_settings(environ, env_file)
    if faults:
        raise settings.refuse(faults)
    return settings


def read_settings(
    environ: Mapping[str, str], env_file: Path | None = None
) -> tuple[Settings, list[SettingFault]]:
    """Read `environ` over the first `.env` there is; the settings, and every fault.

    `env_file` names the one to read; else `.env` in the working directory, else in the user's
    configuration folder. A setting that is wrong has its default. Raises ConfigurationInvalid
    only where the file cannot be read.
    """
    file = read_env_file(env_file)
    settings, reader = _read(environ, file)
    unread = find_faults(file, reader.names, settings.federation_config)
    return settings, [*unread, *reader.faults]


def find_unknown_variables(
    environ: Mapping[str, str], env_file: Path | None = None
) -> list[SettingFault]:
    """The variables of the process that look like settings and are none.

    Raises ConfigurationInvalid where the `.env` cannot be read.
    """
    settings, reader = _read(environ, read_env_file(env_file))
    names = sorted(environ.keys() - {_CRONTAB_HOME})
    return list(find_unknown(names, reader.names, settings.federation_config))


def _read(environ: Mapping[str, str], file: EnvFile) -> tuple[Settings, _Reader]:
    values = {**file.values, **environ}
    reader = _Reader(values)
    url = reader.get("DATABASE_URL", database_url, empty=_NO_DATABASE)
    guild_id = reader.get("MEE6_GUILD_ID", _snowflake)
    # Read in any case, for it is the name of a setting; a value that is not used cannot be wrong.
    other_id = reader.get("DISCORD_GUILD_ID", _snowflake if guild_id is None else str)
    trigger = reader.get("TRCPOINTS_TRIGGER", _trigger) or "manual"
    settings = Settings(
        database_url=DatabaseUrl(
            url or reader.default_database_url(), _origin(environ, file, trigger)
        ),
        mee6=Mee6Settings(
            guild_id=guild_id or other_id,
            enabled=reader.get_or("MEE6_SYNC_ENABLED", _boolean, True, empty=_NO_SWITCH),
            api_base=reader.get_or("MEE6_API_BASE", _http_url, DEFAULT_API_BASE),
            auth_token=reader.get("MEE6_AUTH_TOKEN", header_value),
            user_agent=reader.get_or("MEE6_USER_AGENT", header_value, DEFAULT_USER_AGENT),
            page_size=reader.get_or("MEE6_PAGE_SIZE", _page_size, 999),
            retry_base=reader.get_or("MEE6_RETRY_BASE", _seconds, 5.0),
            request_interval=reader.get_or("MEE6_REQUEST_INTERVAL", _seconds, 2.0),
            max_gain=reader.get("MEE6_MAX_GAIN", _max_gain) or "auto",
        ),
        alerts=_read_alerts(reader, secret_values(values)),
        trigger=trigger,
        host_id=reader.get("TRCPOINTS_HOST_ID", _host_id),
        log_format=reader.get("TRCPOINTS_LOG_FORMAT", _log_format) or "text",
        federation_config=reader.get("FEDERATION_CONFIG", _path),
        mass_change_percent=reader.get_or("MASS_CHANGE_PERCENT", _percent, DEFAULT_PERCENT),
        env_files=file.search,
    )
    return settings, reader


def _origin(environ: Mapping[str, str], file: EnvFile, trigger: str) -> str:
    """Where the address of the database comes from, and why none is made there: for a person."""
    if "DATABASE_URL" in environ:
        origin = "DATABASE_URL is set in the environment."
    elif "DATABASE_URL" in file.values:
        origin = f"DATABASE_URL is set in {file.path}."
    else:
        origin = "DATABASE_URL is not set, so this is the default."
    searched = f"The .env file was looked for: {file.search}."
    by_cron = "No command makes a database while TRCPOINTS_TRIGGER is scheduled."
    return "\n".join([origin, searched, *([by_cron] if trigger == "scheduled" else [])])


def environment(environ: Mapping[str, str], env_file: Path | None = None) -> dict[str, str]:
    """All variables: those of `environ` over those of the first `.env` there is.

    Raises ConfigurationInvalid where the file cannot be read.
    """
    return {**read_env_file(env_file).values, **environ}


def _read_alerts(reader: _Reader, secrets: frozenset[str]) -> AlertSettings:
    pings = {job: reader.get(f"TRCPOINTS_PING_URL_{job.upper()}", _http_url) for job in PINGED}
    return AlertSettings(
        sentry_dsn=reader.get("SENTRY_DSN", _sentry_dsn),
        sentry_environment=reader.get_or("SENTRY_ENVIRONMENT", _sentry_environment, "production"),
        notify_urls=reader.get_or("TRCPOINTS_NOTIFY_URLS", apprise_urls, ()),
        ping_urls={job: url for job, url in pings.items() if url is not None},
        secrets=secrets,
    )


def database_url(text: str) -> str:
    """The text, if it is the URL of a database; else raises ValueError with what to type."""
    advice = sqlite_address.advise(text)
    if advice is not None:
        raise ValueError(advice)
    shape = (
        "should look like sqlite:///relative.db, sqlite:////absolute.db "
        "or postgresql://user:password@host/name"
    )
    if text[-1] in _QUOTES:
        raise ValueError("ends with a quotation mark; remove it")
    if text.startswith("sqlite:"):
        path = sqlite_path(text)
        if path is None or not path.name or path.name == ":memory:":
            raise ValueError(f"{shape}; the books need a file")
        # Two slashes at the start are kept, and mean what the system likes.
        if "\0" in str(path) or str(path).startswith("//"):
            raise ValueError(shape)
        return text
    if text.startswith(("postgresql://", "postgres://")):
        if not (_POSTGRESQL.fullmatch(text) and _is_encoded_text(text)):
            raise ValueError(
                f"{shape}; in user, password and name write @ as %40, : as %3A, / as %2F, "
                "? as %3F, # as %23 and % as %25"
            )
        return text
    raise ValueError(shape)


def sqlite_path(database_url: str) -> Path | None:
    """The file of a SQLite URL (`sqlite:///relative`, `sqlite:////absolute`); else None."""
    if not database_url.startswith("sqlite:///"):
        return None
    return Path(unquote(database_url.removeprefix("sqlite:///")))


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{quote(str(path))}"


def has_password(database_url: str) -> bool:
    """Whether a PostgreSQL URL of the settings carries a password."""
    found = _POSTGRESQL.fullmatch(database_url)
    if found is None:
        return False
    names = {part.partition("=")[0] for part in (found["query"] or "").split("&")}
    return bool(found["password"]) or not names.isdisjoint(_SECRETS)


def public_url(database_url: str) -> str:
    """What of a PostgreSQL URL says which database it is, as it is written; fit for a screen.

    Raises ValueError for a URL that the settings refuse.
    """
    found = _POSTGRESQL.fullmatch(database_url)
    if found is None:
        raise ValueError("not a PostgreSQL URL of the settings")
    parts = (found["query"] or "").split("&")
    query = "&".join(part for part in parts if part.partition("=")[0] in _PLACE_IN_QUERY)
    shown = "".join(found[name] or "" for name in ("scheme", "user", "at", "place"))
    return f"{shown}?{query}" if query else shown


class _Reader:
    """Reads variables one by one and collects their names, and what is wrong with them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: list[str] = []
        self.faults: list[SettingFault] = []

    def get(self, name: str, parse: Callable[[str], T], *, empty: str = "") -> T | None:
        """The parsed value; None where the variable is unset, empty or wrong.

        `empty` is the fault of one that is set to nothing, where that could mean two things.
        """
        self.names.append(name)
        text = self._values.get(name, "").strip()
        if not text:
            if empty and name in self._values:
                self._refuse(name, empty)
            return None
        if text[0] in _QUOTES:
            self._refuse(name, "begins with a quotation mark; remove it, and the one at the end")
            return None
        try:
            return parse(text)
        except ValueError as fault:
            # The value itself stays out of the message: it may be a secret.
            self._refuse(name, str(fault))
            return None

    def get_or(self, name: str, parse: Callable[[str], T], default: T, *, empty: str = "") -> T:
        """The parsed value, or the default."""
        value = self.get(name, parse, empty=empty)
        return default if value is None else value

    def default_database_url(self) -> str:
        """SQLite in the user's data folder; a fault, and nothing, where there is none."""
        from platformdirs import user_data_path

        try:
            return sqlite_url(user_data_path("trcpoints", appauthor=False) / "trcpoints.db")
        except RuntimeError:
            self._refuse("DATABASE_URL", "should be set, for this user has no home folder")
            return ""

    def _refuse(self, name: str, reason: str) -> None:
        self.faults.append(SettingFault(name, f"{name}: {reason}"))


def _is_encoded_text(text: str) -> bool:
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return text.isprintable()


def _snowflake(text: str) -> str:
    if not SNOWFLAKE.fullmatch(text):
        raise ValueError("should be the digits of a Discord server id, like 159962941502783488")
    return text


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("should be true or false")


def _http_url(text: str) -> str:
    shape = "should look like https://host/path, without a query"
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(shape) from None
    plain = not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not (plain and port_is_valid):
        raise ValueError(shape)
    return text.rstrip("/")


def header_value(text: str) -> str:
    """The text, if an HTTP header can carry it; else raises ValueError with what it should be."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("should be printable ASCII characters on one line")
    return text


def _page_size(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) or int(text) > 1000:
        raise ValueError("should be a whole number from 1 to 1000; 999 works everywhere")
    return int(text)


def _percent(text: str) -> int:
    """Return the number in a text; raise ValueError unless it is a whole one from 1 to 100."""
    if not re.fullmatch(r"[1-9][0-9]?|100", text, re.ASCII):
        raise ValueError("should be a whole number from 1 to 100")
    return int(text)


def _seconds(text: str) -> float:
    shape = "should be a number of seconds from 0 to 3600"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(shape) from None
    if not 0 <= seconds <= 3600:
        raise ValueError(shape)
    return seconds


def _max_gain(text: str) -> MaxGain:
    word = text.lower()
    if word == "auto":
        return "auto"
    if word == "off":
        return "off"
    is_number = word.isascii() and word.isdigit() and len(word) <= len(str(_MOST_GAIN))
    if not (is_number and 1 <= int(word) <= _MOST_GAIN):
        raise ValueError(
            "should be auto (by time and rate), off, or a whole number of XP from 1 to "
            f"{_MOST_GAIN}: gains above it are held"
        )
    return int(word)


def _trigger(text: str) -> Literal["scheduled", "manual"]:
    if text == "scheduled":
        return "scheduled"
    if text == "manual":
        return "manual"
    raise ValueError("should be scheduled (in the crontab) or manual")


def _log_format(text: str) -> Literal["text", "json"]:
    if text == "text":
        return "text"
    if text == "json":
        return "json"
    raise ValueError("should be text or json")


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("should be the name of a file")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("should be a file's path without ~, for this user has no home") from None


def _host_id(text: str) -> str:
    if not text.isprintable() or len(text) > 100:
        raise ValueError("should be a name of at most 100 characters, one for each machine")
    return text


def _sentry_dsn(text: str) -> str:
    shape = "should look like https://key@host/project, as Sentry shows it"
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(shape) from None
    named = parts.hostname and parts.username and parts.path.rpartition("/")[2].isdigit()
    if parts.scheme not in {"http", "https"} or not (named and port_is_valid):
        raise ValueError(shape)
    return text


def _sentry_environment(text: str) -> str:
    if not re.fullmatch(r"[^\s/]{1,64}", text) or text == "None":
        raise ValueError("should be a name of at most 64 characters, without spaces and slashes")
    return text


def apprise_urls(text: str) -> tuple[str, ...]:
    """The addresses of Apprise in a text; raises ValueError with what they should look like."""
    urls = tuple(text.split())
    if not all(re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", url) for url in urls):
        raise ValueError(
            "should be addresses of Apprise with spaces between them, like "
            "mailto://user:password@example.org; in them write a space as %20"
        )
    return urls
