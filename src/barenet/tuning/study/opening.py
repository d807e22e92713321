"""Open a study: write down what is asked, so that the search can go on later, and open Optuna's record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tomli_w

from barenet.config.comparing import differing_settings, setting_of
from barenet.config.sources import stored_settings
from barenet.errors import BarenetError, ConfigError
from barenet.interrupts import waiting
from barenet.notes import logger
from barenet.run_folders.folder import RunFolder, drop_torn_files
from barenet.storage.files import replace_file, set_aside
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.space.request import ENGINE, FREE, MAY_DIFFER, SearchRequest, make_request
from barenet.tuning.space.space_file import write_space_file
from barenet.tuning.study.folder import StudyFolder

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["open_study", "write_request"]


def open_study(folder: StudyFolder, prepared: PreparedSearch, storage: str | None) -> tuple[PreparedSearch, Ledger]:
    """Write down what is asked, so that the search can go on later on any machine, and open Optuna's record.

    Returns the prepared search with the names under which it is stored. A file that a person has changed is noted, and
    kept under another name.
    """
    request = prepared.request
    with waiting():
        from barenet.tuning.study.databases import hide_password  # here, since they import Optuna
        from barenet.tuning.study.ledger import open_ledger

    if not request.name:
        # In a shared database there may be studies from two folders of the same name.
        suffix = "" if storage is None else f"-{uuid.uuid4().hex[:8]}"
        request = replace(request, name=folder.path.name + suffix)
    shown = request.storage if storage is None else hide_password(storage)
    if storage is None and shown is not None and "***" in shown:
        raise ConfigError(f"the storage {shown} needs its password: give --storage again")
    request = replace(request, storage=shown)
    drop_torn_files(folder.path)
    for path, words in changed_files(folder.path, request, prepared):
        kept = set_aside(path, "changed").name
        logger.info(f"{path} was changed: {words}; the search goes on as it was begun, and the file is kept as {kept}")
    request = write_request(folder, replace(prepared, request=request))
    ledger = open_ledger(storage or shown, folder.path, request.name, prepared.space, request.plan.direction)
    return replace(prepared, request=request), ledger


def write_request(folder: StudyFolder, prepared: PreparedSearch) -> SearchRequest:
    """Write what a study is asked for, as JSON and as TOML; return it with the engine and the path of the data."""
    request = prepared.request
    given = {**request.base.given, ENGINE: prepared.resolved.trainer.engine}
    if prepared.resolved.data.path is not None:
        given["data.path"] = prepared.resolved.data.path
    request = replace(request, base=replace(request.base, given=given))
    folder.write_json(folder.about, request.as_dict())
    replace_file(folder.path / "config.toml", tomli_w.dumps(prepared.resolved.as_tables()))
    replace_file(folder.path / "space.toml", write_space_file(request.table, request.plan, request.base))
    if prepared.data.teacher is not None:
        RunFolder(folder.path).write_teacher(prepared.data.teacher)
    return request


def changed_files(folder: Path, request: SearchRequest, prepared: PreparedSearch) -> Iterator[tuple[Path, str]]:
    """Yield those of config.toml and space.toml that a person has changed, and how."""
    for name, differences in (("config.toml", differences_in_settings), ("space.toml", differences_in_space)):
        path = folder / name
        if path.exists():
            try:
                words = next(differences(path, request, prepared), None)
            except BarenetError as error:
                words = str(error)
            if words is not None:
                yield path, words


def differences_in_settings(path: Path, request: SearchRequest, prepared: PreparedSearch) -> Iterator[str]:
    """Yield how a study's config.toml differs from the settings that its trials start from."""
    stored = stored_settings(path)
    for name in differing_settings(prepared.resolved, stored):
        if name not in MAY_DIFFER:
            yield f"{name} is {setting_of(stored, name)}, and was {setting_of(prepared.resolved, name)}"


def differences_in_space(path: Path, request: SearchRequest, prepared: PreparedSearch) -> Iterator[str]:
    """Yield how a study's space.toml differs from what it was asked for."""
    other = make_request(path, None, None, {})
    yield from (f"the study {words}" for words in request.differences(other))
    for name, mine in request.plan.model_dump().items():
        now = getattr(other.plan, name)
        if name not in FREE and now != mine:
            yield f"search.{name} is {now}, and was {mine}"
