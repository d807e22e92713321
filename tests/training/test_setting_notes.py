import re

import pytest

from barenet.config.sources import build_config
from barenet.config.wording import in_python
from barenet.language.translation import translated
from barenet.training.epochs import schedule_of
from barenet.training.setting_notes import loss_note, schedule_notes

EXPONENTIAL = {"schedule.name": "exponential", "schedule.decay_rate": 0.95, "schedule.decay_step": 6000}
COURSE = {"trainer.epochs": 6, "data.batch_size": 64}


def told(recipe, flags, n_train=58_000, searched=()):
    return list(schedule_notes(build_config(recipe, None, flags), n_train, searched))


def test_the_note_about_a_first_decay_after_the_last_step_names_both_steps():
    [words] = told("course", COURSE)
    assert words.startswith(
        "schedule step never lowers the rate: its first decay is after step 6,000, and training has 5,442 steps"
    )
    assert words.endswith("; --schedule.decay-step 1814 decays sooner")
    assert told("course", COURSE | {"schedule.decay_step": 1814}) == []
    assert in_python([words])[0].endswith("; decay_step=1814 decays sooner")


@pytest.mark.parametrize(
    ("recipe", "flags", "words"),
    [
        ("quick", {"schedule.name": "step"}, "never lowers the rate: its decay_rate is 1;"),
        ("quick", {"schedule.name": "exponential"}, "never lowers the rate: its decay_rate is 1;"),
        ("course", {"schedule.decay_rate": 0.0}, "never lowers the rate: its decay_rate is 0;"),
        ("course", {"optimizer.learning_rate": 0.01}, "its minimum, 0.01, is not below the learning rate, 0.01"),
        ("quick", {"schedule.minimum": 0.005}, "its minimum, 0.005, is not below the learning rate, 0.005"),
        ("course", {"schedule.name": "exponential", "schedule.decay_rate": 1.5}, "raises the rate"),
        ("course", COURSE | EXPONENTIAL | {"schedule.decay_step": 10**8}, "hardly lowers the rate"),
        ("quick", {"trainer.epochs": 1}, "warm-up is as long as the training"),
    ],
)
def test_a_note_says_that_a_rate_never_falls(recipe, flags, words):
    assert [sentence for sentence in told(recipe, flags) if words in sentence]


@pytest.mark.parametrize(
    ("recipe", "flags", "flag", "keyword"),
    [
        ("course", COURSE, "--schedule.decay-step 1814", "decay_step=1814"),
        ("quick", {"schedule.name": "step"}, "--schedule.decay-rate 0.5", "decay_rate=0.5"),
        ("quick", {"trainer.epochs": 1}, "--schedule.warmup-epochs 0.1", "warmup_epochs=0.1"),
    ],
)
def test_the_remedy_of_a_note_is_in_chinese_with_flags_and_with_keywords(recipe, flags, flag, keyword):
    sentence = told(recipe, flags)[-1]
    for words, name in ((sentence, flag), (in_python([sentence])[0], keyword)):
        assert name in words
        remedy = translated(words, "zh").rpartition("；")[2]
        assert re.fullmatch(f"{name} 使[\u3400-\u9fff]+", remedy), remedy


@pytest.mark.parametrize(
    ("recipe", "flags"),
    [
        ("quick", {}),
        ("course", {}),
        ("quick", {"schedule.name": "constant", "schedule.warmup_epochs": 0}),
        ("quick", {"schedule.name": "one_cycle"}),
        ("course", EXPONENTIAL),
    ],
)
def test_there_is_no_note_about_schedules_that_work(recipe, flags):
    assert told(recipe, flags) == []


@pytest.mark.parametrize("decay_step", [5441, 5442, 6000])
def test_the_note_about_a_step_schedule_agrees_with_its_rates(decay_step):
    flags = COURSE | {"schedule.decay_step": decay_step}
    rates = schedule_of(build_config("course", None, flags), 907).rates(range(5442))
    assert bool(told("course", flags)) == (rates.min() == rates.max())


def test_a_search_has_the_note_about_the_schedule_unless_it_varies_what_decides_the_schedule():
    assert told("course", COURSE, searched=["optimizer.l2"])
    for path in ("schedule.decay_step", "trainer.epochs", "optimizer.learning_rate", "data.batch_size"):
        assert told("course", COURSE, searched=[path]) == []


def test_one_note_gives_all_reasons_why_training_loss_lies_above_validation_loss():
    told = loss_note(build_config("quick"))
    assert told == "label smoothing 0.1: training loss is of smoothed labels, and lies above validation loss"
    told = loss_note(build_config("quick", None, {"model.dropout": 0.2}))
    assert told.startswith("label smoothing 0.1, dropout 0.2: training loss is of smoothed labels, with units dropped")
    assert "weights" in loss_note(build_config("course", None, {"model.class_weight": "balanced"}))
    assert loss_note(build_config("course")) == ""
