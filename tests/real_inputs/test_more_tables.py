"""Tables and arrays as people have them: how they are written, what they hold twice, and their types."""

from __future__ import annotations

import numpy as np
import pytest
from told import listen

import barenet
from barenet.data.loading import load_dataset
from barenet.deploy.predictor import Predictor
from barenet.deploy.tables.rows import find_places
from barenet.errors import DataError, InputWarning, ShapeError
from barenet.training.preparation import prepare

RNG = np.random.default_rng(0)
SMALL = {"hidden": "4", "activation": "relu", "epochs": 1, "batch_size": 8, "output": None, "verbose": False}


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def measured(n=40, k=2):
    """Return n rows of k measurements as text."""
    return [[f"{value:.3f}" for value in row] for row in RNG.normal(size=(n, k))]


def read(path, **choices):
    notes = listen()
    return load_dataset(path, **choices), notes


def said(notes, words):
    return any(words in note for note in notes)


# Text, and text among numbers


@pytest.mark.parametrize("header", ["class,odor,ring", None])
def test_a_table_of_text_alone_is_read(header, tmp_path):
    rows = [f"{'ep'[i % 2]},{'afn'[i % 3]},{'st'[i // 20]}" for i in range(40)]
    dataset, _ = read(write(tmp_path / "mushrooms.csv", [*filter(None, [header]), *rows]), label=1)
    assert dataset.class_names == ("e", "p")
    assert dataset.train_images.shape == (40, 5)
    assert dataset.train_images[1].tolist() == [0, 1, 0, 1, 0]  # "f", "s"


def test_a_column_of_categories_and_of_codes_may_hold_numbers_too(tmp_path):
    doors = ["2", "3", "4", "5more"]
    rows = [f"{doors[i % 4]},{i if i % 4 else f'PC {i}'},{i / 7:.3f},{i % 2}" for i in range(80)]
    dataset, notes = read(write(tmp_path / "cars.csv", ["doors,ticket,weight,class", *rows]))
    assert dataset.columns.features == ["doors=2", "doors=3", "doors=4", "doors=5more", "weight"]
    assert said(notes, "left out 'ticket', which is text that names nearly each row")


@pytest.mark.parametrize("wrong", ["total", "12 kg"])
def test_a_few_texts_among_numbers_are_refused_with_their_line(wrong, tmp_path):
    rows = [f"{a},{i % 2}" for i, (a,) in enumerate(measured(k=1))]
    path = write(tmp_path / "t.csv", ["a,label", *rows[:39], f"{wrong},1"])
    with pytest.raises(DataError, match=f"line 41: 'a' is '{wrong}', expected a number as in most lines"):
        read(path)


@pytest.mark.parametrize("value", ["12,345", "1,234.50", "45%", "45 %", "$12", "1.234,50"])
def test_numbers_with_signs_for_units_or_thousands_are_refused_with_what_to_type(value, tmp_path):
    rows = [f'"{value.replace("2", str(i % 10))}",{a},{i % 2}' for i, (a,) in enumerate(measured(k=1))]
    path = write(tmp_path / "t.csv", ["salary,a,label", *rows])
    with pytest.raises(DataError, match=r"'salary' holds numbers written as .* --drop, or take it as text by --keep"):
        read(path)
    assert read(path, drop="salary")[0].columns.features == ["a"]


def test_all_usual_words_for_a_missing_text_are_one_value(tmp_path):
    words = ["NA", "", "?", "male", "female"]
    rows = [f"{words[i % 5]},{a},{i % 2}" for i, (a,) in enumerate(measured(k=1))]
    dataset, _ = read(write(tmp_path / "p.csv", ["sex,a,label", *rows]))
    assert dataset.columns.features == ["sex is missing", "sex=female", "sex=male", "a"]
    assert dataset.train_images[:5, 0].tolist() == [1, 1, 1, 0, 0]
    result = barenet.train(data=tmp_path / "p.csv", n_valid=8, **SMALL)
    predictor = Predictor([result.model])
    absent, *others = (predictor.predict_proba({"sex": sex, "a": 1.0}) for sex in ("", None, float("nan"), "NA"))
    assert all(np.array_equal(absent, other) for other in others)


def test_numbers_and_texts_of_a_category_are_found_by_each_other(tmp_path):
    rows = [f"{['1000001', 'x', '7'][i % 3]},{a},{i % 2}" for i, (a,) in enumerate(measured(60, 1))]
    result = barenet.train(data=write(tmp_path / "t.csv", ["code,a,label", *rows]), n_valid=8, **SMALL)
    predictor = Predictor([result.model])
    for text, number in (("1000001", 1000001), ("7", 7.0)):
        as_text, as_number = (predictor.predict_proba([{"code": code, "a": 0.5}]) for code in (text, number))
        np.testing.assert_array_equal(as_text, as_number)
    with pytest.raises(DataError, match="'code' is '8', which training never saw, only 1000001, 7, x"):
        predictor.predict([{"code": 8, "a": 0.5}])


def test_numbers_that_come_as_text_are_numbers():
    x = RNG.normal(size=(40, 3))
    y = np.arange(40) % 2
    as_text = barenet.from_arrays(x.astype(str), y)
    np.testing.assert_array_equal(as_text.train_images, barenet.from_arrays(x, y).train_images)


# The first line


def test_the_first_line_of_a_table_of_r_lacks_the_name_of_the_row_names(tmp_path):
    rows = [f'"{i + 1}" {a} {b} "Iris {"xy"[i // 20]}"' for i, (a, b) in enumerate(measured())]
    dataset, _ = read(write(tmp_path / "iris.txt", ['"Sepal.Length" "Petal.Length" "Species"', *rows]))
    assert dataset.class_names == ("Iris x", "Iris y")
    assert dataset.columns.features == ["Sepal.Length", "Petal.Length"]


@pytest.mark.parametrize("first", ["150,2,setosa,virginica", "40,2,malignant"])
def test_counts_and_class_names_in_the_first_line_are_no_row(first, tmp_path):
    rows = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(measured())]
    dataset, _ = read(write(tmp_path / "sklearn.csv", [first if first.startswith("150") else f"{first},benign", *rows]))
    assert dataset.train_images.shape == (40, 2)
    assert dataset.class_names == ("0", "1")


@pytest.mark.parametrize("header", ["a,b,kind", "a,b,kind,", None])
@pytest.mark.parametrize("end", ["", ","])
def test_a_delimiter_at_the_end_of_lines_makes_no_column(header, end, tmp_path):
    rows = [f"{a},{b},{i % 2}{end}" for i, (a, b) in enumerate(measured())]
    dataset, _ = read(write(tmp_path / "t.csv", [*filter(None, [header]), *rows]))
    assert dataset.train_images.shape == (40, 2)
    assert dataset.train_labels.tolist() == [i % 2 for i in range(40)]


@pytest.mark.parametrize(
    ("before", "names"),
    [
        (["# made by hand", "# on Monday", "a,b,label"], ["a", "b"]),
        (["# a,b,label"], ["a", "b"]),
        (["#,b,label"], ["b"]),  # a column called "#" counts the rows
        (["sep=,", "a,b,label"], ["a", "b"]),
        (["", "% MATLAB", "a,b,label"], ["a", "b"]),
    ],
)
def test_comments_above_a_table_are_passed_over_and_may_hold_its_names(before, names, tmp_path):
    rows = [f"{i if before[0] == '#,b,label' else a},{b},{i % 2}" for i, (a, b) in enumerate(measured())]
    dataset, _ = read(write(tmp_path / "t.csv", [*before, *rows]))
    assert dataset.columns.features == names
    assert len(dataset.train_labels) == 40


def test_rows_that_begin_with_a_hash_are_rows(tmp_path):
    colours = ["#ff0000", "#00ff00", "red"]
    rows = [f"{colours[i // 8]},{a},{i % 2}" for i, (a,) in enumerate(measured(24, 1))]
    dataset, _ = read(write(tmp_path / "t.csv", rows), label=3)
    assert dataset.train_images.shape == (24, 4)


def test_the_first_row_is_no_header_for_a_text_that_comes_again(tmp_path):
    rows = [f"{['more', '2', '4'][i % 3]},{a},{'yn'[i % 2]}" for i, (a,) in enumerate(measured(60, 1))]
    assert len(read(write(tmp_path / "t.csv", rows), label=3)[0].train_labels) == 60


@pytest.mark.parametrize(("header", "k"), [("0,1,2", 0), (",0,1,2", 0), ("1,2,3", 1)])
def test_numbers_that_count_the_columns_are_their_names(header, k, tmp_path):
    index = header.startswith(",")
    rows = [f"{f'{i},' * index}{a},{b},{i % 3}" for i, (a, b) in enumerate(measured())]
    dataset, _ = read(write(tmp_path / "frame.csv", [header, *rows]))
    assert dataset.columns.features == [str(k), str(k + 1)]
    assert dataset.class_names == ("0", "1", "2")
    assert len(dataset.train_labels) == 40


def test_a_row_of_small_numbers_is_no_header(tmp_path):
    rows = ["0,1,2", *(f"{i % 3},{i % 5},{i % 3}" for i in range(40))]
    assert len(read(write(tmp_path / "t.csv", rows), label=3)[0].train_labels) == 41


def test_a_header_that_comes_again_is_refused_with_its_line(tmp_path):
    rows = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(measured())]
    with pytest.raises(DataError, match="line 42: 'a' is 'a', expected a number"):
        read(write(tmp_path / "two.csv", ["a,b,label", *rows, "a,b,label", *rows]))


def test_several_numbers_in_a_cell_are_refused(tmp_path):
    rows = [f"{i % 3},{' '.join(map(str, range(i, i + 9)))},{'xy'[i % 2]}" for i in range(40)]
    with pytest.raises(DataError, match="'pixels' holds several numbers in a cell, such as '0 1 2"):
        read(write(tmp_path / "faces.csv", ["emotion,pixels,Usage", *rows]))


def test_a_first_line_of_another_width_is_refused_with_what_to_do(tmp_path):
    path = write(
        tmp_path / "adult.csv", ["|1x3 Cross validator", *(f"{a},{b},{i % 2}" for i, (a, b) in enumerate(measured()))]
    )
    with pytest.raises(DataError, match="first line has 1 cell, all others have 3: remove the line"):
        read(path)


# Columns of labels, and columns that count


@pytest.mark.parametrize("again", ["target_name", "Target ID", "class"])
def test_a_copy_of_the_label_by_another_name_is_left_out_with_a_note(again, tmp_path):
    rows = [f"{a},{i % 3},{'xyz'[i % 3]}" for i, (a,) in enumerate(measured(k=1))]
    label = "target" if again != "class" else "label"
    dataset, notes = read(write(tmp_path / "t.csv", [f"a,{label},{again}", *rows]), label=label)
    assert dataset.columns.features == ["a"]
    assert said(notes, f"left out '{again}', which says by its name and in each row what the label says (--keep")
    assert read(tmp_path / "t.csv", label=label, keep=again)[0].n_inputs == 4


def test_a_column_that_says_what_the_label_says_is_noted(tmp_path):
    rows = [f"{a},{1 - i % 2},{i % 2}" for i, (a,) in enumerate(measured(k=1))]
    dataset, notes = read(write(tmp_path / "t.csv", ["a,hatched,label", *rows]))
    assert dataset.columns.features == ["a", "hatched"]
    assert said(notes, "'hatched' says in each row what the label says")
    assert not said(notes, "'a' says")


def test_the_label_among_features_from_python_is_left_out():
    y = np.arange(40) % 2
    notes = listen()
    dataset = barenet.from_arrays({"a": RNG.normal(size=40), "label": y}, y)
    assert dataset.columns.features == ["a"]
    assert said(notes, "left out 'label'")


def test_two_columns_called_label_are_asked_about(tmp_path):
    rows = [f"{i % 2},{a},{i % 2}" for i, (a,) in enumerate(measured(k=1))]
    with pytest.raises(DataError, match=r"several columns of labels \(label, label \(3\)\)"):
        read(write(tmp_path / "t.csv", ["label,a,label", *rows]))


def test_an_index_without_a_name_is_left_out_also_where_its_numbers_come_again(tmp_path):
    rows = [f"{i % 20},{a},{i // 20}" for i, (a,) in enumerate(measured(k=1))]
    dataset, notes = read(write(tmp_path / "two.csv", [",a,label", *rows]))
    assert dataset.columns.features == ["a"]
    assert said(notes, "has no name and holds whole numbers, as an index does")


def test_long_numbers_that_differ_in_each_row_are_noted(tmp_path):
    numbers = RNG.permutation(np.arange(40) * 977 + 842_302)
    rows = [f"{numbers[i]},{'MB'[i % 2]},{a}" for i, (a,) in enumerate(measured(k=1))]
    _, notes = read(write(tmp_path / "wdbc.data", rows))
    assert said(notes, "column 1 holds another number in each row: leave it out by --drop if it names the rows")


def test_a_target_that_is_another_number_in_each_row_is_no_label(tmp_path):
    rows = [f"{a},{1000 + 7 * i}" for i, (a,) in enumerate(measured(k=1))]
    with pytest.raises(DataError, match=r"'target' should hold the labels by its name, but has 40 values in 40 rows"):
        read(write(tmp_path / "prices.csv", ["a,target", *rows]))


# Pixels


def test_digits_of_0_to_16_are_features_in_a_file_as_in_an_array(tmp_path):
    x, y = RNG.integers(0, 17, (40, 64)), np.arange(40) % 2
    with (tmp_path / "digits.csv").open("w", encoding="utf-8") as file:
        np.savetxt(file, np.c_[x, y], fmt="%d", delimiter=",")
    assert read(tmp_path / "digits.csv")[0].kind == barenet.from_arrays(x, y).kind == "features"


# Arrays from Python


X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 2


@pytest.mark.parametrize(
    "x",
    [
        np.asfortranarray(X),
        np.asfortranarray(np.round(X * 1e4).astype(int)) / 1e4,
        X[::-1][::-1],
        X.astype(">f8"),
        X.astype(object),
        X.tolist(),
        np.array([tuple(row) for row in X], dtype=[("a", float), ("b", float), ("c", float)]),
    ],
    ids=["Fortran", "Fortran rounded", "strides", "big-endian", "objects", "lists", "records"],
)
def test_the_same_numbers_are_learnt_from_every_kind_of_array(x):
    dataset = barenet.from_arrays(x, Y)
    np.testing.assert_allclose(dataset.train_images, X, atol=1e-4)
    assert barenet.train(x, Y, n_valid=8, **SMALL).model.info.image_shape == [3]


def test_small_floats_are_taken_without_a_warning():
    x = X.astype(np.float16)
    np.testing.assert_array_equal(barenet.from_arrays(x, Y).train_images, x.astype(np.float32))
    with pytest.raises(DataError, match="column 1 of row 1 is inf"):
        barenet.from_arrays(np.where(x == x[0, 0], np.inf, x).astype(np.float16), Y)


def test_masked_numbers_are_missing_and_masked_labels_are_refused():
    dataset = barenet.from_arrays(np.ma.masked_array(X, X > 1), Y)
    np.testing.assert_array_equal(np.isnan(dataset.train_images).any(axis=1), (X > 1).any(axis=1))
    with pytest.raises(DataError, match="y: the label of row 2 is missing"):
        barenet.from_arrays(X, np.ma.masked_array(Y, Y == 1))


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y.astype(float), ("0", "1")),
        (Y[:, None], ("0", "1")),
        (np.array([b"a", b"b"] * 20), ("a", "b")),
        (["a", "b"] * 20, ("a", "b")),
        ((Y > 0), ("False", "True")),
        (Y * 2 - 1, ("-1", "1")),
    ],
)
def test_labels_are_taken_from_every_kind_of_array(y, names, tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "both.npz", x_train=X, y_train=y)
    (tmp_path / "pair").mkdir()
    for name in ("x.npy", "y.npy"):
        (tmp_path / name).rename(tmp_path / "pair" / name)
    for dataset in (barenet.from_arrays(X, y), *(read(tmp_path / where)[0] for where in ("pair", "both.npz"))):
        assert dataset.class_names == names
        assert dataset.train_labels.tolist() == Y.tolist()


def test_bytes_in_another_type_are_taken_as_the_bytes_trained_on():
    pixels = RNG.integers(0, 256, (40, 8, 8)).astype(np.uint8)
    dataset = barenet.from_arrays(pixels, Y, pixels.astype(float), Y, x_val=pixels.astype(int), y_val=Y)
    for own in (dataset.test_images, dataset.valid_images):
        np.testing.assert_array_equal(own, dataset.train_images)
    with pytest.raises(DataError, match=r"x_test holds float32 images .* must be alike"):
        barenet.from_arrays(pixels, Y, pixels / 255, Y)


@pytest.mark.parametrize(
    ("x", "y", "fault"),
    [
        (X, set(Y.tolist()), "y is a set, expected a list or an array"),
        (X, "ab" * 20, "y is a str, expected a list"),
        (X, np.where(np.arange(40) == 3, np.nan, Y), "the label of row 4 is missing"),
        (X, Y + 0.5, "y holds float64, expected integer labels"),
        (X, [["a", "u"], ["b", "v"]] * 20, r"y has shape \(40, 2\), expected .* one name an image, .* labels\[:, 0\]"),
        (X, np.eye(2, dtype=bool)[Y], r"one number an image, so argmax\(axis=1\) of one-hot rows"),
        (X, {"label": Y}, "y is a dict, expected a list or an array with one label an example"),
        ((row for row in X), Y, "x is an iterator, expected a list"),
        (X[:, 0], Y, r"x does not hold images or rows of features: .* reshape\(-1, 1\)"),
        ({"a": X[:, 0], "b": X[:5, 0]}, Y, "x: b has 5 rows, a has 40"),
        ({"a": X[:, 0], "b": [[1, 2]] * 40}, Y, r"b has shape \(40, 2\), expected one number or text a row"),
        ({"a": X[:, 0], "b": [{}] * 40}, Y, "b is a dict in row 1, expected a number or text"),
    ],
)
def test_what_is_no_array_of_rows_or_labels_is_refused_with_what_it_is(x, y, fault):
    with pytest.raises(DataError, match=fault):
        barenet.from_arrays(x, y)


@pytest.mark.extra
def test_sparse_matrices_are_refused_with_what_to_type():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"x is a sparse matrix: hand in x.toarray\(\)"):
        barenet.from_arrays(sparse.csr_matrix(X), Y)


# Data frames


@pytest.mark.extra
def test_two_columns_of_one_name_stay_two():
    pandas = pytest.importorskip("pandas")
    dataset = barenet.from_arrays(pandas.DataFrame(X, columns=["a", "a", "b"]), Y)
    assert dataset.columns.features == ["a", "a (2)", "b"]
    np.testing.assert_array_equal(dataset.train_images, X.astype(np.float32))


@pytest.mark.extra
def test_kinds_of_columns_of_a_data_frame_become_what_a_file_of_them_becomes(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "a": X[:, 0],
            "whole": pandas.array([None, *range(39)], "Int64"),
            "kind": pandas.Categorical(["u", "v"] * 20),
            "name": pandas.array(["p", None, "q", "q"] * 10, "string"),
            "digits": ["1", "2", "3", "2"] * 10,
            "label": ["no", "yes"] * 20,
        }
    )
    frame.loc[3, "kind"] = "u"
    frame.to_csv(tmp_path / "f.csv", index=False)
    from_frame, (from_file, _) = barenet.from_arrays(frame), read(tmp_path / "f.csv")
    assert from_frame.columns.features == from_file.columns.features
    np.testing.assert_array_equal(from_frame.train_images, from_file.train_images)
    assert from_frame.class_names == from_file.class_names == ("no", "yes")


@pytest.mark.extra
def test_truth_values_of_a_data_frame_and_of_a_file_are_found_by_each_other(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "is_new": [True, False, True, True] * 10, "label": Y})
    frame.to_csv(tmp_path / "f.csv", index=False)
    asked = frame.drop(columns="label")
    from_file = Predictor([barenet.train(data=tmp_path / "f.csv", n_valid=8, **SMALL).model])
    as_text = asked.assign(is_new=asked["is_new"].astype(str))
    np.testing.assert_array_equal(from_file.predict_proba(asked), from_file.predict_proba(as_text))
    from_frame = Predictor([barenet.train(frame, n_valid=8, **SMALL).model])
    np.testing.assert_array_equal(from_frame.predict_proba(asked), from_frame.predict_proba(as_text))


@pytest.mark.extra
def test_a_data_frame_of_bytes_is_images_as_its_file_is():
    pandas = pytest.importorskip("pandas")
    pixels = RNG.integers(0, 256, (20, 64))
    dataset = barenet.from_arrays(pandas.DataFrame(pixels, columns=[f"pixel{i}" for i in range(64)]), Y[:20])
    assert (dataset.kind, dataset.image_shape, dataset.train_images.dtype) == ("images", (8, 8), np.uint8)


# Tables for a trained model


def trained(tmp_path, header):
    """Return a model of a table whose first column counts the rows, and the lines of its features and labels."""
    lines = [f"{a},{b},{'xy'[i % 2]}" for i, (a, b) in enumerate(measured())]
    path = write(tmp_path / "train.csv", [*filter(None, [header]), *(f"{i},{line}" for i, line in enumerate(lines))])
    return Predictor([barenet.train(data=path, n_valid=8, **SMALL).model]), lines


@pytest.mark.parametrize("header", ["id,a,b,label", None])
def test_columns_without_names_are_taken_by_place_only_where_one_place_is_meant(header, tmp_path):
    predictor, lines = trained(tmp_path, header)
    features = [line.rpartition(",")[0] for line in lines[:2]]
    paths = {
        "taken": write(tmp_path / "taken.csv", features),
        "all": write(tmp_path / "all.csv", [f"{i},{line}" for i, line in enumerate(lines[:2])]),
    }
    first, second = ([found.probabilities for found in barenet.recognise(predictor, [path])] for path in paths.values())
    np.testing.assert_array_equal(first, second)
    for either in (lines[:2], [f"0,{line}" for line in features]):  # with labels, or with the column that counts
        with pytest.raises(
            DataError, match=r"has 3 columns without names, .*: give all 4, or the 2 that the model takes"
        ):
            barenet.recognise(predictor, [write(tmp_path / "either.csv", either)])


def test_labelled_rows_of_one_class_are_read_for_a_model(tmp_path):
    predictor, lines = trained(tmp_path, "id,a,b,label")
    path = write(
        tmp_path / "one.csv", ["label,b,a", *(f"y,{line.split(',')[1]},{line.split(',')[0]}" for line in lines[1:2])]
    )
    dataset, notes = read(
        path, **{k: v for k, v in predictor.info.reading().items() if k in ("columns", "class_names")}
    )
    assert dataset.class_names == ("x", "y")
    assert dataset.train_labels.tolist() == [1]
    np.testing.assert_allclose(dataset.train_images, [[float(value) for value in lines[1].split(",")[:2]]], rtol=1e-6)
    assert not said(notes, "cannot learn it")


# Features and pixels in other units


def test_features_in_other_units_than_in_training_give_a_warning():
    x = RNG.normal([5, 170, 1], [1, 10, 0.2], (60, 3))
    model = barenet.train({"a": x[:, 0], "cm": x[:, 1], "b": x[:, 2]}, np.arange(60) % 2, n_valid=8, **SMALL).model
    assert model.inputs(x[:5]).notes == model.inputs(x[:1]).notes == {}
    assert "cm (" in model.inputs(x * [1, 10, 1]).notes["unusual"]
    with pytest.warns(InputWarning, match=r"standard deviations from the mean .*: cm \(.* other units"):
        Predictor([model]).predict(x[:1] * [1, 10, 1])
    assert "nearly the same" in model.inputs(x.mean(axis=0) + (x - x.mean(axis=0)) / 100).notes["unusual"]


@pytest.mark.parametrize("trained", ["-1 to 1", "standardised", "times 257"])
def test_bytes_give_a_warning_for_a_model_of_flat_images_on_another_scale(trained):
    pixels = RNG.integers(0, 256, (60, 64)).astype(np.uint8)
    pixels[:, :20] = np.where(RNG.random((60, 20)) < 0.1, pixels[:, :20], 0)  # dark at the border
    x = {"-1 to 1": pixels / 127.5 - 1, "standardised": (pixels - 127.0) / 70, "times 257": pixels * 257.0}[trained]
    model = barenet.train(x, np.arange(60) % 2, n_valid=8, **SMALL).model
    assert model.inputs(x).notes == {}
    assert "they may have other units" in model.inputs(pixels).notes["unusual"]


def test_validation_and_test_features_in_other_units_give_a_warning(make_config):
    notes = listen()
    for factor, n_notes in ((1, 0), (1000, 1)):
        dataset = barenet.from_arrays(X, Y, X * factor, Y, x_val=X * factor, y_val=Y)
        prepare(make_config(batch_size=8, n_valid=40), dataset)
        for part in ("validation", "test"):
            assert sum(f"of the {part} rows most values lie" in note for note in notes) == n_notes


@pytest.mark.parametrize(
    ("make", "scale"),
    [
        (lambda pixels: (pixels > 127).astype(np.uint8), 1),
        (lambda pixels: pixels // 16, 1 / 15),
        (lambda pixels: pixels - 127.5, 1 / 127.5),
    ],
    ids=["0 and 1", "0 to 15", "centred"],
)
def test_pixels_of_any_range_are_brought_to_about_one_and_brighter_ones_refused(make, scale):
    pixels = RNG.integers(0, 256, (40, 8, 8)).astype(np.uint8)
    pixels[0, 0, :2] = 0, 255
    x = make(pixels)
    model = barenet.train(x, Y, n_valid=8, **SMALL).model
    assert model.info.scale == pytest.approx(scale)
    assert model.inputs(x.reshape(40, -1)).notes == {}
    with pytest.raises(ShapeError):
        model.inputs(pixels.reshape(40, -1))


def test_a_test_table_without_names_is_taken_by_place_with_a_note(tmp_path):
    rows = [f"{a},{b},{'xy'[i % 2]}" for i, (a, b) in enumerate(measured())]
    write(tmp_path / "train.csv", ["a,b,label", *rows])
    write(tmp_path / "test.csv", rows[:8])
    dataset, notes = read(tmp_path)
    np.testing.assert_array_equal(dataset.test_images, dataset.train_images[:8])
    assert said(notes, "test.csv: columns are taken by their places, as its columns have no names")


@pytest.mark.parametrize("kind", ["numbers", "text"])
def test_exported_files_take_columns_without_names_by_the_same_rule(kind):
    columns = [{"name": "a", "position": 1, "is_text": False}, {"name": "b", "position": 2, "is_text": kind == "text"}]
    table = {"has_names": True, "label_name": "label", "n_columns": 4, "label": 3}
    counter, a, b, label = [1, 2], [0.5, 1.5], ["u", "v"] if kind == "text" else [2.5, 3.5], ["x", "y"]
    assert find_places(None, [counter, a, b, label], columns, table) == [1, 2]
    assert find_places(None, [a, b], columns, table) == [0, 1]
    either = [[a, b, label], [counter, a, b]]
    if kind == "text":  # the names show that the labels are missing
        assert find_places(None, either.pop(), columns, table) == [1, 2]
    for cells in either:
        with pytest.raises(ValueError, match=r"3 columns, .*: give all 4, or the 2 that the model takes"):
            find_places(None, cells, columns, table)
