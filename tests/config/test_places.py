"""Settings in a wrong table or under another name: the message says what to write, and where."""

from __future__ import annotations

import pytest

from barenet.config.names import OTHER_WORDS, SHORT_NAMES
from barenet.config.places import check_tables, meant
from barenet.errors import ConfigError


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"optimizer": {"lr": 0.1}}, "did you mean 'learning_rate'? Write [optimizer] learning_rate = 0.1"),
        ({"trainer": {"lr": 0.1}}, "did you mean 'learning_rate'? Write [optimizer] learning_rate = 0.1"),
        ({"lr": 0.1}, "lr = 0.1 stands outside its table; write [optimizer] learning_rate = 0.1"),
        ({"learning_rate_init": 0.1}, "stands outside its table; write [optimizer] learning_rate = 0.1"),
        ({"hidden": [64, 32]}, "stands outside its table; write [model] hidden_sizes = [64, 32]"),
        ({"hidden_layer_sizes": [8]}, "write [model] hidden_sizes = [8]"),
        ({"model": {"hidden_layer_sizes": [8]}}, "did you mean 'hidden_sizes'? Write [model] hidden_sizes = [8]"),
        ({"trainer": {"batch_size": 64}}, "batch_size belongs to the table data, not to trainer; write [data] batch_"),
        ({"model": {"epochs": 5}}, "epochs belongs to the table trainer, not to model; write [trainer] epochs = 5"),
        ({"optimizer": {"alpha": 0.1}}, "did you mean 'l2'? Write [optimizer] l2 = 0.1"),
        ({"optimizer": {"ld": 0.1}}, "did you mean 'l2'? Write [optimizer] l2 = 0.1"),
        ({"optimizer": {"decay_rate": 0.9}}, "belongs to the table schedule, not to optimizer; write [schedule] decay"),
        ({"trainer": {"early_stopping": True}}, "did you mean 'patience'? Write [trainer] patience = ..."),
        ({"trainer": {"eval_step": 5}}, "did you mean 'eval_every'? Write [trainer] eval_every = 5"),
        ({"trainer": {"nesterov": True}}, "write [optimizer] nesterov = ..."),
        ({"optimizer": "sgd"}, "optimizer must be a table of settings, got 'sgd'; write [optimizer] name = \"sgd\""),
        ({"name": "sgd"}, "name = 'sgd' stands outside its table; write it below [optimizer]"),
        ({"training": {"epochs": 3}}, "unknown table [training]; did you mean 'trainer'?"),
        ({"optimizer_kwargs": {"lr": 1}}, "unknown table [optimizer_kwargs]; did you mean 'optimizer'?"),
        ({"space": {"lr": [1]}}, "the table [space] belongs to a file of barenet search"),
        ({"trainer": {"device": "cuda"}}, "barenet trains on the CPU alone"),
        ({"optimizer": {"learning-rate": 0.1}}, "did you mean 'learning_rate'? Write [optimizer] learning_rate = 0.1"),
    ],
)
def test_the_message_about_a_misplaced_setting_names_its_table(tables, message):
    with pytest.raises(ConfigError) as caught:
        check_tables(tables, "my.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("my.toml: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("table", ["data", "trainer", None])
def test_every_known_word_means_a_setting(table):
    for word in (*SHORT_NAMES, *OTHER_WORDS):
        assert "." in str(meant(word, table)), word
