"""Databases that hold Optuna's record: opened, closed, and what their errors mean.

`ledger` writes into them.
"""

from __future__ import annotations

import socket
import sqlite3
import warnings
from contextlib import suppress
from typing import Any

import optuna
from sqlalchemy import event, make_url

from barenet.errors import ConfigError, MachineError
from barenet.messages import one_line
from barenet.tuning.space.plan import Direction
from barenet.tuning.study.rungs import DamagedError

__all__ = ["check_url", "close_storage", "driver_of", "hide_password", "is_outside", "open_optuna"]

CONNECT_SECONDS = 8
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "mysqldb": "mysqlclient"}  # of drivers
OUTSIDE = {  # errors of SQLite with a reason outside the file
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM),
}


def open_optuna(
    url: str, shown: str, options: dict[str, Any], name: str, direction: Direction, *, in_folder: bool = False
) -> Any:
    """Return Optuna's study of that name, made if it is not there.

    in_folder: the database is the SQLite file in the study's folder.
    """
    storage = None
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
        if storage is not None:
            close_storage(storage)
        if in_folder and not is_outside(error):
            raise DamagedError(f"{shown} is damaged ({reason_of(error, url)})") from None
        raise MachineError(f"cannot open the storage {shown}: {reason_of(error, url)}") from None


def is_outside(error: BaseException | None) -> bool:
    """Whether SQLite failed for a reason outside its file, such as a full disk or a lock."""
    while error is not None:
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", 0)
            return code & 0xFF in OUTSIDE and code != sqlite3.SQLITE_IOERR_SHORT_READ  # of a file that is cut short
        if isinstance(error, OSError | MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def close_storage(storage: Any) -> None:
    """Close the connections of a storage; with the last one SQLite deletes its further files beside the database."""
    backend = getattr(storage, "_backend", storage)
    with suppress(Exception):  # the file is not used any more
        backend.scoped_session.remove()
    with suppress(Exception):
        backend.engine.dispose()


def driver_of(url: str) -> str:
    """Return which driver a URL asks for, by name or by SQLAlchemy's default, and how to get it."""
    driver = make_url(url).get_dialect().driver
    package = PACKAGES.get(driver, driver)
    return f"the driver {driver}: pip install {package}"


def write_ahead(storage: Any) -> None:
    """Let SQLite write to a log. It is flushed to disk when it is merged, not at each of a trial's dozen changes.

    After a power cut the last changes may be missing: they are written again from the study's files. The database
    itself stays valid (https://sqlite.org/pragma.html#pragma_synchronous).
    """

    def configure(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(storage.engine, "connect", configure)
    storage.scoped_session.remove()
    storage.engine.dispose()  # connections that were made without these settings


def check_url(url: str) -> tuple[str, dict[str, Any]]:
    """Return how to show a storage URL, and options to open it with; raise MachineError if nothing answers there."""
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
