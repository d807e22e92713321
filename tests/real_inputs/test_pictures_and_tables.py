"""Pictures as in public archives: twice, with other files, in several folders, or with tables of labels and parts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from told import listen

from barenet.data.loading import load_dataset
from barenet.errors import DataError

KINDS = ("cat", "dog")


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path_factory.mktemp("cache")))


def draw(path, value=0):
    """Write a picture whose first pixel identifies it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 4), 200, np.uint8)
    pixels[0, 0] = value
    Image.fromarray(pixels).save(path)


def draw_classes(root, classes=KINDS, n=2):
    for name in classes:
        for i in range(n):
            draw(root / name / f"{name}{i}.png")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def load(root, **settings):
    notes = listen()
    return load_dataset(root, **settings), notes


def refusal(root, **settings):
    with pytest.raises(DataError) as caught:
        load_dataset(root, **settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


def first_pixels(images):
    return sorted(images[:, 0].tolist())


def test_settings_of_columns_have_no_effect_on_pictures_in_folders(tmp_path):
    draw_classes(tmp_path, n=3)
    _, notes = load(tmp_path, drop=["age"])
    assert f"{tmp_path}: pictures have no columns to learn from, so --drop has no effect" in notes


# Folders


@pytest.mark.parametrize("copy", ["flowers/flowers", "data/flowers"])
def test_a_second_copy_of_the_classes_is_left_out(copy, tmp_path):
    draw_classes(tmp_path / "flowers")
    draw_classes(tmp_path / copy)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == KINDS
    assert len(dataset.train_images) == 4
    assert [note for note in notes if "a copy of the folders beside it" in note]


def test_a_number_after_the_name_of_a_part_does_not_make_it_a_class(tmp_path):
    for name in ("train/cat.0.png", "train/dog.0.png", "test1/1.png"):
        draw(tmp_path / name)
    assert "test1, train hold pictures but no folder a class" in refusal(tmp_path)


@pytest.mark.parametrize("companion", ["masks", "annotations", "labels"])
def test_what_belongs_to_pictures_is_no_class(companion, tmp_path):
    draw(tmp_path / "images" / "1.png")
    draw(tmp_path / companion / "1.png")
    assert "images holds pictures but no folders of classes" in refusal(tmp_path)
    for kind in KINDS:
        draw(tmp_path / "images" / kind / "1.png")
    (tmp_path / "images" / "1.png").unlink()
    dataset, notes = load(tmp_path)
    assert dataset.class_names == KINDS
    assert [note for note in notes if f"{companion}, which belongs to the pictures" in note]


def test_folders_that_all_classes_hold_are_noted(tmp_path):
    for domain in ("photo", "sketch"):
        draw_classes(tmp_path / domain)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("photo", "sketch")
    assert [note for note in notes if "photo, sketch holds the folders cat, dog, taken together as one class" in note]


def test_a_link_to_a_folder_is_followed_but_not_in_a_circle(tmp_path):
    draw_classes(tmp_path / "store")
    for kind in KINDS:
        (tmp_path / "pics" / kind).mkdir(parents=True)
        (tmp_path / "pics" / kind / "own").symlink_to(tmp_path / "store" / kind)
    (tmp_path / "store" / "cat" / "back").symlink_to(tmp_path / "pics" / "cat")
    assert len(load(tmp_path / "pics")[0].train_images) == 4


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("1.tif", "holds 2 pictures that barenet does not read (.tif): save them as PNG"),
        ("1", "holds pictures whose names do not end as those of pictures do (1): add .png or .jpg"),
    ],
)
def test_pictures_that_are_not_read_are_named(name, fault, tmp_path):
    for kind in KINDS:
        draw(tmp_path / kind / "1.png")
        (tmp_path / kind / "1.png").rename(tmp_path / kind / name)
    assert fault in refusal(tmp_path)


# Tables of labels


def beside_table(root, table, n=6, folder="images"):
    for i in range(n):
        draw(root / folder / f"p{i}.png", i)
    write(root / "labels.csv", table)


def test_a_column_a_class_is_read_by_the_1_in_each_row(tmp_path):
    rows = "".join(f"p{i},{int(i % 3 == 0)},{int(i % 3 == 1)},{int(i % 3 == 2)}\n" for i in range(6))
    beside_table(tmp_path, "image_id,healthy,rust,scab\n" + rows)
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("healthy", "rust", "scab")
    assert dataset.train_labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert [note for note in notes if "labels: a column a class: healthy, rust, scab" in note]


def test_a_picture_of_several_labels_is_refused_unless_one_of_them_is_named(tmp_path):
    beside_table(tmp_path, "image,cat,dog\n" + "".join(f"p{i}.png,{i % 2},1\n" for i in range(6)))
    assert "'p1.png' has 2 of the labels cat, dog, expected one" in refusal(tmp_path)
    assert load(tmp_path, label="cat")[0].train_labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_the_column_of_labels_is_the_one_that_is_asked_for(tmp_path):
    beside_table(tmp_path, "image,view,kind\n" + "".join(f"p{i}.png,{'ab'[i // 3]},{'xy'[i % 2]}\n" for i in range(6)))
    assert load(tmp_path, label="kind")[0].class_names == ("x", "y")
    assert load(tmp_path, label=2)[0].class_names == ("a", "b")


def test_folders_that_are_pieces_of_one_whole_are_no_classes_beside_a_table(tmp_path):
    for i in range(6):
        draw(tmp_path / f"HAM_images_part_{i % 2 + 1}" / f"p{i}.png", i)
    rows = "".join(f"lesion{i},p{i},{('mel', 'nv')[i // 3]},{'ab'[i % 2]}\n" for i in range(6))
    write(tmp_path / "metadata.csv", "lesion_id,image_id,dx,dx_type\n" + rows)
    assert "which column holds the labels of the pictures? Name it by --label" in refusal(tmp_path)
    dataset, _ = load(tmp_path, label="dx")
    assert dataset.class_names == ("mel", "nv")
    assert first_pixels(dataset.train_images[dataset.train_labels == 0]) == [0, 1, 2]


def test_the_table_itself_may_be_given(tmp_path):
    beside_table(tmp_path, "image,label\n" + "".join(f"p{i}.png,{'xy'[i % 2]}\n" for i in range(6)))
    write(tmp_path / "other.csv", "image,label\n" + "".join(f"p{i}.png,{'xyz'[i % 3]}\n" for i in range(6)))
    assert "has the labels" in refusal(tmp_path)
    dataset, _ = load(tmp_path / "other.csv")
    assert dataset.class_names == ("x", "y", "z")
    assert dataset.kind == "pictures"


def test_names_of_pictures_that_are_not_there_are_no_features(tmp_path):
    beside_table(tmp_path, "image,label\n" + "".join(f"q{i}.png,{'xy'[i % 2]}\n" for i in range(20)))
    assert "holds pictures but no folders of classes" in refusal(tmp_path)
    beside_table(tmp_path, "image,label\n" + "".join(f"p{i}.png,{'xy'[i % 2]}\n" for i in range(20)))
    assert "no picture exists for 14 names: p6.png, p7.png" in refusal(tmp_path)


def test_a_text_beside_each_picture_is_no_table_of_labels(tmp_path):
    for i in range(2):
        draw(tmp_path / "images" / "train" / f"{i}.png")
        draw(tmp_path / "images" / "val" / f"{i}.png")
        write(tmp_path / "labels" / "train" / f"{i}.txt", "0 0.5 0.5 1 1\n")
    assert "train, val hold pictures but no folder a class" in refusal(tmp_path)


# Tables of parts


def test_a_column_says_by_yes_or_no_what_is_to_validate_on(tmp_path):
    rows = "".join(f"p{i}.png,{'xy'[i % 2]},{i > 3}\n" for i in range(6))
    beside_table(tmp_path, "fname,labels,is_valid\n" + rows)
    dataset, _ = load(tmp_path)
    assert first_pixels(dataset.train_images) == [0, 1, 2, 3]
    assert first_pixels(dataset.valid_images) == [4, 5]


def test_a_list_of_all_does_not_bring_test_pictures_into_training(tmp_path):
    def rows(*numbers):
        return "image,label\n" + "".join(f"p{i}.png,{'xy'[i % 2]}\n" for i in numbers)

    beside_table(tmp_path, rows(*range(6)))
    write(tmp_path / "test.csv", rows(4, 5))
    assert first_pixels(load(tmp_path)[0].train_images) == [0, 1, 2, 3]
    write(tmp_path / "train.csv", rows(0, 1))
    assert first_pixels(load(tmp_path)[0].train_images) == [0, 1]
    write(tmp_path / "train.csv", rows(0, 1, 4))
    assert "1 picture to train on and also of the part test: images/p4.png" in refusal(tmp_path)


def test_test_pictures_in_one_folder_get_their_classes_from_their_table(tmp_path):
    for c in range(3):
        for i in range(2):
            draw(tmp_path / "Train" / str(c) / f"{c}_{i}.png", 10 * c)
        draw(tmp_path / "Meta" / f"{c}.png")
        draw(tmp_path / "Test" / f"{c:05}.png", 2 - c)
    head = "Width,ClassId,Path\n"
    write(
        tmp_path / "Train.csv", head + "".join(f"{c % 2},{c},Train/{c}/{c}_{i}.png\n" for c in range(3) for i in (0, 1))
    )
    write(tmp_path / "Test.csv", head + "".join(f"{c % 2},{2 - c},Test/{c:05}.png\n" for c in range(3)))
    write(tmp_path / "Meta.csv", "Path,ClassId\n" + "".join(f"Meta/{c}.png,{c}\n" for c in range(3)))
    dataset, notes = load(tmp_path)
    assert len(dataset.train_images) == 6
    assert dataset.test_labels.tolist() == dataset.test_images[:, 0].tolist() == [2, 1, 0]
    assert [note for note in notes if "test by Test.csv (labels: ClassId)" in note]


def test_tables_say_the_parts_of_pictures_in_folders_of_classes(tmp_path):
    draw_classes(tmp_path, n=3)
    for part, i in (("train", 0), ("validation", 1), ("test", 2)):
        rows = "".join(f"{i},{kind}/{kind}{i}.png,{c},{kind}\n" for c, kind in enumerate(KINDS))
        write(tmp_path / f"{part}.csv", "No,Filename,Label,ClassName\n" + rows)
    dataset, _ = load(tmp_path)
    assert dataset.class_names == KINDS
    assert [len(own) for own in (dataset.train_images, dataset.valid_images, dataset.test_images)] == [2, 2, 2]
