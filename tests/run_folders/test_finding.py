"""What a path or a name alone means: a run, a study's best run, or a model file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from told import listen

from barenet.errors import RunError
from barenet.run_folders.finding import describe_names, find_folder, find_run, name_of_run


@pytest.fixture
def there(tmp_path, monkeypatch):
    """Return a function that makes empty files in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return make


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("quick-1", "runs/quick-1"),
        ("quick-1/best.safetensors", "runs/quick-1/best.safetensors"),
        ("runs/quick-1", "runs/quick-1"),
        ("course-1", "studies/course-1"),
        ("pictures", "runs/pictures"),  # a folder of pictures is not a run
        ("runs", "runs"),
        ("nowhere", "nowhere"),
        (".", "."),
    ],
)
def test_a_name_alone_is_looked_up_among_runs_and_studies(name, found, there):
    there("runs/quick-1/best.safetensors", "studies/course-1/study.json", "pictures/a.png", "runs/pictures/config.toml")
    assert find_folder(name) == Path(found)


def test_an_existing_path_is_found_from_any_folder(there, tmp_path):
    there("runs/quick-1/config.toml")
    assert find_folder(tmp_path / "runs" / "quick-1") == tmp_path / "runs" / "quick-1"


@pytest.mark.parametrize(
    "places", [("runs/mine", "studies/mine"), ("mine", "runs/mine"), ("mine", "studies/mine")], ids=" and ".join
)
def test_the_error_about_a_name_with_two_meanings_names_both(places, there, tmp_path):
    there(*(f"{place}/config.toml" for place in places))
    with pytest.raises(RunError) as error:
        find_run("mine")
    first, second = (str(tmp_path / "mine") if place == "mine" else str(Path(place)) for place in places)
    assert str(error.value) == f"mine may mean {first} or {second}: give one of these paths"
    assert find_run(tmp_path / places[0]) == tmp_path / places[0]
    assert find_run(second) == Path(second)


def test_two_paths_of_one_folder_count_as_one(there, tmp_path):
    there("runs/mine/config.toml")
    try:
        (tmp_path / "mine").symlink_to(tmp_path / "runs" / "mine")
    except OSError:
        pytest.skip("no links here")
    assert find_folder("mine") == Path("mine")


def test_a_study_means_its_best_run_and_a_note_says_so(there):
    there("studies/course-1/study.json", "studies/course-1/config.toml", "studies/course-1/best/config.toml")
    notes = listen()
    assert find_run("course-1") == Path("studies/course-1/best")
    folder = Path("studies", "course-1")
    assert notes == [
        f"course-1 is taken as {folder}",
        f"{folder} is a study: taking its best run, {folder / 'best'}",
    ]


def test_a_study_without_a_best_run_says_how_to_get_one(there):
    there("studies/course-1/study.json", "studies/course-1/config.toml")
    with pytest.raises(RunError, match=r"no best run yet; go on with: barenet search --resume \S*course-1$"):
        find_run("course-1")


def test_the_name_of_a_part_begins_with_the_name_of_its_study_or_run(there):
    there(
        "studies/course-search-1/study.json",
        "studies/course-search-1/best/config.toml",
        "studies/course-search-1/retrained/config.toml",
        "runs/quick-2/config.toml",
        "runs/quick-2/seed-1/config.toml",
        "best/config.toml",
    )
    names = {
        "studies/course-search-1/best": "course-search-1, best run",
        "studies/course-search-1/retrained": "course-search-1, retrained run",
        "runs/quick-2": "quick-2",
        "runs/quick-2/seed-1": "quick-2, seed-1",
        "best": "best",
    }
    assert {path: name_of_run(Path(path)) for path in names} == names


@dataclass
class Result:
    folder: Path | None


def test_the_result_of_training_means_its_folder(there):
    there("runs/quick-1/config.toml")
    assert find_run(Result(Path("runs/quick-1"))) == Path("runs/quick-1")
    with pytest.raises(RunError, match="kept in memory"):
        find_run(Result(None))


def test_none_means_the_latest_run(there):
    there("runs/quick-1/config.toml", "runs/quick-1/best.safetensors")
    assert find_run(None) == Path("runs/quick-1")
    with pytest.raises(RunError, match="no run in elsewhere"):
        find_run(None, runs="elsewhere")


def test_the_message_about_a_missing_name_has_the_nearest_name_or_all_names(there):
    assert describe_names(Path("runs/x")) == "there are none in runs and studies"
    there("runs/first/config.toml", "studies/mine/config.toml")
    assert describe_names(Path("runs/frist")) == "did you mean 'first'?"
    assert describe_names(Path("studies/mien")) == "did you mean 'mine'?"
    assert describe_names(Path("zzz")) == "there are first, mine in runs and studies"


def test_an_incomplete_folder_is_not_a_run(there):
    there("runs/.quick-0001.building/config.toml", "runs/.quick-0001.building/best.safetensors")
    with pytest.raises(RunError, match="no run in runs"):
        find_run(None)
    assert describe_names(Path("quick")) == "there are none in runs and studies"
