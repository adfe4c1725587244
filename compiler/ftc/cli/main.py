"""The entry point: finds the command, imports it alone, turns what it raises into an exit code."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from importlib import import_module

from ftc.cli.console import Console
from ftc.cli.exits import Exit

COMMANDS = {
    "init": "start a project here, or copy a recipe",
    "check": "find every mistake in project.yaml",
    "plan": "show what a build would run, and why",
    "preview": "show rows as they are trained",
    "build": "build targets; without one, all exports and evals",
    "status": "show what is fresh and what is stale",
    "compare": "show how models differ, score and trained, side by side",
    "why": "explain why a target would be rebuilt",
    "show": "tell how a file or a result was made, back to the data",
    "diff": "compare two states of ftc.lock, or two results",
    "lock": "write ftc.lock without building, check it, upgrade it",
    "log": "show what a stage said when it ran",
    "push": "put results into the remotes that may be written",
    "pull": "fetch results from the remotes, without running anything",
    "graph": "draw the stages and what they need",
    "verify": "read the store again; --repair mends it",
    "gc": "find what nobody uses in the store; --delete deletes it",
    "doctor": "look at this machine, or at a model",
    "completion": "print a completion script for bash, zsh or fish",
    "version": "print versions",
}

USAGE = """\
usage: ftc COMMAND [TARGET...] [options]

ftc, the fine-tune compiler: builds what project.yaml describes, and only what is stale.

{commands}

  ftc COMMAND --help   options of one command
  -C DIR               work in DIR
  --json               one JSON record a line, on every command

examples:
  ftc build merged-gguf
  ftc status
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    console = Console()
    # A command of 80 ms would spend 3 of them here; a build turns it on again.
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return int(_dispatch(words, console))
    except KeyboardInterrupt:
        console.talk("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # `ftc status | head`: the reader has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:
        return _failed(error, console)
    finally:
        console.close()
        if was_collecting:
            gc.enable()


def _dispatch(words: list[str], console: Console) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        return _help(words[1:], console)
    if words[0] == "--version":
        words = ["version"]
    name = words[0] if words[0] in COMMANDS else _moved_behind(words)
    if name is None:
        return _unknown(words[0], console)
    module = import_module(f"ftc.cli.commands.{name}")
    parser = argparse.ArgumentParser(
        prog=f"ftc {name}",
        description=module.__doc__,
        epilog=getattr(module, "EXAMPLES", None),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    shared_arguments(parser)
    module.add_arguments(parser)
    arguments = parser.parse_args(words[1:])
    console.configure(json=arguments.json, color=arguments.color, quiet=arguments.quiet)
    if arguments.directory:
        os.chdir(arguments.directory)
    return int(module.run(arguments, console))


class _Help(argparse.RawDescriptionHelpFormatter):
    """Text as it is written, at a width that is given: finding out the terminal's takes 3 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def _moved_behind(words: list[str]) -> str | None:
    """`ftc -C dir status`: put the command first, the options behind it."""
    for index, word in enumerate(words):
        if word in COMMANDS and words[0].startswith("-"):
            words.insert(0, words.pop(index))
            return word
    return None


def shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what every command takes."""
    shared = parser.add_argument_group("everywhere")
    shared.add_argument("-C", dest="directory", metavar="DIR", help="work in DIR")
    shared.add_argument("--json", action="store_true", help="one JSON record a line")
    shared.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    shared.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")


def _help(words: list[str], console: Console) -> int:
    if words and words[0] in COMMANDS:
        return _dispatch([words[0], "--help"], console)
    if words:
        return _unknown(words[0], console)
    rows = "\n".join(f"  {name:<12}{summary}" for name, summary in COMMANDS.items())
    console.data(USAGE.format(commands=rows).rstrip())
    return Exit.DONE


def _unknown(word: str, console: Console) -> int:
    from ftc.diagnostics import did_you_mean

    guess = did_you_mean(word, COMMANDS)
    hint = f"did you mean `ftc {guess}`?" if guess else "`ftc --help` lists the commands"
    console.error("unknown-command", f"there is no command `{word}`", hint)
    return Exit.USAGE


def _failed(error: Exception, console: Console) -> int:
    from ftc.diagnostics import ProjectError

    if isinstance(error, ProjectError):
        console.project_error(error)
        return Exit.USAGE
    if isinstance(error, OSError) and error.filename is not None:
        console.error("os", f"{error.filename}: {error.strerror}", None)
        return Exit.FAILED
    console.bug(error)
    return Exit.BUG
