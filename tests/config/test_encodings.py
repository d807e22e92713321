"""Settings files in other encodings: one line that says which byte, which line, and what to do."""

from __future__ import annotations

import pytest

from barenet.config.reading import read_toml
from barenet.errors import ConfigError
from barenet.tuning.space.space_file import read_space_file

TEXT = '# a\n[data]\npath = "数据"\n'


@pytest.mark.parametrize("read", [read_toml, read_space_file])
@pytest.mark.parametrize(
    ("content", "place"),
    [
        (TEXT.encode("gbk"), "line 3 is not UTF-8, for byte 20 of the file is 0xCA; save it as UTF-8"),
        ("# größe\nx = 1\n".encode("latin-1"), "line 1 is not UTF-8, for byte 5 of the file is 0xF6; save it as UTF-8"),
        (b"\xef\xbb\xbf# a\n\xff = 1\n", "line 2 is not UTF-8, for byte 8 of the file is 0xFF; save it as UTF-8"),
        (TEXT.encode("utf-16")[:-1], "line 3 is not UTF-16, for byte"),
        (
            TEXT.encode("utf-16-le"),
            "it has zero bytes, so it holds data or UTF-16 without a mark; save settings as",
        ),
    ],
)
def test_the_message_about_another_encoding_is_one_line(tmp_path, read, content, place):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: not a TOML file: {place}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_that_editors_and_shells_write_are_read(tmp_path, encoding):
    path = tmp_path / "my.toml"
    path.write_bytes(TEXT.encode(encoding))
    assert read_toml(path) == {"data": {"path": "数据"}}
