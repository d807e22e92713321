"""Features and labels from .csv and .npy files: meaning of columns, order of classes, and errors of tables."""

from __future__ import annotations

import numpy as np
import pytest
from told import listen

from barenet.data.loading import load_dataset
from barenet.data.standardising import Standardiser
from barenet.data.tables.reading import read_table
from barenet.errors import ConfigError, DataError
from barenet.training.preparation import prepare

FLOWERS = "length,width,kind\n5.1,3.5,setosa\n4.9,3,setosa\n6.3,3.3,virginica\n6.5,2.8,versicolor\n"
X = np.array([[5.1, 3.5], [4.9, 3], [6.3, 3.3], [6.5, 2.8]], np.float32)
Y = np.array([0, 0, 2, 1])
CLASSES = ("setosa", "versicolor", "virginica")


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def check_flowers(dataset, class_names=CLASSES):
    np.testing.assert_array_equal(dataset.train_images, X)
    assert dataset.train_images.dtype == np.float32
    np.testing.assert_array_equal(dataset.train_labels, Y)
    assert dataset.class_names == class_names
    assert dataset.kind == "features"
    assert dataset.image_shape == (2,)


def refusal(path):
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


# Tables


@pytest.mark.parametrize(
    "text",
    [
        FLOWERS,
        FLOWERS.replace(",", ";"),
        FLOWERS.replace(",", "\t"),
        FLOWERS.replace("\n", "\r\n"),
        FLOWERS.replace("\n", "\n\n"),
        "\ufeff" + FLOWERS,
        FLOWERS.split("\n", 1)[1],
        FLOWERS.removesuffix("\n"),
        'Class,"length",width\nsetosa,5.1,3.5\n"setosa",4.9,3\nvirginica,6.3,3.3\nversicolor,6.5,2.8\n',
    ],
)
def test_a_table_is_features_and_the_labels_in_the_column_label_or_the_last(text, tmp_path):
    notes = listen()
    dataset = load_dataset(write(tmp_path / "flowers.csv", text))
    check_flowers(dataset)
    assert dataset.name == "flowers"
    assert dataset.test_images is None
    assert [note for note in notes if "labels from the" in note]
    assert [note for note in notes if "has no test part" in note]


def test_whole_numbers_are_classes_in_order_of_size(tmp_path):
    text = "a,label\n1,10\n2,9\n3,10\n4,-1.0\n"
    dataset = load_dataset(write(tmp_path / "numbers.csv", text))
    assert dataset.class_names == ("-1", "9", "10")
    assert dataset.train_labels.tolist() == [2, 1, 2, 0]


def test_a_folder_of_tables_is_train_val_and_test(tmp_path):
    write(tmp_path / "train.csv", FLOWERS)
    write(tmp_path / "val.csv", "length,width,kind\n1,2,virginica\n")
    write(tmp_path / "test.csv", "length,width,kind\n3,4,setosa\n5,6,versicolor\n")
    dataset = load_dataset(tmp_path)
    check_flowers(dataset)
    assert dataset.valid_images.tolist() == [[1, 2]]
    assert dataset.valid_labels.tolist() == [2]
    assert dataset.test_images.tolist() == [[3, 4], [5, 6]]
    assert dataset.test_labels.tolist() == [0, 1]


# Pairs


@pytest.mark.parametrize(
    "names", [("x_train", "y_train"), ("train-features", "train-labels"), ("X", "y"), ("data", "label")]
)
@pytest.mark.parametrize("labels", [Y, Y[:, None], np.array(CLASSES)[Y], Y.astype(float)])
def test_a_pair_of_arrays(names, labels, tmp_path):
    np.save(tmp_path / f"{names[0]}.npy", X.astype(np.float64))
    np.save(tmp_path / f"{names[1]}.npy", labels)
    check_flowers(load_dataset(tmp_path), CLASSES if labels.dtype.kind == "U" else ("0", "1", "2"))


def test_a_pair_of_tables(tmp_path):
    write(tmp_path / "features.csv", "a,b\n5.1,3.5\n4.9,3\n6.3,3.3\n6.5,2.8\n")
    write(tmp_path / "labels.csv", "kind\nsetosa\nsetosa\nvirginica\nversicolor\n".removeprefix("kind\n"))
    check_flowers(load_dataset(tmp_path))
    write(tmp_path / "labels.csv", "label\n0\n0\n2\n1\n")
    check_flowers(load_dataset(tmp_path), ("0", "1", "2"))


def test_arrays_of_images_stay_images(arrays, tmp_path):
    for name, array in (("x_train", "x"), ("y_train", "y"), ("x_test", "x_test"), ("y_test", "y_test")):
        np.save(tmp_path / f"{name}.npy", arrays[array])
    dataset = load_dataset(tmp_path)
    assert dataset.kind == "images"
    assert dataset.image_shape == (8, 8)
    assert dataset.train_images.dtype == np.uint8
    np.testing.assert_array_equal(dataset.test_labels, arrays["y_test"])


# Standardising


def test_features_are_standardised_by_the_training_rows_only(tmp_path, make_config):
    rng = np.random.default_rng(5)
    x = rng.normal([1e6, -3, 0, 7.3], [1e3, 1e-4, 1, 0], (60, 4))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(60) % 3)
    _, data = prepare(make_config(data=str(tmp_path), n_valid=12, batch_size=8), load_dataset(tmp_path))
    trained = data.images[data.train_rows].astype(np.float64)
    np.testing.assert_allclose(trained.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(trained.std(axis=0), [1, 1, 1, 0], atol=1e-3)  # the last is the same in all rows
    kept = x[data.train_rows]
    np.testing.assert_allclose(data.preprocessing["mean"], kept.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(data.preprocessing["deviation"][:3], kept.std(axis=0)[:3], rtol=1e-12)
    held_out = np.delete(np.arange(60), data.train_rows)
    np.testing.assert_allclose(data.valid_images, data.images[held_out], rtol=1e-12)
    assert data.scale == 1


def test_standardising_in_pieces_gives_the_same_as_at_once():
    x = np.random.default_rng(6).normal(3, 2, (9_001, 2)).astype(np.float32)
    standardise = Standardiser.of(x)
    np.testing.assert_allclose(standardise.deviation, x.astype(np.float64).std(axis=0), rtol=1e-12)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(standardise(x), (wide - wide.mean(axis=0)) / wide.std(axis=0), atol=1e-6)


@pytest.mark.parametrize("value", [0.1, 1e30, -7.3e-12])
def test_a_constant_feature_becomes_zero_and_not_noise(value):
    x = np.full((1000, 1), value, np.float32)
    assert np.abs(Standardiser.of(x)(x)).max() < 1e-5 * max(abs(value), 1)


def test_given_validation_data_are_used_and_n_valid_is_refused(tmp_path, make_config):
    write(tmp_path / "train.csv", FLOWERS)
    write(tmp_path / "val.csv", FLOWERS)
    dataset = load_dataset(tmp_path)
    resolved, data = prepare(make_config(n_valid=4, batch_size=2), dataset)
    assert resolved.data.n_valid == 4
    assert data.n_train == 4
    np.testing.assert_array_equal(data.valid_labels, Y)
    with pytest.raises(ConfigError, match=r"n_valid is 3, but .* already has 4 validation images"):
        prepare(make_config(n_valid=3, batch_size=2), dataset)


def test_settings_of_pictures_are_refused_for_tables(tmp_path, make_config):
    dataset = load_dataset(write(tmp_path / "flowers.csv", FLOWERS))
    for setting, message in (({"image_size": 32}, "data.image_size is 32x32, but"), ({"color": True}, "data.color is")):
        with pytest.raises(ConfigError, match=message):
            prepare(make_config(n_valid=1, batch_size=2, **setting), dataset)


# Wrong input


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("a,b,label\n", "holds a header and nothing else"),
        (FLOWERS.replace("4.9,3,", "4.9,"), "line 3: 2 values where the first line has 3"),
        (FLOWERS.replace("4.9", "-inf"), "line 3: 'length' is -inf: clean it first"),
        (FLOWERS.replace("4.9", "1e99"), "line 3: 'length' is 1e+99: clean it first"),
        (FLOWERS.replace("4.9", "4,9"), "line 3: 4 values"),
        (FLOWERS.replace("4.9", "long"), "line 3: 'length' is 'long', expected a number"),
        (FLOWERS.replace("4.9,3,setosa", "4.9,3,"), "line 3: the label is missing"),
        ("label,class,a\n1,2,3\n", "several columns of labels (label, class)"),
        ("a\n1\n2\n", "has one column"),
        ("a,label\n1,0.5\n2,1\n", "0.5 is no class: expected whole numbers or names"),
        ("a,label\n1,nan\n2,1\n", "nan is no class"),
        ("a,label\n1,x\n2,x\n", "a classifier needs two classes or more"),
        ("<html>", "holds a web page"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text, fault, tmp_path):
    path = write(tmp_path / "wrong.csv", text)
    message = refusal(path)
    assert fault in message
    assert str(path) in message


def test_text_of_another_encoding_is_refused(tmp_path):
    assert "is not UTF-8 text" in refusal(write(tmp_path / "wrong.csv", FLOWERS.replace("setosa", "süß"), "latin-1"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("length,width,kind\n1,2,tulip\n", "there is no class 'tulip' to train on, only setosa, versicolor, virginica"),
        ("height,length,kind\n1,2,setosa\n", "lacks width, and has height, which the model does not know"),
        ("length,kind\n1,setosa\n", "lacks width: the model takes length, width"),
        ("1,2,3,setosa\n", "has 4 columns, the model takes 2"),
    ],
)
def test_a_test_table_that_does_not_fit_is_refused(text, fault, tmp_path):
    write(tmp_path / "train.csv", FLOWERS)
    write(tmp_path / "test.csv", text)
    assert fault in refusal(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"x": X}, "has no labels beside it"),
        ({"y": Y}, "has no features beside it"),
        ({"train": X}, "has no labels beside it"),
        ({"x_test": X, "y_test": Y}, "nothing to train on"),
        ({"x": X, "y": Y[:3]}, "must belong together"),
        ({"x": X, "y": np.eye(3)[Y]}, "expected a label (a number or text) a row"),
        ({"x": np.where(X[2, 1] == X, np.inf, X), "y": Y}, "column 2 of row 3 is inf"),
        ({"x": X.astype(object), "y": Y}, "holds Python objects (dtype object), never loaded"),
        ({"x": X.astype(complex), "y": Y}, "holds complex"),
        ({"x": X[0, 0], "y": Y}, "expected (n, features)"),
        ({"x": X[:0], "y": Y[:0]}, "expected (n, features)"),
        ({"x": X, "y": np.zeros(4, int)}, "two classes or more"),
        ({"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y}, "has 1 column, the model takes 2"),
        ({"x": X, "features": X, "y": Y}, "keep one of them"),
        ({"train": X, "x": X, "y": Y}, "which one is to be used?"),
    ],
)
def test_wrong_arrays_are_refused(arrays, fault, tmp_path):
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    assert fault in refusal(tmp_path)


def test_a_damaged_array_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    content = (tmp_path / "x.npy").read_bytes()
    for damaged in (b"", content[:5], content[:100], content[:-4], b"PK" + content):
        (tmp_path / "x.npy").write_bytes(damaged)
        refusal(tmp_path)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = write(tmp_path / "quoted.csv", 'a,label\n\n1,"two\nlines"\nx,y\n')
    with pytest.raises(DataError, match="line 5: 'a' is 'x'"):
        read_table(path)
