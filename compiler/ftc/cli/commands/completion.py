"""Print a completion script; it knows commands, options and the targets of the project at hand."""

from __future__ import annotations

import argparse

from ftc.cli.console import Console
from ftc.cli.exits import Exit

EXAMPLES = """\
to install:
  bash:  ftc completion bash >> ~/.bashrc
  zsh:   ftc completion zsh > ~/.zfunc/_ftc
  fish:  ftc completion fish > ~/.config/fish/completions/ftc.fish"""

SCRIPTS = {
    "bash": """\
_ftc() {
    local line=${COMP_LINE:0:COMP_POINT} words word mark
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[-1]}
    mapfile -t COMPREPLY < <(ftc completion --words "${words[@]:1}" 2>/dev/null)
    # Targets hold signs at which bash splits a word: it wants what comes behind the last of them.
    for mark in : @ =; do
        if [[ $COMP_WORDBREAKS == *$mark* && $word == *$mark* ]]; then
            COMPREPLY=("${COMPREPLY[@]#"${word%$mark*}$mark"}")
            word=${word##*$mark}
        fi
    done
}
complete -o default -F _ftc ftc""",
    "zsh": """\
#compdef ftc
_ftc() {
    local -a found
    found=("${(@f)$(ftc completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -- $found
}
compdef _ftc ftc""",
    "fish": """\
complete -c ftc -f -a \
    '(ftc completion --words (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'""",
}

TAKE_NAMES = ("build", "plan", "status", "why", "show", "graph", "log", "compare", "preview")
"""The commands that take targets or stages."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), nargs="?", help="which shell")
    parser.add_argument("--words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a script, or what could come next on a line."""
    if arguments.words is not None:
        console.data("\n".join(sorted(_next(arguments.words))))
        return Exit.DONE
    if not arguments.shell:
        console.error("usage", "which shell?", "`ftc completion bash`, zsh or fish")
        return Exit.USAGE
    console.data(SCRIPTS[arguments.shell])
    return Exit.DONE


def _next(words: list[str]) -> list[str]:
    from ftc.cli.main import COMMANDS

    word = words[-1] if words else ""
    if len(words) <= 1:
        known = list(COMMANDS)
    elif word.startswith("-"):
        known = _options(words[0])
    else:
        known = _names(words[0])
    return [name for name in known if name.startswith(word)]


def _options(command: str) -> list[str]:
    from importlib import import_module

    from ftc.cli.main import COMMANDS, shared_arguments

    if command not in COMMANDS:
        return []
    parser = argparse.ArgumentParser()
    shared_arguments(parser)
    import_module(f"ftc.cli.commands.{command}").add_arguments(parser)
    return [
        option
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for option in action.option_strings
    ]


def _names(command: str) -> list[str]:
    """Targets and stages, for the commands that take them; none where there is no project."""
    from ftc.cli.workspace import open_workspace
    from ftc.diagnostics import ProjectError

    if command not in TAKE_NAMES:
        return []
    try:
        workspace = open_workspace()
    except (ProjectError, OSError):
        return []
    return workspace.words()
