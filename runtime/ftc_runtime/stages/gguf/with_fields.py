"""Runs llama.cpp's converter with more fields in its file: `with_fields.py FIELDS SCRIPT ARGS...`.

FIELDS is JSON: name -> text or whole number. The converter takes none but its own, and adding them
afterwards would copy the whole file. A process of its own: the converter's `gguf` is not the one
of this environment.
"""

import json
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path


def main(fields: Mapping[str, str | int], script: Path, arguments: list[str]) -> None:
    """Let the converter's writer add *fields* right before it writes the header."""
    # As if the script had been started by its own name: `conversion` and `gguf` are beside it.
    sys.path[0] = str(script.parent)
    sys.path.insert(1, str(script.parent / "gguf-py"))
    from gguf import GGUFWriter

    write_header = GGUFWriter.write_header_to_file

    def with_fields(self: GGUFWriter, path: Path | None = None) -> None:
        for name, value in fields.items():
            if isinstance(value, int):
                self.add_uint32(name, value)
            else:
                self.add_string(name, value)
        write_header(self, path)

    GGUFWriter.write_header_to_file = with_fields
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
