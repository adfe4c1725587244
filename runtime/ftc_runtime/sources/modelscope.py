"""The ModelScope hub, through its own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ftc_runtime.errors import StageError
from ftc_runtime.sources.repository import Listing, RemoteFile, Repository

try:
    import modelscope_hub
    from modelscope_hub.errors import (
        AuthenticationError,
        FileIntegrityError,
        HubError,
        NotExistError,
        PermissionDeniedError,
    )
except ModuleNotFoundError as missing:
    raise StageError(
        "an ms:// source needs ModelScope's client, which is not installed",
        "pip install modelscope-hub",
    ) from missing


class ModelScope:
    """The hub at MODELSCOPE_ENDPOINT, with the token of MODELSCOPE_API_TOKEN or of its login."""

    def listing(self, repository: Repository, revision: str | None) -> Listing:
        """Return the files of a revision, and the newest commit that changed one of them.

        The hub's listing names no commit of its own. The newest one among the files holds every
        file as it is now, which is all that a pin is for.
        """
        with told(repository, revision):
            entries = modelscope_hub.HubApi().legacy.list_repo_files(
                repository.name, repository.kind, revision=revision or "master"
            )
        blobs = [entry for entry in entries if entry.get("Type") != "tree"]
        if not blobs:
            raise StageError(f"{repository.shown} has no files", "Check the name")
        newest = max(blobs, key=lambda entry: (entry.get("CommittedDate") or 0, entry["Path"]))
        return Listing(
            str(newest["Revision"]), tuple(_remote(repository, entry) for entry in blobs)
        )

    def fetch(
        self,
        repository: Repository,
        file: RemoteFile,
        *,
        commit: str,
        folder: Path,
        received: Callable[[int], None],
    ) -> Path:
        """Download a file. The client goes on where an earlier run left it."""
        with told(repository, commit):
            path = modelscope_hub.HubApi().downloader.download_file(
                repository.name,
                repository.kind,
                file.path,
                revision=commit,
                local_dir=folder,
                file_size=file.size,
                progress_callbacks=[_callback(received)],
            )
        return Path(path)


def _remote(repository: Repository, entry: dict[str, Any]) -> RemoteFile:
    if not entry.get("Sha256"):
        raise StageError(
            f"{repository.shown} gives no digest for {entry['Path']}, so it cannot be pinned",
            "Bring it here and write a path",
        )
    return RemoteFile(entry["Path"], int(entry["Size"]), f"sha256:{entry['Sha256']}")


def _callback(received: Callable[[int], None]) -> type[Any]:
    class Callback(modelscope_hub.ProgressCallback):  # type: ignore[misc]
        def update(self, size: int) -> None:
            received(size)

    return Callback


@contextmanager
def told(repository: Repository, revision: str | None) -> Iterator[None]:
    """Turn the client's errors into what the user can do about them."""
    name = repository.shown
    try:
        yield
    except (AuthenticationError, PermissionDeniedError) as error:
        raise StageError(
            f"{name} is not open to you", "Ask for access on its page and set MODELSCOPE_API_TOKEN"
        ) from error
    except NotExistError as error:
        where = f" at the revision {revision}" if revision else ""
        raise StageError(
            f"{name} is not there{where}, or it is private",
            f"Check the name; for a private {repository.kind} set MODELSCOPE_API_TOKEN",
        ) from error
    except FileIntegrityError as error:
        raise StageError(f"{name}: a file is not what was pinned: {error}") from error
    except (HubError, ConnectionError) as error:
        raise StageError(
            f"{name} cannot be reached: {str(error).splitlines()[0]}",
            "Check the network and MODELSCOPE_ENDPOINT",
        ) from error
