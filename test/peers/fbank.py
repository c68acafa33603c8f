"""Compares acoustic features that the tool kept with those of torchaudio and Kaldi. Not part of `npm test`.

    pip install torch torchaudio safetensors soundfile kaldi-native-fbank
    MCFNC_CACHE=/tmp/kept npx mcfnc predict model.onnx --audio a.wav …
    python test/peers/fbank.py /tmp/kept a.wav
    python test/peers/fbank.py --cases > test/unit/features/kaldi.json

Finds the kept features of each recording by its hash. The filterbank energies (the first 40 values of a frame) are compared
with torchaudio's port of Kaldi's fbank run in float64, and for information with the same in float32 and with Kaldi's own code
where kaldi-native-fbank is installed: within a frame of digital silence those two are themselves off by 1e-2, as energies of
1e-7 are left over from samples of 1. The derivatives are compared with Kaldi's add-deltas of the window given by --reach
(2 * reach + 1 frames). Exits with 1 where a value differs by more than --tolerance.

`--cases` prints small waves and what all this gives for them, which `npm test` compares.
"""
import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
import soundfile
import torch
import torchaudio
from safetensors import safe_open
from torchaudio.compliance import kaldi

BANDS = 40


def kept(folder: pathlib.Path) -> dict[str, list[np.ndarray]]:
    """The features of each recording in a cache, by the SHA-256 of the recording; one for each front end."""
    found: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            audio = (file.metadata() or {}).get("audio")
            if audio is not None:
                found.setdefault(audio, []).append(file.get_tensor("features"))
    return found


def torchaudio_fbank(wave: np.ndarray) -> np.ndarray:
    """In the precision of the wave, but for the mel bank, which is float32."""
    return kaldi.fbank(torch.from_numpy(wave)[None], num_mel_bins=BANDS, dither=0.0, sample_frequency=16000.0).numpy()


def native_fbank(wave: np.ndarray) -> np.ndarray | None:
    try:
        import kaldi_native_fbank
    except ImportError:
        return None
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = BANDS
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16000, wave.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def add_deltas(x: np.ndarray, reach: int, order: int) -> np.ndarray:
    """Kaldi's: the filter folded with itself `order` times, read with repeated ends (feature-functions.cc)."""
    once = np.arange(-reach, reach + 1) / (2 * sum(k * k for k in range(1, reach + 1)))
    scales = once
    for _ in range(order - 1):
        scales = np.convolve(scales, once)
    at = np.clip(np.arange(len(x))[:, None] + np.arange(-order * reach, order * reach + 1), 0, len(x) - 1)
    return np.einsum("k,tkc->tc", scales, x[at])


def cases() -> dict[str, object]:
    i = np.arange(1300)
    noise = (i * 7919) % 401 - 200
    waves = {
        "a chirp in noise": np.floor(9000 * np.sin(i**2 / 3e3)) + noise,
        "one frame": np.floor(3000 * np.sin(i[:400] / 5)) - 100,
        "silence, then a click": np.where(i == 1000, 12000, 0),
        "a constant": np.full(720, 17),
    }
    out = {}
    for name, wave in waves.items():
        energies = torchaudio_fbank(wave.astype(np.float64))
        rows = np.concatenate([energies, add_deltas(energies, 2, 1), add_deltas(energies, 2, 2)], 1)
        out[name] = {"wave": wave.astype(int).tolist(), "features": rows.round(6).tolist()}
    return out


def main() -> int:
    if sys.argv[1:] == ["--cases"]:
        json.dump(cases(), sys.stdout)
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("cache", type=pathlib.Path)
    parser.add_argument("wav", nargs="+", type=pathlib.Path)
    parser.add_argument("--reach", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=5e-3)
    arguments = parser.parse_args()
    entries = kept(arguments.cache)
    worst = 0.0
    missing = 0
    for path in arguments.wav:
        mine = entries.get(hashlib.sha256(path.read_bytes()).hexdigest(), [])
        if not mine:
            missing += 1
            print(f"{path}: no features are kept")
            continue
        wave, rate = soundfile.read(path, dtype="float64")
        assert rate == 16000 and wave.ndim == 1
        energies = torchaudio_fbank(wave * 32768)
        single = torchaudio_fbank((wave * 32768).astype(np.float32))
        native = native_fbank(wave * 32768)
        for features in mine:
            own = features[:, :BANDS]
            if own.shape != energies.shape:
                print(f"{path}: {own.shape} here, {energies.shape} in torchaudio")
                worst = float("inf")
                continue
            parts = {"fbank": np.abs(own - energies).max()}
            for order, name in ((1, "first"), (2, "second")):
                part = features[:, order * BANDS : (order + 1) * BANDS]
                if part.shape[1] == BANDS:
                    parts[name] = np.abs(part - add_deltas(energies, arguments.reach, order)).max()
            worst = max(worst, *parts.values())
            parts["(torchaudio in float32)"] = np.abs(own - single).max()
            if native is not None:
                parts["(Kaldi's fbank)"] = np.abs(own - native).max()
            print(path, " ".join(f"{name} {value:.2e}" for name, value in parts.items()))
    print(f"greatest difference {worst:.2e}, {missing} recordings without features")
    return int(worst > arguments.tolerance or missing > 0)


sys.exit(main())
