"""Where models come from: licences named first, files checked, and no network needed to be told what is missing."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from secondeye import depth_models
from secondeye.errors import InputError, WeightsError
from secondeye.network import weights

SMALL = "depth_anything_small"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that refuses every connection."""
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hf" / "hub"


@pytest.fixture
def tiny_card(monkeypatch: pytest.MonkeyPatch) -> weights.ModelCard:
    """A model of two tensors in place of the real table."""
    tensors = {"a": torch.zeros(2, 3), "b": torch.ones(4)}
    layout = weights.layout_digest({name: value.shape for name, value in tensors.items()})
    card = replace(weights.card(SMALL), layouts=(layout,), sha256=None, revision="c0ffee" * 6 + "abcd")
    monkeypatch.setattr(weights, "CARDS", (card, weights.card("video_depth_anything_small")))
    return card


def put(hub: Path, card: weights.ModelCard, revision: str, tensors: dict[str, torch.Tensor]) -> Path:
    """Lay files out as the hub's cache does."""
    folder = hub / f"models--{card.repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    save_file(tensors, snapshot / "model.safetensors")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
    return snapshot


def test_the_table_says_what_users_must_know() -> None:
    cards = {card.name: card for card in weights.listing()}
    assert cards[SMALL].licence == "Apache-2.0"
    assert cards[SMALL].commercial_use
    for name in ("depth_anything_base", "depth_anything_large"):
        assert not cards[name].commercial_use
        assert "NOT for commercial use" in cards[name].terms
    for card in cards.values():
        assert card.size_bytes > 1e6
        assert card.licence_url.startswith("https://")
        assert card.sha256 is None or len(card.sha256) == 64


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_layouts_are_those_of_the_published_checkpoints(shared: Path, size: str) -> None:
    manifest = json.loads((shared / "manifests" / f"depth_anything_v2_{size}.json").read_text())
    card = weights.card(f"depth_anything_{size}")
    assert weights.layout_digest(manifest) in card.layouts
    assert card.size_bytes == 4 * sum(torch.Size(shape).numel() for shape in manifest.values())


def test_listing_and_finding_need_no_network(hub: Path) -> None:
    assert not any(card.at_hand for card in weights.listing())
    with pytest.raises(WeightsError) as caught:
        weights.find(SMALL)
    for part in ("model.safetensors", "Depth-Anything-V2-Small-hf", "Apache-2.0", f"secondeye weights get {SMALL}"):
        assert part in str(caught.value)
    with pytest.raises(InputError, match=f"did you mean '{SMALL}'"):
        weights.find("depth_anything_smal")


def test_a_cached_model_is_found_by_revision_and_by_main(hub: Path, tiny_card: weights.ModelCard) -> None:
    tensors = {"a": torch.zeros(2, 3), "b": torch.ones(4)}
    snapshot = put(hub, tiny_card, "1" * 40, tensors)
    assert weights.find(SMALL) == snapshot
    assert any("2 tensors match" in line for line in weights.check(SMALL))
    assert weights.get(SMALL) == snapshot  # at hand: no network asked
    (snapshot / "config.json").unlink()
    assert not tiny_card.at_hand


def test_check_compares_hash_and_layout(
    hub: Path, tiny_card: weights.ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(hub, tiny_card, "1" * 40, {"a": torch.zeros(2, 3), "b": torch.ones(4)}) / "model.safetensors"
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(weights, "CARDS", (replace(tiny_card, sha256=right),))
    assert any(right in line for line in weights.check(SMALL))
    save_file({"a": torch.zeros(2, 3), "b": torch.ones(5)}, file)
    with pytest.raises(WeightsError, match="SHA-256"):
        weights.check(SMALL)
    monkeypatch.setattr(weights, "CARDS", (tiny_card,))
    with pytest.raises(WeightsError, match="2 tensors are not those"):
        weights.check(SMALL)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(WeightsError, match="no complete"):
        weights.check(SMALL)


def test_a_restricted_licence_is_named_before_anything_is_fetched(hub: Path) -> None:
    with pytest.raises(InputError, match=r"CC-BY-NC-4\.0: NOT for commercial use.*--accept-licence"):
        weights.get("depth_anything_large")
    told: list[str] = []
    with pytest.raises(WeightsError, match="does not answer"):
        weights.get("depth_anything_large", accept_licence=True, notify=told.append)
    assert "NOT for commercial use" in told[0]


def test_without_a_network_nothing_hangs(hub: Path) -> None:
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:9 does not answer"):
        weights.get(SMALL)
    name, why = depth_models.resolve("auto")
    assert name == "parallax"
    assert "does not answer" in why
    assert SMALL in why
    assert time.monotonic() - start < 10  # ten times what two refused connections take


class Silent(HTTPServer):
    """A server that takes connections and never answers."""


@pytest.fixture
def silent_hub(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    release = threading.Event()

    class Mute(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            release.wait(20)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = Silent(("127.0.0.1", 0), Mute)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    release.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("silent_hub")
def test_a_hub_that_takes_the_call_and_says_nothing_is_out_of_reach() -> None:
    start = time.monotonic()
    assert not weights.is_reachable(seconds=0.5)
    assert time.monotonic() - start < 10


def test_offline_by_setting_asks_nobody(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(weights, "_answers", lambda seconds: pytest.fail("asked the network"))
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set"):
        weights.get(SMALL)
    assert depth_models.resolve("auto")[0] == "parallax"
    assert "HF_HUB_OFFLINE" in depth_models.resolve("auto")[1]


def test_auto_takes_what_is_cached_and_says_so(hub: Path, tiny_card: weights.ModelCard) -> None:
    assert "has not been downloaded" in depth_models.resolve("auto", download=False)[1]
    put(hub, tiny_card, "1" * 40, {"a": torch.zeros(2, 3), "b": torch.ones(4)})
    assert depth_models.resolve("auto") == ("depth_anything", "depth by Depth Anything V2 Small, which is at hand")


def test_a_named_model_is_itself_and_an_unknown_one_is_refused() -> None:
    assert depth_models.resolve("parallax") == ("parallax", "")
    with pytest.raises(InputError, match="did you mean 'parallax'"):
        depth_models.resolve("paralax")


def test_a_download_is_checked_and_lands_in_the_cache(
    hub: Path, tiny_card: weights.ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a hub of our own that speaks as much of the protocol as a small file needs."""
    put(tmp_path / "origin", tiny_card, "1" * 40, {"a": torch.zeros(2, 3), "b": torch.ones(4)})
    origin = next((tmp_path / "origin").rglob("model.safetensors")).parent
    commit = tiny_card.revision or ""

    class Hub(BaseHTTPRequestHandler):
        def answer(self, body: bool) -> None:
            data = (origin / self.path.rpartition("/")[2]).read_bytes() if "/resolve/" in self.path else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    told: list[str] = []
    try:
        folder = weights.get(SMALL, notify=told.append)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert folder.name == commit
    assert "Apache-2.0" in told[0]
    assert weights.check(SMALL)


def test_importing_the_table_imports_no_heavy_package() -> None:
    heavy = "'huggingface_hub' in sys.modules, 'transformers' in sys.modules"
    code = f"import sys, secondeye.network.weights as weights; weights.CARDS; print({heavy})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert out.stdout.split() == ["False", "False"]
