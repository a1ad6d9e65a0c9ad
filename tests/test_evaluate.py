"""`secondeye evaluate`: the numbers, going on after a stop, bad input, and what is written."""

import csv
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import secondeye
from secondeye import datasets, inpainters, progress
from secondeye.cli.app import run
from secondeye.errors import InputError, WeightsError
from secondeye.evaluate.disparity import filled
from secondeye.evaluate.job import Evaluation
from secondeye.evaluate.work import contents_of
from secondeye.metrics import Pair, Skipped, lpips, psnr
from secondeye.progress import Progress
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip
from tests.stereo_world import views

SCENES = "scenes:count=3,size=64x48,frames=3,samples=1"
Csv = list[dict[str, str]]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two pairs without truth, and one whose views do not fit together."""
    folder = tmp_path_factory.mktemp("pairs")
    entries = []
    for number, name in enumerate(("first", "second", "odd")):
        left, right, _ = views(0, 48, 64, seed=number)
        (folder / name).mkdir()
        if name == "odd":
            right = right[:, :60]
        for side, view in (("left", left), ("right", right)):
            Image.fromarray(np.rint(view * 255).astype(np.uint8)).save(folder / name / f"{side}.png")
        files = [{"file": "left.png"}, {"file": "right.png"}]
        entries.append({"name": name, "kind": "stereo_pair", "directory": name, "files": files})
    (folder / "manifest.json").write_text(json.dumps({"entries": entries}))
    return folder


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    out = tmp_path_factory.mktemp("scenes") / "report"
    return evaluate(SCENES, out, inpainter=("stretch", "telea"), metrics=("psnr", "mae"))


def evaluate(dataset: Any, out: Path, **options: Any) -> Evaluation:
    found = secondeye.evaluate(dataset, out, **options)
    assert isinstance(found, Evaluation)
    return found


def lines_of(path: Path) -> Csv:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_hand(fill: str) -> Iterator[dict[str, float]]:
    """PSNR by region of each scene, without the evaluator."""
    for video in datasets.build(SCENES).videos:
        frames = []
        for number, frame in enumerate(video.frames()):
            clip = Clip(frame.left[None], number, torch.tensor([number]))
            assert frame.disparity is not None
            shift = filled(frame.disparity)[None, None]
            warped = WarpedClip(clip, shift, *splat_forward(clip.rgb, shift))
            made = next(iter(inpainters.build(fill).inpaint(iter([warped])))).right.rgb[0].clamp(0, 1)
            frames.append(psnr.frame_scores(Pair(made, frame.left, frame.right, frame.hole)))
        regions = list(dict.fromkeys(region for scores in frames for region in scores))
        known = {r: [s[r] for s in frames if r in s and not math.isnan(s[r])] for r in regions}
        yield {str(r): float(np.mean(values)) for r, values in known.items() if values}


@pytest.mark.parametrize("fill", ["stretch", "telea"])
def test_numbers_are_those_of_the_metrics_called_by_hand(scenes: Evaluation, fill: str) -> None:
    method = f"truth/surface/{fill}"
    clips = [r for r in scenes.summary.results if r.method == method]
    hands = list(by_hand(fill))
    assert len(clips) == len(hands) == 3
    for clip, hand in zip(clips, hands, strict=True):
        scores = clip.protocols["metrics"]["PSNR"]
        assert isinstance(scores, dict)
        assert {r: s.value for r, s in scores.items() if not math.isnan(s.value)} == pytest.approx(hand, abs=1e-9)
    for line in lines_of(scenes.folder / "sets.csv"):
        if line["method"] == method and line["measure"] == "PSNR":
            values = [hand[line["region"]] for hand in hands if line["region"] in hand]
            assert float(line["value"]) == pytest.approx(np.mean(values), abs=1e-9)
            assert int(line["clips"]) == len(values)


def test_tables_agree_with_one_another(scenes: Evaluation) -> None:
    order = [line["region"] for line in lines_of(scenes.folder / "sets.csv")[:4]]
    assert order == ["whole", "visible", "hole", "inner_hole"]  # in every process, whatever its hashes
    frames, clips = (lines_of(scenes.folder / f"{name}.csv") for name in ("frames", "clips"))
    assert len(frames) > len(clips) > 0
    for line in clips:
        key = ("clip", "method", "measure", "region")
        values = [float(f["value"]) for f in frames if all(f[k] == line[k] for k in key)]
        assert (not values and not line["value"]) or float(line["value"]) == pytest.approx(np.mean(values))
    assert {int(line["frame"]) for line in frames} == {0, 1, 2}
    report = json.loads((scenes.folder / "report.json").read_text("utf-8"), parse_constant=pytest.fail)
    by_key = {(r["method"], r["measure"], r["region"]): r["value"] for r in report["sets"]}
    for line in lines_of(scenes.folder / "sets.csv"):
        assert by_key[line["method"], line["measure"], line["region"]] == float(line["value"])


def content_of(folder: Path) -> dict[str, Any]:
    """What a report says, but for how long it took."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    for clip in report["clips"]:
        del clip["seconds"]
    names = ("sets.csv", "clips.csv", "frames.csv", "report.html")
    return report | {name: (folder / name).read_text("utf-8") for name in names}


def test_a_stopped_run_goes_on_and_ends_the_same(
    scenes: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.0)  # every frame is told, so that it can be stopped at any
    seen: list[Progress] = []

    def stop_in_the_third(event: Progress) -> None:
        seen.append(event)
        if event.done == 8:
            raise KeyboardInterrupt

    asked: dict[str, Any] = {"inpainter": ("stretch", "telea"), "metrics": ("psnr", "mae")}
    out = tmp_path / "report"
    with pytest.raises(KeyboardInterrupt):
        evaluate(SCENES, out, progress=stop_in_the_third, **asked)
    finished = sorted((out / "work").glob("*.json"))
    assert len(finished) == 2
    assert not (out / "report.json").exists()
    finished[0].write_text(finished[0].read_text("utf-8")[:-40], "utf-8")  # torn: measured again
    seen.clear()
    evaluate(SCENES, out, progress=seen.append, **asked)
    assert (seen[0].done, seen[0].total, seen[-1].done) == (3, 18, 18)
    assert content_of(out) == content_of(scenes.folder)


def test_damaged_files_of_an_earlier_run_are_made_anew(scenes: Evaluation, tmp_path: Path) -> None:
    out = tmp_path / "report"
    shutil.copytree(scenes.folder, out)
    packs, numbers = (sorted((out / "work").glob(f"*.{kind}")) for kind in ("zip", "json"))
    packed = bytearray(packs[0].read_bytes())
    packed[len(packed) // 2] ^= 0x5A  # still a zip by its end
    packs[0].write_bytes(packed)
    packs[1].unlink()
    content = json.loads(numbers[2].read_text("utf-8"))
    content["result"]["frame_count"] = 99
    numbers[2].write_text(json.dumps(content), "utf-8")
    numbers[3].write_text("[]", "utf-8")
    seen: list[Progress] = []
    evaluate(SCENES, out, inpainter=("stretch", "telea"), metrics=("psnr", "mae"), overwrite=True, progress=seen.append)
    assert (seen[0].done, seen[-1].done) == (6, 18)
    assert content_of(out) == content_of(scenes.folder)


SLOW = """
import sys, time
from secondeye import progress
from secondeye.cli import app, display
progress.INTERVAL_S = 0.0
tell = display._Plain.progress
display._Plain.progress = lambda *told: (time.sleep(0.05), tell(*told))
sys.exit(app.run(sys.argv[1:]))
"""


def test_a_polite_kill_ends_cleanly_and_loses_nothing(scenes: Evaluation, tmp_path: Path) -> None:
    out = tmp_path / "report"
    command = ["evaluate", "--dataset", SCENES, "--metric", "psnr,mae", "--inpainter", "stretch,telea", "--out"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *command, str(out), "--progress", "plain"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while len(list((out / "work").glob("*.json"))) < 2:
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("secondeye: stopped; where parts were finished")
    assert "Traceback" not in told
    assert {path.suffix for path in (out / "work").iterdir()} <= {".json", ".zip", ""}  # "" is the lock
    seen: list[Progress] = []
    evaluate(SCENES, out, inpainter=("stretch", "telea"), metrics=("psnr", "mae"), progress=seen.append)
    assert seen[0].done >= 6
    assert content_of(out) == content_of(scenes.folder)


def test_another_method_is_added_without_measuring_the_rest_again(scenes: Evaluation, tmp_path: Path) -> None:
    out = tmp_path / "report"
    shutil.copytree(scenes.folder, out)
    with pytest.raises(InputError, match="--overwrite"):
        evaluate(SCENES, out, inpainter="telea", metrics="psnr")
    seen: list[Progress] = []
    asked: dict[str, Any] = {"inpainter": ("stretch", "telea"), "metrics": ("psnr", "mae"), "overwrite": True}
    evaluate(SCENES, out, rule=("surface", "zero"), progress=seen.append, **asked)
    assert (seen[0].done, seen[0].total) == (18, 36)


def test_what_is_not_there_is_told_and_the_rest_goes_on(pairs: Path, tmp_path: Path) -> None:
    found = evaluate(
        [SCENES, f"pairs:{pairs}", "nowhere:60"],
        tmp_path / "report",
        depth=("truth", "trooth"),
        inpainter=("stretch", "strech"),
        protocols=("ours", "hours"),
        metrics=("psnr", "pnsr", "lpips"),
        limit=2,
        frames=1,
    )
    assert {(r.dataset, r.method) for r in found.summary.results} == {("scenes", "truth/surface/stretch")}
    told = [gap.text() for gap in found.summary.gaps]
    for words in (
        "dataset nowhere:60: no dataset called 'nowhere'",
        "depth trooth: no depth called 'trooth'; did you mean 'truth'?",
        "inpainter strech: no inpainter called 'strech'; did you mean 'stretch'?",
        "protocol hours: no protocol called 'hours'; did you mean 'ours'?",
        "metric pnsr: no metric called 'pnsr'; did you mean 'psnr'?",
        "no true disparity",
        "no weights for the VGG-16 trunk",
    ):
        assert any(words in text for text in told), (words, told)
    assert all("\n" not in text for text in told)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "What is missing, and why" in page
    assert "no true disparity" in page


def test_nothing_measured_is_an_error_that_says_why(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="no true disparity"):
        evaluate(f"pairs:{pairs}", tmp_path / "a", metrics="psnr")
    with pytest.raises(WeightsError, match="no weights"):
        evaluate(SCENES, tmp_path / "b", metrics="lpips", limit=1, frames=1)
    command = ["evaluate", "--out", str(tmp_path / "c"), "--progress", "none"]
    assert run([*command, "--dataset", "scenes:1", "--protocol", "hours"]) == 2
    assert run([*command, "--dataset", "scenes:1", "--align", "thruth"]) == 2
    assert run([*command, "--dataset", "pairs:/nowhere"]) == 2
    assert run(command) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("secondeye: ")]
    assert len(lines) == 4
    assert "did you mean 'ours'?" in lines[0]
    assert "did you mean 'truth'?" in lines[1]
    assert not (tmp_path / "c").exists()


def test_each_reason_is_told_once(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--dataset", f"pairs:{pairs};only=odd", "--metric", "psnr", "--progress", "plain"]
    assert run([*command, "--out", str(tmp_path / "a")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "views of different size" in line
    assert "pairs odd" in line
    assert (
        run([*command, "--dataset", f"pairs:{pairs};only=first", "--metric", "pnsr", "--out", str(tmp_path / "b")]) == 2
    )
    err = capsys.readouterr().err
    for words in ("views of different size", "did you mean 'psnr'?", "no true disparity"):
        assert err.count(words) == 1, (words, err)


def test_a_protocol_that_measures_nothing_shows_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--dataset", SCENES, "--limit", "1", "--frames", "1", "--progress", "none"]
    assert run([*command, "--metric", "psnr", "--protocol", "m2svid", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "clip, metrics" in shown
    assert "clip, m2svid" not in shown
    assert "m2svid: PSNR, MS-SSIM, LPIPS" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "spec", ["pairs:{folder}", "pairs:{folder},only=t", "pairs:only=t;folder={folder}", "pairs:~/data"]
)
def test_changed_data_is_measured_again_however_the_folder_is_named(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    data = tmp_path / "data"
    shutil.copytree(pairs, data)
    (data / "first" / "nowhere.png").symlink_to("not-there.png")
    before = contents_of(datasets.folder_of(spec.format(folder=data)))
    (data / "first" / "right.png").write_bytes((pairs / "second" / "right.png").read_bytes())
    after = contents_of(datasets.folder_of(spec.format(folder=data)))
    assert "" != before != after
    assert contents_of(datasets.folder_of("scenes:2")) == ""


def test_clips_are_measured_again_once_weights_have_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = "scenes:1;size=64x48;frames=1;samples=1"
    for variable in ("TORCH_HOME", "SECONDEYE_WEIGHTS"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    first = evaluate(dataset, tmp_path / "report", metrics=("psnr", "lpips"))
    assert "no weights" in " ".join(gap.text() for gap in first.summary.gaps)
    torch.save(lpips.Lpips("vgg").state_dict(), tmp_path / "lpips_vgg.pth")
    lpips.load.cache_clear()
    found = evaluate(dataset, tmp_path / "report", metrics=("psnr", "lpips"), overwrite=True)
    assert not found.summary.gaps
    lpips.load.cache_clear()  # others find none
    assert {column.measure for row in found.summary.rows for column in row.values} == {"PSNR", "LPIPS"}
    seen: list[Progress] = []
    evaluate(dataset, tmp_path / "report", metrics=("psnr", "lpips"), overwrite=True, progress=seen.append)
    assert seen[0].done == 1


def predict(pairs: Path, folder: Path, names: tuple[str, ...] = ("first", "second", "odd")) -> Path:
    """The true right views as if other software had made them."""
    folder.mkdir(parents=True)
    for name in names:
        shutil.copy(pairs / name / "right.png", folder / f"{name}.png")
    return folder


def test_predictions_of_other_software_are_measured(pairs: Path, tmp_path: Path) -> None:
    perfect = predict(pairs, tmp_path / "perfect", ("first", "second"))
    (perfect / "first.json").write_text("{}")  # what other software notes beside its views
    (tmp_path / "bad").mkdir()
    Image.new("RGB", (60, 48)).save(tmp_path / "bad" / "first.png")
    (tmp_path / "bad" / "second").mkdir()
    for number in range(2):
        shutil.copy(pairs / "second" / "right.png", tmp_path / "bad" / "second" / f"{number}.png")
    folders = (f"perfect={perfect}", str(tmp_path / "bad"), str(tmp_path / "none"))
    found = evaluate(f"pairs:{pairs}", tmp_path / "report", predictions=folders, metrics="psnr")
    told = " | ".join(gap.text() for gap in found.summary.gaps)
    assert "the right view is 60x48 px, the truth 64x48" in told
    assert "second: it has more frames than the 1 of the truth" in told
    assert "none is not a folder" in told
    assert "odd" in told
    [row] = found.summary.rows
    assert (row.method, row.clips, next(iter(row.values.values()))) == ("perfect", 2, math.inf)
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert report["sets"][0]["value"] == "inf"
    assert lines_of(tmp_path / "report" / "sets.csv")[0]["value"] == "inf"
    assert "∞" in (tmp_path / "report" / "report.html").read_text("utf-8")


def test_two_datasets_of_one_kind_are_told_apart(pairs: Path, tmp_path: Path) -> None:
    """By their folders' names, in any order, and no prediction is taken for both."""
    one, two = (Path(shutil.copytree(pairs, tmp_path / name)) for name in ("one", "two"))
    for side in ("left", "right"):
        shutil.copy(pairs / "second" / f"{side}.png", two / "first" / f"{side}.png")
    asked: dict[str, Any] = {"metrics": "psnr", "predictions": f"mine={predict(one, tmp_path / 'mine')}"}
    alone = evaluate(f"pairs:{one}", tmp_path / "report", **asked)
    assert [(r.dataset, r.clip) for r in alone.summary.results] == [("pairs", "first"), ("pairs", "second")]
    both = [f"pairs:{two};only=first", f"pairs:{one}", SCENES]
    with pytest.raises(InputError, match=f"clip; other datasets have one called first too.*{tmp_path}/mine/pairs-"):
        evaluate(both, tmp_path / "none", limit=1, **asked)
    for folder in (one, two):
        predict(folder, tmp_path / "mine" / f"pairs-{folder.name}", ("first",))
    found = evaluate(both, tmp_path / "report", overwrite=True, **asked)
    numbers = {(row.dataset, row.clips): next(iter(row.values.values())) for row in found.summary.rows}
    assert numbers == {("pairs-two", 1): math.inf, ("pairs-one", 2): math.inf}
    swapped = evaluate(both[1::-1], tmp_path / "report", overwrite=True, **asked)
    assert {(row.dataset, row.clips) for row in swapped.summary.rows} == {("pairs-two", 1), ("pairs-one", 2)}
    longer = evaluate([f"pairs:{one}", SCENES, "scenes:1"], tmp_path / "r", metrics="psnr", limit=1, frames=1)
    assert [row.dataset for row in longer.summary.rows] == ["scenes", "scenes-2"]


class Page(HTMLParser):
    """Tags that close, what is referred to, and the text."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.images = 0
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.references += [v or "" for k, v in attributes if k in ("src", "href", "srcset", "action", "data")]
        self.images += tag == "img"
        assert not any(k.startswith("on") for k, _ in attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_page_is_whole_and_needs_nothing_else(scenes: Evaluation) -> None:
    text = (scenes.folder / "report.html").read_text("utf-8")
    page = Page(text)
    assert not page.open
    assert page.images > 10
    assert all(ref.startswith(("#", "data:image/jpeg;base64,")) for ref in page.references)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_names_are_escaped(pairs: Path, tmp_path: Path) -> None:
    nasty = "<script>alert('&\"')</script>"
    views_folder = predict(pairs, tmp_path / "views", ("first",))
    asked: dict[str, Any] = {"predictions": f"{nasty}={views_folder}", "metrics": "psnr"}
    evaluate(f"pairs:{pairs}", tmp_path / "report", **asked)
    text = (tmp_path / "report" / "report.html").read_text("utf-8")
    page = Page(text)
    assert nasty not in text
    assert any(nasty in words for words in page.words)
    assert text.count("<script>") == 1
    assert lines_of(tmp_path / "report" / "clips.csv")[0]["method"] == nasty


def test_estimated_depth_is_measured_and_says_how_it_was_aligned(tmp_path: Path) -> None:
    found = evaluate(SCENES, tmp_path / "a", depth="parallax", metrics="psnr", limit=1)
    [result] = found.summary.results
    assert "fitted to the true disparity" in result.depth
    assert not list((tmp_path / "a" / "work").glob("depth-*"))
    by_strength = evaluate(SCENES, tmp_path / "b", depth="parallax", metrics="psnr", limit=1, align="strength")
    assert "strength 2.00%, convergence 0.5" in by_strength.summary.results[0].depth


def test_what_is_no_number_counts_as_black(tmp_path: Path) -> None:
    """StereoCrafter's weights overflow where disparity spans more than 256 px; its clips must not drop out for that."""
    (tmp_path / "wide").mkdir()
    view = np.random.default_rng(0).integers(60, 255, (24, 480, 3), np.uint8)
    disparity = np.zeros((24, 480), np.float32)
    disparity[:, 400:] = 300
    for side in ("left", "right"):
        Image.fromarray(view).save(tmp_path / "wide" / f"{side}.png")
    np.save(tmp_path / "wide" / "d.npy", disparity)
    entry = {"name": "wide", "kind": "stereo_pair", "gt": {"left": "d.npy"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"entries": [entry]}))
    asked: dict[str, Any] = {"rule": ("surface", "stereocrafter"), "metrics": ("mae", "psnr")}
    found = evaluate(f"pairs:{tmp_path}", tmp_path / "report", **asked)
    values = {}
    for result in found.summary.results:
        scores = result.protocols["metrics"]["PSNR"]
        assert not isinstance(scores, Skipped)
        values[result.method] = scores["whole"].value
    assert values["truth/stereocrafter/stretch"] < values["truth/surface/stretch"] - 1


def test_a_still_says_that_there_was_no_parallax_to_see(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"depth": "parallax", "metrics": "psnr", "align": "strength", "strength": 0.001}
    dataset = "scenes:count=1,size=320x240,frames=4,samples=1"
    still, film = (evaluate(dataset, tmp_path / str(n), frames=n, **asked) for n in (1, 4))
    for found, ramp in ((still, True), (film, False)):
        assert ("a ramp, since a single frame shows no parallax" in found.summary.results[0].depth) == ramp
        [note] = [note for note in found.notes if "looks like a cheat, identity" in note]
        assert note.endswith("(its depth is a ramp, since a single frame shows no parallax)") == ramp


def test_command_shows_tables_and_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--dataset", SCENES, "--metric", "psnr", "--limit", "1", "--frames", "2"]
    assert run([*command, "--inpainter", "stretch,telea", "--out", str(tmp_path / "a"), "--progress", "plain"]) == 0
    captured = capsys.readouterr()
    assert "truth/surface/telea" in captured.out
    assert "report.html" in captured.out
    assert "1 of 1: 4/4 frames" in captured.err
    assert run([*command, "--out", str(tmp_path / "b"), "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["sets"][0]["measure"] == "PSNR"
