"""The message about a line that is not TOML says what to write."""

from __future__ import annotations

import pytest

from barenet.config.reading import read_toml
from barenet.config.slips import explain_line
from barenet.config.sources import build_config
from barenet.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("recipe = “course”\n", '“ is not a quotation mark of TOML: write "'),
        ("[optimizer]\nname = ‘sgd’\n", '‘ is not a quotation mark of TOML: write "'),
        ("[optimizer]\nname = adamw\n", 'write name = "adamw": a text needs quotation marks'),
        ("[model]\nhidden_sizes ＝ [128]\n", "in place of ＝ write ="),
        ("[model]\nhidden_sizes = [128，32]\n", "in place of ， write ,"),
        ("训练 = 3\n", "训练 is not a setting: the names of settings are English"),
    ],
)
def test_the_message_about_a_usual_slip_says_what_to_write(text, remedy, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        read_toml(path)
    assert remedy in str(error.value)
    assert "--data" not in str(error.value)


def test_the_message_about_an_unusual_slip_adds_nothing():
    assert explain_line("a = [1,", ValueError("Unclosed array (at end of document)")) == ""
    assert explain_line("a = = 1", ValueError("Invalid value (at line 1, column 5)")) == ""
    assert explain_line("", ValueError("Invalid value (at line 9, column 5)")) == ""


@pytest.mark.parametrize(
    ("name", "where"), [("sgd", "[optimizer]"), ("step", "[schedule]"), ("fast", "[optimizer] or [schedule]")]
)
def test_the_message_about_a_name_outside_its_table_names_the_table(name, where, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "{name}"\n', "utf-8")
    with pytest.raises(ConfigError) as error:
        build_config("quick", path)
    assert str(error.value).endswith(f"write it below {where}")
