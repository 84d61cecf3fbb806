"""How commands are declared: with the same common options everywhere, imported when called."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import OptionInfo

from trcpoints.cli.session import session_of

Function = TypeVar("Function", bound=Callable[..., object])


class Command(TyperCommand):
    """A command that the help of wrong usage can name."""

    # Any, here and below: Typer's own type of a context has no public name.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand the command line."""
        session_of(ctx).command_path = ctx.command_path
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """A group that the help of wrong usage can name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand the command line, up to the name of a command."""
        session_of(ctx).command_path = ctx.command_path
        return super().parse_args(ctx, args)


class LazyGroup(TyperGroup):
    """A group that imports a command's module when the command is called, not before."""

    # name -> (module with an `app`, what --help says of it)
    lazy: ClassVar[dict[str, tuple[str, str]]] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, its module imported."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        command = typer.main.get_command(importlib.import_module(self.lazy[name][0]).app)
        command.name = name
        return name, command, rest


def build_app(commands: type[LazyGroup]) -> typer.Typer:
    """Build the app of a lazy group: its stand-ins are what --help lists and a typo may mean."""
    app = typer.Typer(cls=commands)
    for name, (_, summary) in commands.lazy.items():
        app.command(name, help=summary)(lambda: None)
    return app


def command(
    app: typer.Typer, name: str | None = None, *, example: str
) -> Callable[[Function], Function]:
    """Declare a command of a group; its help ends with the example."""

    def declare(function: Function) -> Function:
        decorate = app.command(name, cls=Command, epilog=f"Example: {example}")
        decorate(_add_common_options(function))
        return function

    return declare


def group(summary: str, *, example: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(cls=Group, help=summary, epilog=f"Example: {example}", add_completion=False)


def bare(app: typer.Typer, *, example: str) -> Callable[[Function], Function]:
    """Declare what a group does when it is called without a command."""

    def declare(function: Function) -> Function:
        decorate = app.callback(invoke_without_command=True, epilog=f"Example: {example}")
        decorate(_add_common_options(function))
        return function

    return declare


def single() -> typer.Typer:
    """The app of a module that holds one command."""
    return typer.Typer(add_completion=False)


def _add_common_options(function: Callable[..., object]) -> Callable[..., None]:
    """Give a function the common options: Typer reads them off its signature."""
    own = inspect.signature(_evaluate_annotations(function))

    @functools.wraps(function)
    def run(context: typer.Context, **values: Any) -> None:
        session_of(context).start_logging()
        function(context, **{name: values[name] for name in values if name not in _COMMON})

    parameters = [*own.parameters.values(), *_COMMON.values()]
    for parameter in parameters:
        _hide_type_of_flag(parameter)
    vars(run)["__signature__"] = own.replace(parameters=parameters)
    return run


def _hide_type_of_flag(parameter: inspect.Parameter) -> None:
    """Keep --help from showing `<bool>` beside a flag, as Typer 0.29 does: it takes no value."""
    kind, *notes = get_args(parameter.annotation) or (None,)
    for note in notes:
        if kind is bool and isinstance(note, OptionInfo):
            note.metavar = ""


def _evaluate_annotations(function: Function) -> Function:
    """Evaluate the annotations of a function once; Typer would each time that it reads them."""
    function.__annotations__ = inspect.get_annotations(function, eval_str=True)
    return function


@_evaluate_annotations
def _remember(context: typer.Context, option: typer.CallbackParam, value: Any) -> None:
    """Set a field of the session at once: it decides how wrong usage further on is shown.

    An option may be given to the group and be absent from its command.
    """
    if value:
        setattr(session_of(context), str(option.name), value)


_SHARED: dict[str, Any] = {
    "callback": _remember,
    "is_eager": True,
    "rich_help_panel": "Common options",
}


@_evaluate_annotations
def _common_options(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout.", **_SHARED)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing when all is well.", **_SHARED)
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            metavar="",  # it takes no value, whatever Typer says of one that is counted
            show_default=False,
            help="Say more on stderr; twice for every request.",
            **_SHARED,
        ),
    ] = 0,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Read the settings from this file instead of .env.",
            **_SHARED,
        ),
    ] = None,
) -> None:
    """Declare the options that every command has; each is a field of the session."""


_COMMON = inspect.signature(_common_options).parameters
