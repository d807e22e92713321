"""Optuna's record of a study, kept for its dashboard and its other tools: SQLite in the study's folder, or a database.

The study's own files are the truth, and Optuna is told from them. A trial is enqueued under its own number and asked
for at once, and is told when it is done. A search that goes on first brings the record up to date: what a killed
coordinator left behind is told from the files, or goes on running.
"""

from __future__ import annotations

import socket
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from barenet.errors import ConfigError, MachineError
from barenet.messages import one_line
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.plan import Direction
from barenet.tuning.space.sampling import quiet_optuna, suggest
from barenet.tuning.space.search_space import Space

__all__ = ["Ledger", "hide_password", "open_ledger"]

NUMBER = "trial"  # the user attribute that holds our own number of a trial
CONNECT_SECONDS = 8
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "mysqldb": "mysqlclient"}  # of drivers
REPORTS = 20  # most points of a learning curve that are told for a rung


class Ledger:
    """Optuna's study, and which of its trials are ours; a failing database is one clear MachineError."""

    def __init__(self, study: Any, space: Space, shown_url: str) -> None:
        self.study, self.space, self.shown_url = study, space, shown_url
        trials = self.trials()
        ours = {trial.user_attrs[NUMBER]: trial for trial in trials if NUMBER in trial.user_attrs}
        self.numbers = {number: trial.number for number, trial in ours.items()}  # ours to Optuna's
        self.finished = {number for number, trial in ours.items() if trial.state.is_finished()}
        for trial in ours.values():
            if trial.state == TrialState.RUNNING:
                self.complete(trial)  # a coordinator was killed between asking and setting the values
        for _ in range(sum(trial.state == TrialState.WAITING for trial in trials)):
            self.take_enqueued()  # a coordinator was killed between enqueueing and asking

    def trials(self) -> list[FrozenTrial]:
        """Return all trials of the record."""
        trials: list[FrozenTrial] = self.guard(lambda: self.study.get_trials(deepcopy=False))
        return trials

    def guard(self, action: Any) -> Any:
        """Return what an action on the storage gives; name the storage, and how to go on, if it fails."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return action()
        except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
            reason = one_line(error.__cause__ or error, 200)
            raise MachineError(f"the storage {self.shown_url} failed: {reason}; go on with --resume") from None

    def start(self, number: int, point: Point) -> None:
        """Record a trial as running, unless it is recorded already."""
        if number in self.numbers:
            return
        # Not `skip_if_exists`: it takes real numbers that differ by 1e-5 for equal. Our own numbers are exact.
        self.guard(lambda: self.study.enqueue_trial(point, user_attrs={NUMBER: number}))
        while number not in self.numbers:
            self.take_enqueued()

    def complete(self, trial: FrozenTrial) -> None:
        """Set what a trial that was enqueued still lacks of its values."""
        self.guard(lambda: suggest(Trial(self.study, trial._trial_id), self.space))

    def take_enqueued(self) -> None:
        """Ask for a trial that was enqueued."""
        trial = self.guard(self.study.ask)
        self.guard(lambda: suggest(trial, self.space))
        if NUMBER not in trial.user_attrs:
            raise MachineError(f"another process takes trials of this study out of {self.shown_url}; end it")
        self.numbers[trial.user_attrs[NUMBER]] = trial.number

    def report(self, number: int, scores: Mapping[int, float]) -> None:
        """Tell the scores of a rung by epoch, thinned where there are many."""
        if number in self.finished or not scores:
            return
        storage, trial_id = self.study._storage, self.trial_id(number)
        epochs = sorted(scores)
        thinned = epochs[:: -(-len(epochs) // REPORTS)]
        for epoch in dict.fromkeys([*thinned, epochs[-1]]):
            self.guard(lambda epoch=epoch: storage.set_trial_intermediate_value(trial_id, epoch, scores[epoch]))

    def finish(self, number: int, state: str, value: float | None, about: Mapping[str, Any]) -> None:
        """Tell how a trial ended, once: COMPLETE with its value, PRUNED, or FAIL; `about` goes beside it."""
        if number in self.finished:
            return
        storage, trial_id = self.study._storage, self.trial_id(number)
        for name, what in about.items():
            self.guard(lambda name=name, what=what: storage.set_trial_user_attr(trial_id, name, what))
        values = None if value is None else [value]
        self.guard(lambda: self.study.tell(self.numbers[number], values, state=TrialState[state]))
        self.finished.add(number)

    def trial_id(self, number: int) -> int:
        """Return the storage's own name of a trial of ours."""
        study = self.study
        return int(
            self.guard(
                lambda: study._storage.get_trial_id_from_study_id_trial_number(study._study_id, self.numbers[number])
            )
        )


def open_ledger(url: str | None, folder: Path, name: str, space: Space, direction: Direction) -> Ledger:
    """Open or make Optuna's record of a study: at a URL, or as study.db in its folder.

    Raises:
        MachineError: the database does not answer; says which address, never a password.
        ConfigError: the URL is none, or the driver that it needs is not installed.
    """
    quiet_optuna()
    if url is not None:
        shown, options = check_url(url)
        return Ledger(open_optuna(url, shown, options, name, direction), space, shown)
    path = folder / "study.db"
    own = URL.create("sqlite", database=str(path.absolute())).render_as_string()  # whatever signs the path has
    try:
        return Ledger(open_optuna(own, str(path), {}, name, direction), space, str(path))
    except MachineError:
        if not path.exists():
            raise
        # Killed while it was being made, or damaged since: all that it should hold is in the study's files.
        for damaged in (path, *folder.glob("study.db-*")):
            damaged.unlink(missing_ok=True)
        return Ledger(open_optuna(own, str(path), {}, name, direction), space, str(path))


def open_optuna(url: str, shown: str, options: dict[str, Any], name: str, direction: Direction) -> Any:
    """Return Optuna's study of that name, made if it is not there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = optuna.storages.RDBStorage(url, engine_kwargs=options)
            if url.startswith("sqlite"):
                write_ahead(storage)
            return optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    except ImportError as error:
        raise ConfigError(f"the storage {shown} needs {driver_of(url)} ({one_line(error, 100)})") from None
    except Exception as error:
        raise MachineError(f"cannot open the storage {shown}: {reason_of(error, url)}") from None


def driver_of(url: str) -> str:
    """Return which driver a URL asks for, by name or by SQLAlchemy's default, and how to get it."""
    driver = make_url(url).get_dialect().driver
    package = PACKAGES.get(driver, driver)
    return f"the driver {driver}: pip install {package}"


def write_ahead(storage: Any) -> None:
    """Let SQLite write to a log, flushed to disk when it is folded in and not with each of a trial's dozen changes.

    After a power cut the last changes may be missing, which are told anew from the study's files; the database itself
    stays whole (https://sqlite.org/pragma.html#pragma_synchronous).
    """

    def configure(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(storage.engine, "connect", configure)
    storage.scoped_session.remove()
    storage.engine.dispose()  # connections made before


def check_url(url: str) -> tuple[str, dict[str, Any]]:
    """Return how to show a storage URL, and options to open it with; knock at its address first."""
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except Exception:
        raise ConfigError("--storage must be a URL such as postgresql://user:password@host/database") from None
    shown = hide_password(url)
    if kind == "sqlite":
        return shown, {}
    host, port = parsed.host or "localhost", parsed.port or PORTS.get(kind)
    if port is not None:
        try:
            socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
            raise MachineError(f"no database answers at {host}:{port} ({reason}); storage {shown}") from None
    return shown, {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_SECONDS}}


def hide_password(url: str) -> str:
    """Return a storage URL that can be shown.

    >>> hide_password("postgresql://ada:secret@db.example.org/tuning")
    'postgresql://ada:***@db.example.org/tuning'
    """
    try:
        return str(make_url(url).render_as_string(hide_password=True))
    except Exception:
        return "(no URL)"


def reason_of(error: Exception, url: str) -> str:
    """Return why a storage cannot be opened, without the password that some drivers repeat."""
    password = make_url(url).password
    text = one_line(error.__cause__ or error, 200)
    return text.replace(str(password), "***") if password else text
