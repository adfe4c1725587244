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
    local word=${COMP_WORDS[COMP_CWORD]} before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    # A colon splits words for bash, and targets hold colons: look at the line as ftc sees it.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local words cword
        _get_comp_words_by_ref -n : cur words cword
        word=$cur before=("${words[@]:1:cword-1}")
    fi
    mapfile -t COMPREPLY < <(ftc completion --words "${before[@]}" "$word" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$word"
    fi
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

    if command not in ("build", "plan", "status", "why", "show", "graph", "log"):
        return []
    try:
        plan = open_workspace().plan
    except (ProjectError, OSError):
        return []
    return [*plan.targets, *plan.stages]
