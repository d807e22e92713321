"""Folders of pictures as people have them: split folders by many names, system files, tables of labels, 16 bits."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from told import listen

import barenet
from barenet.data.datasets import from_arrays
from barenet.data.loading import load_dataset
from barenet.data.pictures.picture import decode_alike
from barenet.deploy.framing import Steps
from barenet.errors import DataError

SIDE = 5


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path_factory.mktemp("cache")))


def draw(path, value=100):
    """Write a picture whose first pixel identifies it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((SIDE, SIDE), 200, np.uint8)
    pixels[0, 0] = value
    Image.fromarray(pixels).save(path)


def draw_deep(path, values):
    """Write a picture of 16 bits a pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint16)).save(path)


def load(root, **settings):
    notes = listen()
    return load_dataset(root, **settings), notes


def first_pixels(images):
    return images[:, 0].tolist()


def refusal(root, **settings):
    with pytest.raises(DataError) as caught:
        load_dataset(root, **settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


# Split folders


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set", "test_set"),
        ("training", "testing"),
        ("Train", "TEST"),
        ("train-images", "test-images"),
        ("TrainingSet", "TestSet"),
        ("seg_train", "seg_test"),
        ("fruits train", "fruits test"),
    ],
)
def test_split_folders_are_understood_by_their_usual_names(train, test, tmp_path):
    for part, value in ((train, 1), (test, 2)):
        draw(tmp_path / part / "cat" / "1.png", value)
        draw(tmp_path / part / "dog" / "1.png", value + 10)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert first_pixels(dataset.train_images) == [1, 11]
    assert first_pixels(dataset.test_images) == [2, 12]
    assert [note for note in notes if "2 training and 2 test images of 5x5, 2 classes (cat, dog)" in note]


@pytest.mark.parametrize("val", ["validation_set", "dev", "VALID", "val_images"])
def test_validation_folders_are_understood_by_their_usual_names(val, tmp_path):
    for part, value in (("train", 1), (val, 2)):
        draw(tmp_path / part / "cat" / "1.png", value)
        draw(tmp_path / part / "dog" / "1.png", value)
    assert first_pixels(load(tmp_path)[0].valid_images) == [2, 2]


@pytest.mark.parametrize("above", ["pics", "archive/dataset", "train", "data/images"])
def test_an_archive_unpacked_too_deep_is_read_all_the_same(above, tmp_path):
    for name, value in (("cat", 1), ("dog", 2)):
        draw(tmp_path / "pics" / above / name / "1.png", value)
    dataset, _ = load(tmp_path / "pics")
    assert dataset.class_names == ("cat", "dog")
    assert first_pixels(dataset.train_images) == [1, 2]


def test_parts_may_be_in_folders_of_their_names(tmp_path):
    for part, value in (("seg_train", 1), ("seg_test", 2)):
        for name in ("sea", "wood"):
            draw(tmp_path / "archive" / part / part / name / "1.png", value)
    dataset, _ = load(tmp_path)
    assert dataset.class_names == ("sea", "wood")
    assert first_pixels(dataset.test_images) == [2, 2]


def test_parts_inside_the_classes_are_understood(tmp_path):
    for name, value in (("cat", 1), ("dog", 2)):
        draw(tmp_path / name / "train" / "1.png", value)
        draw(tmp_path / name / "test" / "1.png", value + 10)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert first_pixels(dataset.train_images) == [1, 2]
    assert first_pixels(dataset.test_images) == [11, 12]
    assert [note for note in notes if "with the parts inside each" in note]


def test_a_class_without_the_parts_of_the_others_is_refused(tmp_path):
    for path in ("cat/train/1.png", "cat/test/1.png", "dog/1.png"):
        draw(tmp_path / path)
    assert f"{tmp_path / 'dog'}: {tmp_path / 'cat'} holds test, train, this class something else" in refusal(tmp_path)


@pytest.mark.parametrize(
    "names", [("train", "test"), ("training_set", "test_set"), ("train", "val", "test"), ("train",)]
)
def test_parts_without_classes_are_never_taken_for_classes(names, tmp_path):
    for part in names:
        for i in range(3):
            draw(tmp_path / part / f"{i:03}.png")
    message = refusal(tmp_path)
    assert "pictures but no folder a class, so nothing says what is on them" in message
    assert "or a table (.csv) beside them with a column of file names and one of labels" in message


def test_classes_in_the_names_of_parts_are_never_taken_for_classes(tmp_path):
    for name in ("cat_train", "cat_test", "dog_train", "dog_test"):
        draw(tmp_path / name / "1.png")
    assert "no folder a class" in refusal(tmp_path)


def test_a_test_folder_without_classes_beside_classes_is_left_out(tmp_path):
    for path in ("cat/1.png", "dog/1.png", "test/1.png"):
        draw(tmp_path / path)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert [note for note in notes if "left out test, without folders of classes" in note]


def test_a_single_test_class_with_folders_in_it_stays_that_class(tmp_path):
    for path in ("train/cat/1.png", "train/dog/1.png", "test/cat/a/1.png", "test/cat/b/1.png"):
        draw(tmp_path / path)
    assert load(tmp_path)[0].test_labels.tolist() == [0, 0]


def test_system_files_and_folders_are_left_out_and_counted(tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png"):
        draw(tmp_path / path)
    for path in (
        *("@eaDir/1.png", "__MACOSX/train/cat/._1.png", ".ipynb_checkpoints/1.png"),
        *("train/@eaDir/cat/1.png", "train/cat/@eaDir/1.png", "train/cat/.ipynb_checkpoints/1-checkpoint.png"),
        "train/cat/._1.png",
    ):
        draw(tmp_path / path)
    for path in ("Thumbs.db", "train/dog/Thumbs.db", "train/desktop.ini", "train/dog/sub/.DS_Store"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    dataset, notes = load(tmp_path)
    assert (dataset.class_names, len(dataset.train_images), len(dataset.test_images)) == (("cat", "dog"), 2, 2)
    (note,) = [note for note in notes if "hidden or system" in note]
    assert "left out 11 hidden or system files and folders: .DS_Store, ._1.png, 2 .ipynb_checkpoints, 3 @eaDir" in note


# Tables of labels


@pytest.mark.parametrize("with_suffix", [True, False])
@pytest.mark.parametrize("folder", ["", "images"])
@pytest.mark.parametrize("header", ["file,kind", "kind,file", None])
def test_pictures_beside_a_table_of_labels_are_read(with_suffix, folder, header, tmp_path):
    rows = []
    for i in range(6):
        draw(tmp_path / folder / f"img_{i}.png", i)
        cells = [f"img_{i}.png" if with_suffix else f"img_{i}", "ant" if i % 2 else "bee"]
        rows.append(",".join(cells[::-1] if header == "kind,file" else cells))
    (tmp_path / "labels.csv").write_text("\n".join([header, *rows] if header else rows), encoding="utf-8")
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("ant", "bee")
    assert first_pixels(dataset.train_images) == [0, 1, 2, 3, 4, 5]
    assert dataset.train_labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert [note for note in notes if "pictures with labels from labels.csv (file names: " in note]


def test_numbers_that_lost_their_zeros_name_pictures_and_labels_that_look_like_names_do_not(tmp_path):
    for i in range(12):
        draw(tmp_path / f"{i:04}.png", i)
    lines = "".join(f"{i}\t{i % 3}\n" for i in range(12))
    (tmp_path / "labels.tsv").write_text("id\tlabel\n" + lines, encoding="utf-8")
    assert load(tmp_path)[0].train_labels.tolist() == [0, 1, 2] * 4


def test_tables_of_parts_name_the_pictures_of_their_folders(tmp_path):
    for part, n in (("train", 4), ("test", 2)):
        for i in range(n):
            draw(tmp_path / part / f"{i}.png", i + 10 * (part == "test"))
        rows = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(n))
        (tmp_path / f"{part}.csv").write_text("image,label\n" + rows, encoding="utf-8")
    dataset, _ = load(tmp_path)
    assert first_pixels(dataset.train_images) == [0, 1, 2, 3]
    assert first_pixels(dataset.test_images) == [10, 11]
    assert dataset.test_labels.tolist() == [0, 1]


def test_a_column_may_give_the_part_and_the_label_column_is_known_by_its_name(tmp_path):
    for i in range(6):
        draw(tmp_path / "img" / f"{i}.png", i)
    rows = "".join(f"img/{i}.png,{i * 1.5},{'ab'[i % 2]},{'train' if i < 4 else 'test'}\n" for i in range(6))
    (tmp_path / "meta.csv").write_text("path,weight,class,split\n" + rows, encoding="utf-8")
    dataset, _ = load(tmp_path)
    assert dataset.train_labels.tolist() == [0, 1, 0, 1]
    assert first_pixels(dataset.test_images) == [4, 5]


def test_a_folder_called_images_is_no_class_where_a_table_gives_labels(tmp_path):
    for i in range(4):
        draw(tmp_path / "images" / f"{i}.png", i)
        draw(tmp_path / "masks" / f"{i}_mask.png", 9)
    rows = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(4))
    (tmp_path / "labels.csv").write_text(rows, encoding="utf-8")
    dataset, notes = load(tmp_path)
    assert first_pixels(dataset.train_images) == [0, 1, 2, 3]
    assert [note for note in notes if "left out 4 pictures of no class" in note]


def test_names_without_a_picture_are_refused_or_left_out(tmp_path):
    for i in range(4):
        draw(tmp_path / f"{i}.png")
    (tmp_path / "labels.csv").write_text("0.png,a\n1.png,b\n2.png,a\n9.png,b\n", encoding="utf-8")
    assert "no picture exists for 1 name: 9.png" in refusal(tmp_path)
    dataset, notes = load(tmp_path, skip_broken=True)
    assert len(dataset.train_images) == 3
    assert [note for note in notes if "left out 1 picture of no class: 3.png" in note]


def test_two_columns_that_may_hold_the_labels_are_named(tmp_path):
    for i in range(4):
        draw(tmp_path / f"{i}.png")
    rows = "".join(f"{i}.png,{'ab'[i % 2]},{'xy'[i // 2]}\n" for i in range(4))
    (tmp_path / "labels.csv").write_text("file,kind,view\n" + rows, encoding="utf-8")
    assert "which column holds the labels of the pictures? Name it by --label, one of kind, view" in refusal(tmp_path)


def test_a_picture_beside_tables_of_numbers_does_not_make_them_pictures(tmp_path):
    draw(tmp_path / "plots" / "fig.png")
    (tmp_path / "train.csv").write_text("a,b,label\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n", encoding="utf-8")
    assert load(tmp_path)[0].kind == "features"


# 16 bits a pixel

PARTS_OF_DEEP = (("train", 1), ("test", 2))  # by what the values are divided


def deep_folder(root, highest, lowest=0):
    """Two classes of dark and bright pictures with values from `lowest` to `highest`; one of each to test on."""
    ramp = np.linspace(lowest, highest, SIDE * SIDE).reshape(SIDE, SIDE)
    for part, divisor in PARTS_OF_DEEP:
        for name, values in (("dark", ramp), ("light", highest + lowest - ramp)):
            draw_deep(root / part / name / "1.png", np.rint(values / divisor))
    return ramp


@pytest.mark.parametrize("highest", [1023, 4095, 16383])
def test_values_of_fewer_bits_than_16_are_spread_over_the_bytes(highest, tmp_path):
    ramp = deep_folder(tmp_path, highest)
    for _ in range(2):  # decoded, and read from the cache
        dataset, notes = load(tmp_path)
        expected = np.rint(np.rint(ramp) * 255 / highest).ravel()
        assert dataset.train_images[0].tolist() == expected.tolist()
        assert abs(dataset.test_images[0].astype(float) - expected / 2).max() <= 1  # the scale is the training one
        assert dataset.value_range == (0, highest)
        (note,) = [note for note in notes if "16 bits" in note]
        assert f"4 of 4 pictures in {tmp_path} have 16 bits a pixel" in note
        assert f"0 to {highest} are taken as 0 to 255" in note


def test_a_model_of_an_earlier_version_gets_the_upper_8_bits_as_it_did(tmp_path):
    ramp = deep_folder(tmp_path, 4095)
    upper = {part: [np.rint(own / k).astype(int) >> 8 for own in (ramp, 4095 - ramp)] for part, k in PARTS_OF_DEEP}
    arrays = {part: np.array(own, np.uint8) for part, own in upper.items()}
    before = from_arrays(arrays["train"], [0, 1], arrays["test"], [0, 1])
    dataset, notes = load(tmp_path, trained_on=before.fingerprint)
    assert dataset.fingerprint == before.fingerprint
    assert [note for note in notes if "read as by the earlier version that trained this model" in note]


def test_values_far_from_0_are_spread_too(tmp_path):
    deep_folder(tmp_path, 31_000, 29_000)
    images = load(tmp_path)[0].train_images
    assert (images.min(), images.max(), len(np.unique(images))) == (0, 255, 25)


def test_pictures_that_use_all_16_bits_keep_their_upper_8(tmp_path):
    ramp = deep_folder(tmp_path, 65_535)
    dataset, notes = load(tmp_path)
    assert dataset.train_images[0].tolist() == (np.rint(ramp).astype(int) >> 8).ravel().tolist()
    assert not [note for note in notes if "16 bits" in note]


def test_bytes_in_16_bits_stay_bytes(tmp_path):
    ramp = deep_folder(tmp_path, 250)
    assert load(tmp_path)[0].train_images[0].tolist() == np.rint(ramp).ravel().tolist()


@pytest.mark.slow  # a run draws figures
def test_a_model_scales_16_bits_as_in_training(tmp_path):
    ramp = deep_folder(tmp_path / "pics", 4095)
    draw_deep(tmp_path / "pics" / "train" / "dark" / "2.png", np.rint(ramp))
    result = barenet.train(
        data=str(tmp_path / "pics"), epochs=1, hidden_sizes=(4,), n_valid=1, output=tmp_path / "runs", verbose=False
    )
    predictor = barenet.load(result.folder)
    assert predictor.info.preprocessing["value_range"] == [0, 4095]
    assert load_dataset(tmp_path / "pics", **predictor.info.reading()).fingerprint == predictor.info.data_fingerprint
    # It is half as bright as the training pictures, and must not be scaled by its values.
    notes = listen()
    (answer,) = barenet.recognise(
        predictor, [tmp_path / "pics" / "test" / "dark" / "1.png"], steps=Steps(crop=False, invert=False)
    )
    images = load_dataset(tmp_path / "pics").test_images[:1].reshape(1, SIDE, SIDE)
    shares = np.sort(predictor.predict_proba(images)[0])[::-1]
    np.testing.assert_allclose(answer.probabilities, shares, rtol=1e-6)
    assert [note for note in notes if "16 bits a pixel: 0 to 4095 taken as 0 to 255, as in training" in note]


def test_one_picture_of_16_bits_is_scaled_as_in_training_or_by_its_values(tmp_path):
    ramp = np.rint(np.linspace(0, 2000, SIDE * SIDE).reshape(SIDE, SIDE))
    draw_deep(tmp_path / "1.png", ramp)
    known, _ = decode_alike(tmp_path / "1.png", (0, 4000), color=False)
    np.testing.assert_array_equal(known.pixels, np.rint(ramp * 255 / 4000))
    alone, said = decode_alike(tmp_path / "1.png", None, color=False)
    np.testing.assert_array_equal(alone.pixels, np.rint(ramp * 255 / 2000))
    assert "the values found, as no training picture had 16 bits" in said[0]


def png_of_colors(values):
    """Return a PNG file of 16 bits a colour, made by hand: https://www.w3.org/TR/png-3/."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("train", "test", "what"), [(4095, 65535, "become white"), (65535, 4095, "stay nearly black")])
def test_pictures_on_another_scale_than_in_training_give_a_warning(train, test, what, tmp_path):
    for part, highest in (("train", train), ("test", test)):
        for kind in ("cat", "dog"):
            draw_deep(tmp_path / part / kind / "1.png", np.linspace(0, highest, 25).reshape(5, 5))
    _, notes = load(tmp_path)
    said = f"values up to {test} {what}: these pictures are on another scale than those trained on"
    assert [note for note in notes if said in note and "test pictures" in note]
    value_range = (0, train)
    _, told = decode_alike(tmp_path / "test" / "cat" / "1.png", value_range, color=False)
    assert said in told[0]
    assert said not in decode_alike(tmp_path / "train" / "cat" / "1.png", value_range, color=False)[1][0]


def test_colours_of_16_bits_that_would_be_lost_are_refused(tmp_path):
    for name, highest in (("a", 4095), ("b", 3000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(png_of_colors(np.full((SIDE, SIDE, 3), highest)))
    message = refusal(tmp_path, color=True)
    assert "2 of 2 pictures" in message
    assert "16 bits a colour" in message
    assert "save them with 8 bits" in message
