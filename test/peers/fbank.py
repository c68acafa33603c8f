"""Compares acoustic features that the tool kept with those of torchaudio and Kaldi. Not part of `npm test`.

    pip install torch torchaudio safetensors soundfile kaldi-native-fbank
    MCFNC_CACHE=/tmp/kept npx mcfnc predict model.onnx --audio a.wav …
    python test/peers/fbank.py /tmp/kept a.wav

Finds the kept features of each recording by its hash. The filterbank energies (the first 40 values of a frame) are compared
with torchaudio's port of Kaldi's fbank, and with Kaldi's own code where kaldi-native-fbank is installed; the derivatives with
torchaudio's deltas, applied twice, of the window given by --reach (2 * reach + 1 frames, ends repeated), and for
information with Kaldi's add-deltas. Exits with 1 where a value differs by more than --tolerance.
"""
import argparse
import hashlib
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


def deltas(x: np.ndarray, reach: int) -> np.ndarray:
    rows = torch.from_numpy(np.ascontiguousarray(x.T))
    return torchaudio.functional.compute_deltas(rows, win_length=2 * reach + 1, mode="replicate").numpy().T


def kaldi_second(x: np.ndarray, reach: int) -> np.ndarray:
    """Kaldi's second order: the filter folded with itself, read with repeated ends (feature-functions.cc)."""
    once = np.arange(-reach, reach + 1) / (2 * sum(k * k for k in range(1, reach + 1)))
    twice = np.convolve(once, once)
    at = np.clip(np.arange(len(x))[:, None] + np.arange(-2 * reach, 2 * reach + 1), 0, len(x) - 1)
    return np.einsum("k,tkc->tc", twice, x[at])


def main() -> int:
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
        wave, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000 and wave.ndim == 1
        energies = torchaudio_fbank(wave * 32768)
        native = native_fbank(wave * 32768)
        for features in mine:
            own = features[:, :BANDS]
            if own.shape != energies.shape:
                print(f"{path}: {own.shape} here, {energies.shape} in torchaudio")
                worst = float("inf")
                continue
            first = deltas(energies, arguments.reach)
            parts = {"fbank": np.abs(own - energies).max()}
            if features.shape[1] >= 2 * BANDS:
                parts["first"] = np.abs(features[:, BANDS : 2 * BANDS] - first).max()
            if features.shape[1] >= 3 * BANDS:
                second = features[:, 2 * BANDS : 3 * BANDS]
                parts["second"] = np.abs(second - deltas(first, arguments.reach)).max()
            worst = max(worst, *parts.values())
            if native is not None:
                parts["(Kaldi's fbank)"] = np.abs(own - native).max()
            if features.shape[1] >= 3 * BANDS:
                parts["(add-deltas, second)"] = np.abs(second - kaldi_second(energies, arguments.reach)).max()
            print(path, " ".join(f"{name} {value:.2e}" for name, value in parts.items()))
    print(f"greatest difference {worst:.2e}, {missing} recordings without features")
    return int(worst > arguments.tolerance or missing > 0)


sys.exit(main())
