"""Tables as people have them: which column is the label, which columns count, and tables for a trained model."""

from __future__ import annotations

import gzip
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from told import listen

import barenet
from barenet.data.loading import load_dataset
from barenet.data.standardising import Standardiser
from barenet.deploy.predictor import Predictor
from barenet.errors import ConfigError, DataError
from barenet.training.preparation import prepare

RNG = np.random.default_rng(0)
SMALL = {"hidden": "8", "activation": "relu", "epochs": 3, "batch_size": 8, "output": None, "verbose": False}


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return path


def table_of(tmp_path, header, rows, name="table.csv", delimiter=","):
    lines = [delimiter.join(header)] if header else []
    return write(tmp_path / name, [*lines, *(delimiter.join(map(str, row)) for row in rows)])


def numbers(n, k):
    """Return n rows of k measurements, which do not look like classes."""
    return np.round(RNG.normal(size=(n, k)), 3).tolist()


def people(n=40):
    """Rows of age, height, noise and a label that depends on the age."""
    ages = RNG.permutation(np.linspace(20, 80, n)).round(1)
    return [(age, round(170 + RNG.normal(), 2), round(RNG.normal(), 3), "old" if age > 50 else "young") for age in ages]


def sharp(path, **values):
    """Return a predictor of a network that has learnt a table well, so its probabilities are far from equal."""
    result = barenet.train(data=path, n_valid=8, **(SMALL | {"epochs": 60, "lr": 0.05} | values))
    return Predictor([result.model])


# Columns by name


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return sharp(table_of(folder, ("age", "height", "noise", "label"), people()))


TEST = [(25.0, 170.0, 0.1), (75.0, 169.5, -0.3), (30.5, 171.0, 0.7), (66.0, 170.2, 0.2)]
TRUTH = ["young", "old", "young", "old"]


def answers(predictor, path):
    return [found.class_name for found in barenet.recognise(predictor, [path])]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        (("age", "height", "noise"), (0, 1, 2)),
        (("noise", "age", "height"), (2, 0, 1)),
        (("id", "height", "noise", "age"), (None, 1, 2, 0)),
        (("label", "noise", "height", "age"), (None, 2, 1, 0)),
    ],
)
def test_columns_of_a_table_to_predict_are_found_by_their_names(person, header, order, tmp_path):
    rows = [[i if k is None else row[k] for k in order] for i, row in enumerate(TEST)]
    assert answers(person, table_of(tmp_path, header, rows)) == TRUTH


def test_a_table_without_the_columns_of_the_model_is_refused_by_their_names(person, tmp_path):
    path = table_of(tmp_path, ("years", "height", "noise"), TEST)
    with pytest.raises(DataError, match="lacks age, and has years, which the model does not know: the model takes age"):
        answers(person, path)


def test_rows_and_mappings_of_columns_are_taken_by_name_too(person):
    rows = [dict(zip(("noise", "age", "height"), (c, a, b), strict=True)) for a, b, c in TEST]
    expected = [person.class_names.index(name) for name in TRUTH]
    assert person.predict(rows).tolist() == expected
    assert person.predict({name: [row[name] for row in rows] for name in rows[0]}).tolist() == expected
    assert person.predict(rows[1]) == expected[1]
    assert person.predict(np.array(TEST)).tolist() == expected
    assert person.predict(np.array(TEST[1])) == expected[1]


@pytest.mark.slow
@pytest.mark.extra
def test_a_data_frame_is_learnt_and_predicted_by_its_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(people(), columns=["age", "height", "noise", "label"])
    x, y = frame[["age", "height", "noise"]], frame["label"]
    for given in ({"x": x, "y": y}, {"x": frame}, {"x": x, "y": y.astype("category")}):
        result = barenet.train(**given, n_valid=8, **(SMALL | {"epochs": 60, "lr": 0.05}))
        predictor = Predictor([result.model])
        test = pandas.DataFrame(TEST, columns=["age", "height", "noise"])[["noise", "height", "age"]]
        assert [predictor.class_names[k] for k in predictor.predict(test)] == TRUTH
    with pytest.raises(DataError, match="rows lacks age"):
        predictor.predict(test.drop(columns="age"))


# Which column holds the labels


@pytest.mark.parametrize(
    ("header", "position", "labels"),
    [
        (None, 0, (1, 2, 3)),
        (None, 3, (0, 1)),
        (None, 1, ("cat", "dog")),
        (("Class", "a", "b", "c"), 0, (1, 2, 3)),
        (("a", "Outcome", "b", "c"), 1, (0, 1)),
        (("a", "b", "target", "c"), 2, (0, 1)),
        (("a", "b", "species", "c"), 2, ("x", "y")),
        (("y", "a", "b", "c"), 0, (0, 1)),
        (("a", "b", "c", "weather"), 3, ("rain", "sun")),
        (("weather", "a", "b", "c"), 0, (1, 2, 3)),
    ],
)
def test_the_column_of_the_labels_is_found_by_its_name_or_by_what_it_holds(header, position, labels, tmp_path):
    rows = numbers(24, 3)
    for i, row in enumerate(rows):
        row.insert(position, labels[i % len(labels)])
    notes = listen()
    dataset = load_dataset(table_of(tmp_path, header, rows))
    assert dataset.class_names == tuple(map(str, labels))
    assert dataset.train_labels.tolist() == [i % len(labels) for i in range(24)]
    assert dataset.n_inputs == 3
    called = repr(header[position]) if header else f"number {position + 1}"
    assert any(f"labels from the column {called}" in note and "3 features" in note for note in notes)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda row, i: [row[0], i % 2, row[1]], "neither the first nor the last can be classes"),
        (lambda row, i: [i % 2, row[0], i % 3], "both the first and the last can be classes"),
        (lambda row, i: ["ab"[i % 2], row[0], "xy"[i % 2]], "both the first and the last can be classes"),
    ],
)
def test_where_several_columns_or_none_can_be_the_labels_the_person_is_asked(make, fault, tmp_path):
    path = table_of(tmp_path, ("p", "q", "r"), [make(row, i) for i, row in enumerate(numbers(24, 2))])
    with pytest.raises(DataError, match=f"{fault}; name it by --label, one of p, q, r"):
        load_dataset(path)


@pytest.mark.parametrize("asked", ["q", "Q", 2, "2", -2])
def test_a_person_names_the_column_of_the_labels_or_counts_to_it(asked, tmp_path):
    path = table_of(tmp_path, ("p", "q", "r"), [[a, i % 2, b] for i, (a, b) in enumerate(numbers(12, 2))])
    dataset = load_dataset(path, label=asked)
    assert dataset.train_labels.tolist() == [i % 2 for i in range(12)]
    assert dataset.columns.features == ["p", "r"]


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        ({"label": "s"}, "data.label is 's', no column of"),
        ({"label": 4}, "data.label is 4, but .* has 3 columns: expected 1 to 3"),
        ({"label": "q", "drop": ("z",)}, "data.drop is 'z', no column of"),
        ({"label": "q", "drop": ("q",)}, "data.drop names 'q', the column of the labels"),
        ({"label": "q", "drop": ("p",), "keep": ("p",)}, "data.drop and data.keep both name 'p'"),
    ],
)
def test_a_choice_of_a_column_that_cannot_be_is_refused(choices, fault, tmp_path):
    path = table_of(tmp_path, ("p", "q", "r"), [[a, i % 2, b] for i, (a, b) in enumerate(numbers(12, 2))])
    with pytest.raises(ConfigError, match=fault):
        load_dataset(path, **choices)


def test_label_drop_and_keep_are_settings(tmp_path, make_config):
    path = table_of(tmp_path, ("p", "q", "r", "s"), [[a, i % 2, b, i] for i, (a, b) in enumerate(numbers(12, 2))])
    config = make_config(data=str(path), label="q", drop="p", keep=["s"])
    assert load_dataset(**config.data.reading()).columns.features == ["r", "s"]


# Columns that count the rows


@pytest.mark.parametrize("header", [("Id", "a", "b", "Species"), ("", "a", "b", "Species"), None])
@pytest.mark.parametrize("start", [0, 1, 1000])
def test_a_column_that_counts_the_rows_is_left_out_with_a_note(header, start, tmp_path):
    rows = [[start + i, *row, "xyz"[i // 10]] for i, row in enumerate(numbers(30, 2))]
    notes = listen()
    path = table_of(tmp_path, header, rows)
    dataset = load_dataset(path)
    np.testing.assert_array_equal(dataset.train_images, np.array([row[1:3] for row in rows], np.float32))
    assert any("which counts the rows" in note for note in notes)
    assert load_dataset(path, keep=1).n_inputs == 3


def test_shuffled_numbers_of_rows_are_left_out_if_their_name_says_it(tmp_path):
    ids = RNG.permutation(30)
    rows = [[ids[i], *row, "xyz"[i % 3]] for i, row in enumerate(numbers(30, 2))]
    assert load_dataset(table_of(tmp_path, ("PassengerId", "a", "b", "kind"), rows)).n_inputs == 2
    assert load_dataset(table_of(tmp_path, ("pixels", "a", "b", "kind"), rows)).n_inputs == 3


def test_a_text_that_names_each_row_is_left_out(tmp_path):
    rows = [[f"Mr. {i}", *row, "xy"[i % 2]] for i, row in enumerate(numbers(30, 2))]
    dataset = load_dataset(table_of(tmp_path, ("name", "a", "b", "label"), rows))
    assert dataset.columns.features == ["a", "b"]


def test_rows_of_an_array_that_are_counted_in_a_column_are_treated_alike():
    x = np.c_[np.arange(30), numbers(30, 2)]
    dataset = barenet.from_arrays(x, np.arange(30) % 2)
    np.testing.assert_array_equal(dataset.train_images, x[:, 1:].astype(dataset.train_images.dtype))


# Numbers far from zero


@pytest.mark.parametrize("kind", ["csv", "npy", "array"])
def test_times_in_seconds_stay_apart(kind, tmp_path, make_config):
    times = 1.7e9 + np.repeat(np.arange(50), 4)
    labels = (times > 1.7e9 + 25).astype(int)
    if kind == "csv":
        rows = [[f"{time:.0f}", label] for time, label in zip(times, labels, strict=True)]
        dataset = load_dataset(table_of(tmp_path, ("time", "label"), rows))
    elif kind == "npy":
        np.save(tmp_path / "x.npy", times[:, None])
        np.save(tmp_path / "y.npy", labels)
        dataset = load_dataset(tmp_path)
    else:
        dataset = barenet.from_arrays(times[:, None], labels)
    _, data = prepare(make_config(n_valid=20, batch_size=8), dataset)
    assert len(np.unique(data.images)) == 50
    trained = times[data.train_rows]
    np.testing.assert_allclose(data.images[:, 0], (times - trained.mean()) / trained.std(), atol=1e-6)


def test_one_time_alone_is_predicted_with_all_its_digits():
    times = 1.7e9 + np.repeat(np.arange(50.0), 4)
    labels = (times >= 1.7e9 + 25).astype(int)
    result = barenet.train(times[:, None], labels, n_valid=20, **(SMALL | {"epochs": 40, "lr": 0.05}))
    predictor = Predictor([result.model])
    assert predictor.predict(np.array([1.7e9 + 5])) == 0
    assert predictor.predict(np.array([1.7e9 + 45])) == 1


def test_values_that_become_one_all_the_same_are_noted(make_config):
    x = np.r_[np.linspace(0, 1, 99), 1e12][:, None]
    notes = listen()
    prepare(make_config(n_valid=10, batch_size=8), barenet.from_arrays(x, np.arange(100) % 2))
    assert any("different values become the same" in note for note in notes)


# One rule for files, arrays and their kinds


def test_features_are_standardised_for_every_kind_of_file(tmp_path, make_config):
    x = RNG.normal([5, -300, 0.01], [2, 50, 0.001], (40, 3)).astype(np.float32)
    y = np.arange(40) % 2
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "both.npz", x_train=x, y_train=y, x_test=x[:6], y_test=y[:6])
    rows = [[*map(repr, row), label] for row, label in zip(x.astype(float).tolist(), y.tolist(), strict=True)]
    path = table_of(tmp_path, ("a", "b", "c", "label"), rows)
    (tmp_path / "pair").mkdir()
    for name in ("x.npy", "y.npy"):
        (tmp_path / name).rename(tmp_path / "pair" / name)
    datasets = [barenet.from_arrays(x, y), *map(load_dataset, (path, tmp_path / "pair", tmp_path / "both.npz"))]
    settings = make_config(n_valid=8, batch_size=8)
    images = [prepare(settings, dataset)[1].images for dataset in datasets]
    for own in images:
        np.testing.assert_array_equal(own, images[0])
    as_they_are = make_config(n_valid=8, batch_size=8, standardize=False)
    np.testing.assert_array_equal(prepare(as_they_are, datasets[0])[1].images, x)


def test_pixels_stay_as_they_are_unless_standardize_is_set(make_config):
    x = RNG.integers(0, 256, (40, 64))
    y = np.arange(40) % 2
    for pixels in (x.astype(np.uint8), (x / 255).astype(np.float32), x.reshape(-1, 8, 8) / 255):
        dataset = barenet.from_arrays(pixels, y)
        assert dataset.kind == "images"
        _, data = prepare(make_config(n_valid=8, batch_size=8), dataset)
        np.testing.assert_array_equal(data.images, dataset.train_images)
        _, data = prepare(make_config(n_valid=8, batch_size=8, standardize=True), dataset)
        np.testing.assert_allclose(data.images[data.train_rows].mean(axis=0), 0, atol=1e-5)
    whole = barenet.from_arrays(x.astype(float), y)
    assert whole.train_images.dtype == np.uint8
    np.testing.assert_array_equal(whole.train_images, x)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_flat_pixels_are_images_in_a_file_as_in_an_array(kind, tmp_path):
    x = (RNG.integers(0, 256, (12, 64)) / (1 if kind is np.uint8 else 255)).astype(kind)
    y = np.arange(12) % 3
    np.save(tmp_path / "x_train.npy", x)
    np.save(tmp_path / "y_train.npy", y)
    np.savez(tmp_path / "both.npz", x_train=x, y_train=y)
    datasets = [barenet.from_arrays(x, y), load_dataset(tmp_path), load_dataset(tmp_path / "both.npz")]
    assert [dataset.kind for dataset in datasets] == ["images"] * 3
    assert len({dataset.fingerprint for dataset in datasets}) == 1


def test_the_range_of_other_pixels_is_brought_to_one(make_config):
    x = RNG.integers(0, 4096, (40, 4, 4)).astype(np.uint16)
    x[0, 0, 0] = 4095
    notes = listen()
    _, data = prepare(make_config(n_valid=8, batch_size=8), barenet.from_arrays(x, np.arange(40) % 2))
    assert data.scale == 1 / 4095
    assert any("pixels from" in note and "are divided by 4095" in note for note in notes)


# Labels


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("007", "7", "8"), ("007", "7", "8")),
        (("9007199254740993", "9007199254740992"), ("9007199254740992", "9007199254740993")),
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("1.0", "0.0"), ("0", "1")),
        (("1", "1.0"), ("1", "1.0")),
        (("NA", "US"), ("NA", "US")),
    ],
)
def test_labels_are_whole_numbers_where_all_are_and_otherwise_the_text_that_they_are(labels, names, tmp_path):
    rows = [[*row, labels[i % len(labels)]] for i, row in enumerate(numbers(12, 1))]
    dataset = load_dataset(table_of(tmp_path, ("a", "label"), rows))
    assert dataset.class_names == names
    assert [dataset.class_names[k] for k in dataset.train_labels[: len(labels)]] == [
        label.removesuffix(".0") if names == ("0", "1") else label for label in labels
    ]


def test_the_only_label_is_named(tmp_path):
    path = table_of(tmp_path, ("a", "label"), [[*row, 42] for row in numbers(6, 1)])
    with pytest.raises(DataError, match="every label is 42: a classifier needs two classes"):
        load_dataset(path)


# Delimiters and decimal signs


@pytest.mark.parametrize("header", [None, ("length", "kind")])
@pytest.mark.parametrize(("delimiter", "decimal"), [*((d, ",") for d in ";\t"), *((d, ".") for d in "|; ,")])
def test_delimiter_and_decimal_sign_are_told_from_the_lines(header, delimiter, decimal, tmp_path):
    lengths = [5.0, 6.5, 5.25, 7.0]
    rows = [(str(length).replace(".", decimal), i % 2) for i, length in enumerate(lengths)]
    dataset = load_dataset(table_of(tmp_path, header, rows, delimiter=delimiter))
    assert dataset.train_images.ravel().tolist() == lengths
    assert dataset.train_labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["t.tsv", "t.csv.gz", "t.txt"])
def test_other_endings_and_packed_tables_are_read(name, tmp_path):
    text = "a\tkind\n1.5\tx\n2.5\ty\n3.5\tx\n"
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert load_dataset(tmp_path / name).train_images.ravel().tolist() == [1.5, 2.5, 3.5]


# Text and missing values


CITIES = [("20", "Rome", "1.5", 0), ("", "Oslo", "2.5", 1), ("40", "Rome", "", 0), ("30", "Bern", "0.5", 1)] * 3


def test_text_becomes_a_feature_a_value_and_a_missing_number_the_median_of_the_rows_trained_on(tmp_path, make_config):
    notes = listen()
    dataset = load_dataset(table_of(tmp_path, ("age", "city", "fare", "label"), CITIES))
    assert dataset.columns.features == [
        *("age", "age is missing", "city=Bern", "city=Oslo", "city=Rome", "fare", "fare is missing")
    ]
    assert any("columns of text, each value a feature: city (3 values)" in note for note in notes)
    assert any("missing numbers" in note and "age (3 rows), fare (3 rows)" in note for note in notes)
    _, data = prepare(make_config(n_valid=2, batch_size=4), dataset)
    ages = np.array([float(row[0] or "nan") for row in CITIES])
    median = np.nanmedian(ages[data.train_rows])
    filled = np.where(np.isnan(ages), median, ages)[data.train_rows]
    np.testing.assert_allclose(
        data.images[data.train_rows, 0], (filled - filled.mean()) / filled.std(), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_array_equal(data.images[:, 1], np.isnan(ages))
    cities = [[row[1] == city for city in ("Bern", "Oslo", "Rome")] for row in CITIES]
    np.testing.assert_array_equal(data.images[:, 2:5], cities)


@pytest.mark.parametrize("word", ["NA", "nan", "NULL", "?", "N/A", "None", ""])
def test_the_usual_words_for_a_missing_number_are_understood(word, tmp_path):
    rows = [(1.5, 0), (word, 1), (2.5, 0), (3.5, 1)]
    dataset = load_dataset(table_of(tmp_path, ("a", "label"), rows))
    np.testing.assert_array_equal(dataset.train_images, [[1.5, 0], [np.nan, 1], [2.5, 0], [3.5, 0]])


def test_an_unknown_text_is_an_error_or_zeros_by_a_setting(tmp_path):
    path = table_of(tmp_path, ("age", "city", "fare", "label"), CITIES)
    other = table_of(tmp_path, ("age", "city", "fare"), [("", "Paris", "1")], "other.csv")
    for unknown in ("error", "zeros"):
        result = barenet.train(data=path, n_valid=3, unknown=unknown, **(SMALL | {"batch_size": 4}))
        predictor = Predictor([result.model])
        if unknown == "error":
            with pytest.raises(DataError, match="line 2: 'city' is 'Paris', which training never saw, only Bern"):
                answers(predictor, other)
        else:
            median = result.model.info.preprocessing["fill"][0]
            filled = {"age": median, "city": "Paris", "fare": 1}
            found = predictor.predict_proba([{"age": None, "city": "Paris", "fare": 1}])
            assert math.isclose(found.sum(), 1, rel_tol=1e-6)
            assert not np.array_equal(found, predictor.predict_proba([filled]))  # it is flagged as missing


def test_missing_numbers_of_an_array_are_filled_likewise():
    x = np.array([[1.0, 5], [np.nan, 6], [3, 7], [9, 8]])
    dataset = barenet.from_arrays(x, [0, 1, 0, 1])
    np.testing.assert_array_equal(dataset.train_images[:, 1], [0, 1, 0, 0])
    fill = Standardiser.of(dataset.train_images, may_be_missing=True).fill
    assert fill.tolist() == [3, 0, 6.5]


# Other tables of the same data


def test_a_test_table_without_labels_is_left_out_with_a_note(tmp_path):
    table_of(tmp_path, ("a", "label"), [[*row, i % 2] for i, row in enumerate(numbers(8, 1))], "train.csv")
    table_of(tmp_path, ("a",), numbers(4, 1), "test.csv")
    notes = listen()
    assert load_dataset(tmp_path).test_images is None
    assert any("test.csv has no labels: left out; `barenet predict`" in note for note in notes)


def test_kaggles_pair_of_pixels_is_images(tmp_path):
    pixels = RNG.integers(0, 256, (6, 784))
    header = ("label", *(f"pixel{i + 1}" for i in range(784)))
    table_of(tmp_path, header, [[i % 2, *row] for i, row in enumerate(pixels)], "fashion-mnist_train.csv")
    table_of(tmp_path, header, [[i % 2, *row] for i, row in enumerate(pixels[:3])], "fashion-mnist_test.csv")
    dataset = load_dataset(tmp_path)
    assert (dataset.kind, dataset.image_shape) == ("images", (28, 28))
    assert dataset.train_images.dtype == np.uint8
    np.testing.assert_array_equal(dataset.train_images, pixels)
    np.testing.assert_array_equal(dataset.test_images, pixels[:3])


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory was taken")
@pytest.mark.parametrize(
    "kind", [pytest.param("uint8", marks=pytest.mark.slow), pytest.param("float32", marks=pytest.mark.full)]
)
def test_a_table_of_60000_images_is_read_in_less_than_twice_the_memory_that_is_kept(kind, tmp_path):
    carried, path = load_dataset(), tmp_path / "fashion-mnist_train.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("label," + ",".join(f"pixel{i}" for i in range(784)) + "\n")
        words = [str(value if kind == "uint8" else value / 256) for value in range(256)]
        for pixels, label in zip(carried.train_images, carried.train_labels, strict=True):
            file.write(f"{label}," + ",".join([words[value] for value in pixels.tolist()]) + "\n")
    program = f"""
from pathlib import Path
from barenet.data.tables.reading import read_table
def peak():  # the most memory of this process, in bytes; getrusage would count the parent's too
    line = next(line for line in open("/proc/self/status", encoding="utf-8") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
before = peak()
numbers = read_table(Path({str(path)!r})).numbers
print(numbers.dtype, numbers.shape, (peak() - before) / numbers.nbytes)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8")
    found, *shape, ratio = done.stdout.replace("(", "").replace(")", "").replace(",", "").split()
    print(f"{kind}: {float(ratio):.2f} times the array")
    assert found == kind
    assert shape == ["60000", "784"]
    assert float(ratio) <= 2
