"""How commands are declared: with the same common options everywhere, imported when called."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import typer

# Typer has it without exporting it: the base of BadParameter and its like.
from typer._click.exceptions import UsageError
from typer.core import TyperCommand, TyperGroup, TyperOption

from trcpoints.cli.session import Session, session_of

if TYPE_CHECKING:
    # Typer hands these to its subclasses without exporting them.
    from typer._click.core import Command as ClickCommand
    from typer._click.core import Context as ClickContext

Function = TypeVar("Function", bound=Callable[..., object])

_COMMON_PANEL = "Common options"


class CommonCommand(TyperCommand):
    """A command that takes --json, --quiet, --verbose and --env-file, as every one does."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.params.extend(_common_options())

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Understand the command line."""
        with _faults_of(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: ClickContext) -> object:
        """Run the command, with logs as its options ask for them."""
        cast("Session", ctx.obj).start_logging()
        with _faults_of(ctx):
            return super().invoke(ctx)


class CommonGroup(TyperGroup):
    """A group that is a command too when it is called bare, with the same common options."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.params.extend(_common_options())

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Understand the command line, up to the name of a command."""
        with _faults_of(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: ClickContext) -> object:
        """Run the group or its command, with logs as the options ask for them."""
        cast("Session", ctx.obj).start_logging()
        with _faults_of(ctx):
            return super().invoke(ctx)


class LazyGroup(TyperGroup):
    """A group that imports a command's module when the command is called, not before."""

    # name -> (module with an `app`, what --help says of it)
    lazy: ClassVar[dict[str, tuple[str, str]]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Stand-ins, for the list of --help and for suggestions after a typo.
        for name, (_, summary) in self.lazy.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(
        self, ctx: ClickContext, args: list[str]
    ) -> tuple[str | None, ClickCommand | None, list[str]]:
        """The command itself, its module imported."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        command = typer.main.get_command(importlib.import_module(self.lazy[name][0]).app)
        command.name = name
        return name, command, rest


def command(
    app: typer.Typer, name: str | None = None, *, example: str
) -> Callable[[Function], Function]:
    """Declare a command of a group; its help ends with the example."""
    return app.command(name, cls=CommonCommand, epilog=f"Example: {example}")


def group(summary: str, *, example: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=summary, epilog=f"Example: {example}", add_completion=False)


def bare(app: typer.Typer, *, example: str) -> Callable[[Function], Function]:
    """Declare what a group does when it is called without a command."""
    return app.callback(cls=CommonGroup, invoke_without_command=True, epilog=f"Example: {example}")


def single() -> typer.Typer:
    """The app of a module that holds one command."""
    return typer.Typer(add_completion=False)


@contextmanager
def _faults_of(context: ClickContext) -> Iterator[None]:
    """Let usage errors of the block know which command they are about: its help is the way on."""
    try:
        yield
    except UsageError as fault:
        fault.ctx = fault.ctx or context
        raise


def _common_options() -> list[TyperOption]:
    def remember(attribute: str) -> Callable[[typer.Context, Any, Any], None]:
        def callback(context: typer.Context, _option: Any, value: Any) -> None:
            if value:
                setattr(session_of(context), attribute, value)

        return callback

    common: dict[str, Any] = {
        "expose_value": False,
        "is_eager": True,
        "rich_help_panel": _COMMON_PANEL,
    }
    return [
        TyperOption(
            param_decls=["--json"],
            is_flag=True,
            help="Print one JSON document on stdout.",
            callback=remember("json"),
            **common,
        ),
        TyperOption(
            param_decls=["--quiet", "-q"],
            is_flag=True,
            help="Print nothing when all is well.",
            callback=remember("quiet"),
            **common,
        ),
        TyperOption(
            param_decls=["--verbose", "-v"],
            count=True,
            metavar="",  # it takes no value, whatever Typer says of one that is counted
            help="Say more on stderr; twice for every request.",
            callback=remember("verbose"),
            **common,
        ),
        TyperOption(
            param_decls=["--env-file"],
            type=Path,
            metavar="FILE",
            help="Read the settings from this file instead of .env.",
            callback=remember("env_file"),
            **common,
        ),
    ]
