"""The `.env` file: where it is looked for, what it says, and which of its lines are no settings.

A line that is passed over in silence lets the program use other books, or none of what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from trcpoints.errors import ConfigurationInvalid

PREFIXES = (
    "DATABASE_",
    "DISCORD_GUILD",
    "FEDERATION_",
    "MASS_CHANGE_",
    "MEE6_",
    "SENTRY_",
    "TRCPOINTS_",
)
"""How our settings begin. Other names belong to connectors and to other programs."""

_ALMOST_THE_SAME = 0.9
"""Of `difflib`: one wrong, missing or added letter in a name of a dozen."""

_SIMILAR = 0.8

_NAME = re.compile(r"\w+", re.ASCII)
_KEYWORDS = frozenset({"SET", "EXPORT", "ENV", "LET"})
_OPEN_QUOTE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*[\"']", re.ASCII)


class SettingFault(NamedTuple):
    """What is wrong, in one line, and the setting that it concerns; empty where none is known."""

    setting: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the file and the line on which it begins.

    `name` and `value` are None where it is not understood. `text` may have secrets in it.
    """

    line: int
    name: str | None
    value: str | None
    text: str


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file that was read, or None; and all that were looked for, up to that one."""

    path: Path | None
    looked_for: tuple[Path, ...] = ()
    statements: tuple[Statement, ...] = field(default=(), repr=False)

    @property
    def values(self) -> dict[str, str]:
        """The variables that it sets."""
        return {
            one.name: one.value
            for one in self.statements
            if one.name is not None and one.value is not None
        }

    @property
    def search(self) -> str:
        """Where it was looked for, and whether it was found, for a person."""
        if not self.looked_for:
            return "nowhere, for this user has no folder for settings"
        return ", ".join(
            f"{path} ({'read' if path == self.path else 'not found'})" for path in self.looked_for
        )


def read_env_file(named: Path | None) -> EnvFile:
    """Read the file that was named, else `.env` in the working directory, else in the user's
    configuration folder.

    Raises ConfigurationInvalid where it cannot be read; one that was not named may be missing.
    """
    path, looked_for = _find(named)
    if path is None:
        return EnvFile(None, looked_for)
    from dotenv.parser import parse_stream

    try:
        # Some editors begin a file with a byte order mark, which would be part of the first name.
        with path.open(encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not text in UTF-8"
        hint = "Check the file" if named is None else "Check the name after --env-file"
        raise ConfigurationInvalid([f"{path} cannot be read: {reason}"], hint=f"{hint}.") from fault
    statements = tuple(
        Statement(
            line=one.original.line + _blank_lines_before(one.original.string),
            name=None if one.value is None else one.key,
            value=one.value,
            text=one.original.string,
        )
        for one in bindings
        if one.error or one.key is not None
    )
    return EnvFile(path, looked_for, statements)


def find_faults(
    file: EnvFile, settings: Collection[str], federation_config: Path | None
) -> Iterator[SettingFault]:
    """Each statement that sets nothing; names and lines, never a value.

    `settings` are the names there are. What `federation_config` names is a connector's.
    """
    lines: dict[str, int] = {}
    for one in file.statements:
        found = _find_fault(one, settings, federation_config)
        if found is None and one.name is not None and one.name in settings:
            before = lines.setdefault(one.name, one.line)
            if before != one.line:
                found = SettingFault(one.name, f"{one.name} is set in line {before} already")
        if found is not None:
            yield SettingFault(found.setting, f"{file.path}, line {one.line}: {found.text}")


def find_unknown(
    names: Iterable[str], settings: Collection[str], federation_config: Path | None
) -> Iterator[SettingFault]:
    """Each name that looks like one of our settings and is neither that nor a connector's."""
    for name in names:
        if name in settings or not _looks_like_ours(name, settings):
            continue
        if names_secret(federation_config, name):
            continue
        # Whatever else may stand before an equals sign could be a part of a secret.
        shown = name if _is_shown(name, settings) else "the name"
        setting = _nearest(name, settings)
        advice = f"; did you mean {setting}?" if setting else ""
        yield SettingFault(setting, f"{shown} is no setting{advice}")


def _is_shown(name: str, settings: Collection[str]) -> bool:
    """Whether a name can be no more than that, and not a setting with its value behind it."""
    is_name = bool(_NAME.fullmatch(name)) and name in (name.upper(), name.lower())
    has_more = any(name.upper().startswith(one) and len(name) > len(one) + 3 for one in settings)
    return is_name and not has_more


def names_secret(federation_config: Path | None, name: str) -> bool:
    """Whether the file of the federations names this variable, as it does for secrets.

    Its text is searched: a fault elsewhere in it is none of this variable's. Where it cannot be
    read, which the commands of federations and `doctor` say, it may.
    """
    if federation_config is None:
        return False
    try:
        text = federation_config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return any(f"{mark}{name}{mark}" in text for mark in "\"'")


def _find_fault(
    one: Statement, settings: Collection[str], federation_config: Path | None
) -> SettingFault | None:
    if one.name is None or one.value is None:
        return _not_understood(one.text, settings)
    unknown = next(find_unknown([one.name], settings, federation_config), None)
    if unknown is not None:
        return unknown
    if not one.name.isprintable():
        return SettingFault("", "this line is not understood; it should be NAME=value in UTF-8")
    inner = re.search(rf"^\s*(?:export\s+)?({'|'.join(settings)})\s*=", one.value, re.MULTILINE)
    if inner is not None:
        return SettingFault(
            inner[1], f"the value has a line {inner[1]}=… in it; is a quotation mark missing?"
        )
    return None


def _not_understood(text: str, settings: Collection[str]) -> SettingFault:
    """Name the setting that was meant, if the line begins with one; of the rest show nothing."""
    words = (word for word in _NAME.findall(text) if word.upper() not in _KEYWORDS)
    setting = _nearest(next(words, ""), settings, _SIMILAR)
    quoted = _OPEN_QUOTE.match(text)
    if quoted:
        told = f"{quoted[1]}: a quotation mark is missing, or something follows the second one"
        return SettingFault(setting, told)
    return SettingFault(
        setting, f"this line is not understood; it should be {setting or 'NAME'}=value"
    )


def _looks_like_ours(name: str, settings: Collection[str]) -> bool:
    words = [word.upper() for word in _NAME.findall(name)]
    if any(word.startswith(PREFIXES) for word in words):
        return True
    return bool(_nearest("_".join(words), settings, _ALMOST_THE_SAME))


def _nearest(name: str, settings: Collection[str], cutoff: float = 0.6) -> str:
    """The setting whose name is most like it, or nothing where none is."""
    import difflib

    return next(iter(difflib.get_close_matches(name.upper(), settings, n=1, cutoff=cutoff)), "")


def _blank_lines_before(text: str) -> int:
    blank = text[: len(text) - len(text.lstrip())]
    return len(re.findall(r"\r\n|\n|\r", blank))


def _find(named: Path | None) -> tuple[Path | None, tuple[Path, ...]]:
    if named is not None:
        return named, (named,)
    looked_for: list[Path] = []
    for path in _places():
        looked_for.append(path)
        if _is_there(path):
            return path, tuple(looked_for)
    return None, tuple(looked_for)


def _places() -> Iterator[Path]:
    local = Path(".env")
    try:
        yield local.absolute()
    except OSError:  # the working directory is gone
        yield local
    from platformdirs import user_config_path

    try:
        yield user_config_path("trcpoints", appauthor=False) / ".env"
    except RuntimeError:  # nobody knows where this user's folders are
        return


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a folder that may not be searched, among others
        return False
