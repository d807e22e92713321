"""Read settings files and recipes as tables: TOML in UTF-8. `places` and `sources` check what the tables hold."""

from __future__ import annotations

import codecs
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from barenet.config.slips import explain_line
from barenet.errors import ConfigError, nearest
from barenet.messages import one_line
from barenet.reading.borders import open_regular, reading

__all__ = ["RECIPES", "UTF16_MARKS", "read_recipe", "read_toml"]

RECIPES = ("quick", "course", "strong", "best", "ensemble")
MAX_BYTES = 2**20
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a settings file in UTF-8, or in UTF-16 with its mark, as `>` of an old PowerShell writes."""
    where = one_line(path)
    with reading(path, ConfigError, again="correct it"):
        try:
            with open_regular(path, ConfigError) as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise ConfigError(
                f"no settings file {str(path)!r}; recipes are chosen with --recipe: {', '.join(RECIPES)}; data are "
                f"named by --data"
            ) from None
        except IsADirectoryError:
            raise ConfigError(f"{where} is a folder, not a settings file; data are chosen with --data") from None
        if len(content) > MAX_BYTES:
            raise not_toml(where, f"it has more than {MAX_BYTES:,} bytes, which is too large for settings")
        text = decode(content, where)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise not_toml(where, one_line(f"{one_line(error, 200)}{explain_line(text, error)}")) from None
        except RecursionError:
            raise not_toml(where, "its brackets are nested too deeply") from None
        except ValueError as error:  # Python reads no number of more than 4,300 digits, and no 30th of February
            raise not_toml(where, one_line(error, 120)) from None


def decode(content: bytes, where: str) -> str:
    """Return the text of a file; raise ConfigError with the first byte that is in another encoding, and its line."""
    is_utf16 = content.startswith(UTF16_MARKS)
    name, mark = ("UTF-16", 0) if is_utf16 else ("UTF-8", len(codecs.BOM_UTF8) * content.startswith(codecs.BOM_UTF8))
    if not is_utf16 and b"\0" in content:
        raise not_toml(where, "it has zero bytes, so it holds data or UTF-16 without a mark; save settings as UTF-8")
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + mark  # utf-8-sig counts from the end of the mark
        line = content[:start].count("\n".encode("utf-16-le" if is_utf16 else "utf-8")) + 1
        raise not_toml(
            where,
            f"line {line} is not {name}, for byte {start + 1} of the file is 0x{content[start]:02X}; save it as UTF-8 "
            f"if it has another encoding, such as GBK or Latin-1",
        ) from None


def not_toml(where: str, reason: object) -> ConfigError:
    """Return the error about a file that is not a settings file."""
    hint = "" if where.endswith(".toml") else "; data are chosen with --data"
    return ConfigError(f"{where}: not a TOML file: {reason}{hint}")


def read_recipe(name: str) -> dict[str, Any]:
    """Return the tables of a recipe of the package."""
    if name not in RECIPES:
        raise ConfigError(f"unknown recipe {name!r}; {nearest(name, RECIPES)}")
    return tomllib.loads((resources.files("barenet.config.recipes") / f"{name}.toml").read_text("utf-8"))
