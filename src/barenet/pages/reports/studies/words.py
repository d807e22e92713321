"""How far a search is, who won, how to continue, and what to try next, in words for a page."""

from __future__ import annotations

import math
from dataclasses import dataclass

from barenet.analysis.saved_study import SavedStudy
from barenet.messages import as_typed, count
from barenet.pages.reports.studies.plots import shares_of
from barenet.pages.reports.studies.trials import score_words, spread_words, value_text
from barenet.plots.tuning.search import compared, varied
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = [
    "Command",
    "again_command",
    "edge_words",
    "noise_words",
    "numbers",
    "resume_command",
    "status_words",
    "winner_commands",
]

MATTERS = 0.1  # a setting that explains a smaller share of the scores' variance gives no hint
NEAR = 0.05  # how near to the end of a range, as a share of it, a value is at the edge


@dataclass(frozen=True)
class Command:
    """A command for the terminal, or Python code, and what it does."""

    words: str
    code: str


def status_words(saved: SavedStudy) -> str:
    """Return how far a search is that is not finished; "" for a finished one."""
    if saved.is_finished:
        return ""
    n_ended = sum(trial.ended is not None for trial in saved.result.trials)
    done = f"{n_ended:,} of {count(saved.n_planned, 'trial')} have ended"
    if saved.n_repeats_planned and n_ended >= saved.n_planned:
        done += f", and {saved.n_repeats:,} of {count(saved.n_repeats_planned, 'training')} with other seeds are done"
    state = "This search is still running" if saved.is_running else "This search was interrupted"
    return f"{state}: {done}. The page shows the results so far."


def resume_command(saved: SavedStudy) -> Command:
    """Return how to continue a search, or how to write the page again while it runs."""
    path = as_typed(saved.path)
    if saved.is_running:
        return Command("To see the results later, write the page again:", f"barenet report {path}")
    if saved.request.from_arrays:
        code = f'barenet.search(resume="{saved.path.as_posix()}", x=x, y=y)'
        return Command("Its images were given as arrays. To continue, give them again in Python:", code)
    return Command(
        "To continue it, to the same results as without the interruption:", f"barenet search --resume {path}"
    )


def again_command(saved: SavedStudy) -> str:
    """Return how to do the same search again."""
    file = saved.path / "space.toml"
    if saved.request.from_arrays:
        return f'barenet.search("{file.as_posix()}", x=x, y=y)'
    return f"barenet search {as_typed(file)}"


def ending_words(saved: SavedStudy) -> str:
    """Return how the trials ended, as a list of counts."""
    counts = {"stopped": "stopped early", "diverged": "diverged", "failed": "failed"}
    found = [(sum(t.ended == how for t in saved.result.trials), words) for how, words in counts.items()]
    finished = sum(trial.ended == "finished" for trial in saved.result.trials)
    return ", ".join([f"{finished:,} finished", *(f"{n:,} {words}" for n, words in found if n)])


def numbers(saved: SavedStudy) -> list[tuple[str, str, str]]:
    """Return the figures at the top of the page: name, value, detail."""
    result = saved.result
    epochs = sum(trial.last.epochs for trial in result.trials if trial.last)
    rows = [("trials", f"{len(result.trials):,}", ending_words(saved))]
    if result.best is not None:
        score = result.best.score(result.plan)
        what = "accuracy" if result.plan.metric == "acc" else "loss"
        detail = f"trial {result.best.number}, one training" if result.repeated else f"trial {result.best.number}"
        rows.append((f"validation {what}", "–" if score is None else score_words(score, result), detail))
    if result.repeated:
        first = result.repeated[0]
        detail = f"mean ± standard deviation{' in percent' if result.plan.metric == 'acc' else ''}"
        rows.append((f"with {count(first.n, 'other seed')}", spread_words(first, result), detail))
    if saved.tested is not None:
        rows.append(("test accuracy", f"{100 * saved.tested['test_accuracy']:.2f} %", "the winner, trained once more"))
    if result.noise is not None:
        rows.append(("noise", noise_words(result), "smaller differences may be chance"))
    seconds = result.seconds
    rows.append(("training time", f"{seconds:.1f} s", f"all trials, {count(epochs, 'epoch')}"))
    return rows


def noise_words(result: StudyResult) -> str:
    """Return how large a difference is that chance alone can make, as the plots write it."""
    noise = result.noise or 0.0
    return f"{100 * noise:.2g} points" if result.plan.metric == "acc" else f"{noise:.2g}"


def winner_commands(saved: SavedStudy) -> list[Command]:
    """Return what can be done with the winner, none where its folder is missing."""
    if saved.winner is None:
        return []
    best, study = saved.path / "best", as_typed(saved.path)
    if saved.request.from_arrays:
        train = Command("Train it again", f'barenet.train(x, y, settings="{(best / "config.toml").as_posix()}")')
        more = f'barenet.search(resume="{saved.path.as_posix()}", x=x, y=y, repeats={saved.request.plan.repeats + 5})'
        commands = [train, Command("Be surer which is best", more)]
    else:
        commands = [Command("Train it again", f"barenet train {as_typed(best / 'config.toml')}")]
        more = f"barenet search --resume {study} --repeats {saved.request.plan.repeats + 5}"
        commands.append(Command("Be surer which is best", more))
        if saved.tested is None:
            commands.append(Command("Test it", f"barenet test {study}"))
    commands.insert(1, Command("Write the page about its training", f"barenet report {as_typed(best)}"))
    return commands


def edge_words(saved: SavedStudy) -> str:
    """Return which values of the winner are at the edge of what was searched, "" if none is.

    Settings that make hardly a difference are left out.
    """
    best, trials = saved.result.best, compared(saved.result)
    if best is None or saved.space.listed:
        return ""
    dimensions = varied(saved.space, trials)
    shares = dict(shares_of(saved.result, dimensions))
    found = []
    for dimension in dimensions:
        side = edge(dimension, best) if shares.get(dimension.name, 0.0) >= MATTERS else ""
        if side:
            found.append(f"{dimension.name} = {value_text(best.point, dimension.name)} (the {side})")
    if not found:
        return ""
    return f"The winner is at the edge of what was searched: {', '.join(found)}. Values beyond the edge may be better."


def edge(dimension: Dimension, trial: Trial) -> str:
    """Return "smallest" or "largest" if a trial's value of a setting is at this end of its values, else "".

    Zero is no edge: settings do not go below it.
    """
    value = trial.point.get(dimension.name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if dimension.choices:
        known = [one for one in dimension.choices if isinstance(one, int | float) and not isinstance(one, bool)]
        low, high, room = float(min(known)), float(max(known)), 0.0
        place = float(value)
    else:
        change = math.log if dimension.log else float
        low, high, place = change(dimension.low), change(dimension.high), change(value)
        room = NEAR * (high - low)
    if low == high:
        return ""
    if place >= high - room:
        return "largest"
    return "smallest" if place <= low + room and value != 0 else ""
