import pytest

from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.config.wording import FLAG, in_python
from barenet.training.learning import remedies


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("such as --lr 0.1", "such as learning_rate=0.1"),
        ("--optimizer.clip-norm 1, or --l2 1e-05", "clip_norm=1, or l2=1e-05"),
        ("half the units, --hidden 128,64, or more", "half the units, hidden_sizes=(128, 64), or more"),
        ("--hidden 16 helps", "hidden_sizes=(16,) helps"),
        ("--activation relu, or fewer", 'activation="relu", or fewer'),
        ("--optimizer sgd", 'optimizer="sgd"'),
        ("--schedule.name cosine", 'schedule="cosine"'),
        ("--data.standardize brings", "standardize=True brings"),
        ("bring it to 0: --data.standardize", "bring it to 0: standardize=True"),
        ("; --repeats 5 would", "; repeats=5 would"),
        ("no flag -- in this", "no flag -- in this"),
    ],
)
def test_a_flag_becomes_the_keyword_with_its_value(sentence, said):
    assert in_python([sentence]) == [said]


@pytest.mark.parametrize("recipe", ["quick", "course"])
def test_each_flag_in_advice_is_a_setting_that_accepts_its_value(recipe):
    config = build_config(recipe)
    one_line = (remedies.slower, remedies.steeper, remedies.any_other_rate, remedies.more_steps)
    sentences = [advise(config) for advise in (*one_line, remedies.longer_training)]
    sentences += [*remedies.less_by_heart(config), *remedies.after_divergence(config)]
    flags = [found.groups() for sentence in sentences for found in FLAG.finditer(sentence)]
    assert len(flags) >= 11
    for name, value in flags:
        assert value is not None, name
        build_config(recipe, None, {setting_path(name): value})


def test_the_advice_after_divergence_names_only_what_is_not_set_yet():
    config = build_config(flags={"optimizer.learning_rate": 1000.0})
    assert remedies.after_divergence(config) == ["--lr 0.001", "--optimizer.clip-norm 1"]
    config = build_config("course", None, {"optimizer.l2": 0.01, "optimizer.clip_norm": 5.0})
    rate = config.optimizer.learning_rate
    assert remedies.after_divergence(config) == [f"--lr {rate / 10:g}", "--l2 0.001"]
