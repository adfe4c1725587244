"""The Hugging Face hub, through its own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from tqdm import tqdm

from ftc_runtime.errors import StageError
from ftc_runtime.sources.repository import Listing, RemoteFile, Repository


class HuggingFace:
    """The hub at HF_ENDPOINT, with the token of HF_TOKEN or of `hf auth login`."""

    def listing(self, repository: Repository, revision: str | None) -> Listing:
        """Return the commit that a revision is at, and its files."""
        api = HfApi()
        with told(repository, revision):
            info = api.repo_info(repository.name, revision=revision, repo_type=repository.kind)
            tree = list(
                api.list_repo_tree(
                    repository.name, revision=info.sha, recursive=True, repo_type=repository.kind
                )
            )
        files = tuple(_remote(entry) for entry in tree if isinstance(entry, RepoFile))
        return Listing(str(info.sha), files)

    def fetch(
        self,
        repository: Repository,
        file: RemoteFile,
        *,
        commit: str,
        folder: Path,
        received: Callable[[int], None],
    ) -> Path:
        """Download a file. The client goes on where a cut connection left it."""
        with told(repository, commit):
            path = hf_hub_download(
                repository.name,
                file.path,
                repo_type=repository.kind,
                revision=commit,
                local_dir=folder,
                tqdm_class=_bar(received),
            )
        return Path(path)


def _remote(entry: RepoFile) -> RemoteFile:
    digest = f"sha256:{entry.lfs.sha256}" if entry.lfs else f"git:{entry.blob_id}"
    return RemoteFile(entry.path, entry.size, digest)


def _bar(received: Callable[[int], None]) -> type[Any]:
    """Return a progress bar that shows nothing and passes on what arrives."""

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            received(int(n or 0))
            return None

    return Bar


@contextmanager
def told(repository: Repository, revision: str | None) -> Iterator[None]:
    """Turn the client's errors into what the user can do about them."""
    name = repository.shown
    try:
        yield
    except GatedRepoError as error:
        raise StageError(
            f"{name} is gated: access must be asked for",
            f"Accept its terms at {_page(repository)} and set HF_TOKEN",
        ) from error
    except RevisionNotFoundError as error:
        raise StageError(f"{name} has no revision {revision}", "Check the revision") from error
    except RepositoryNotFoundError as error:
        raise StageError(
            f"{name} is not there, or it is private",
            f"Check the name; for a private {repository.kind} set HF_TOKEN",
        ) from error
    except RemoteEntryNotFoundError as error:
        raise StageError(f"{name} has lost a file since it was pinned: {_line(error)}") from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise StageError(
            f"{name} cannot be reached: {_line(error)}", "Check the network and HF_ENDPOINT"
        ) from error
    except HfHubHTTPError as error:
        raise StageError(f"{name}: the hub answers {_line(error)}", _hint(error)) from error
    except (httpx2.HTTPError, ConnectionError) as error:
        raise StageError(
            f"{name} cannot be reached: {_line(error)}", "Check the network and HF_ENDPOINT"
        ) from error
    except OSError as error:
        # The client's own consistency check has no class of its own.
        if "Consistency check failed" not in str(error):
            raise
        raise StageError(f"{name}: {_line(error)}", "Build again to go on") from error


def _page(repository: Repository) -> str:
    return f"{HfApi().endpoint}/{repository.shown.removeprefix('hf://')}"


def _hint(error: HfHubHTTPError) -> str:
    status = error.response.status_code if error.response is not None else 0
    return "Check HF_TOKEN" if status in (401, 403) else "Try again later"


def _line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0].partition(". ")[0] if text else type(error).__name__
