"""MCFN in torch, written from the paper's equations, compared with the compiled one in float64. Not part of `npm test`.

    pip install torch safetensors numpy
    (the two lines at the head of mcfn-dump.ts)
    python test/peers/mcfn_torch.py out/mcfn/*.safetensors

Each file holds weights, a ragged batch whose padding is rubbish, and what the interpreter made of them. Compared are the
probabilities and outputs in use, every loss, the gradient of their weighted total by every parameter, the running statistics
after the step, and one step of Adam, AdamW and SGD. Exits with 1 where something differs by more than its tolerance.

Tensors here are padded, [batch, positions, channels], with a mask [batch, positions] that is True inside the samples; every
operation that joins positions masks for itself, with `where`, so that rubbish cannot pass, not even NaN.
"""
import json
import math
import pathlib
import sys

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)

DEFAULTS = {
    "text_dim": 768, "d": 256, "width": 3, "dilation": 2, "heads": 4, "hidden": 128, "alpha": 0.3, "beta": 0.3,
    "lambda_s": 1.0, "lambda_t": 1.0, "lambda_st": 1.0, "omega": 1.0, "dropout": 0.5, "smoothing": 0.0,
}  # fmt: skip
MELS = 40


def clean(x: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask[..., None], x, 0.0)


def mean_over_time(x: Tensor, mask: Tensor) -> Tensor:
    return clean(x, mask).sum(1) / mask.sum(1, keepdim=True)


def attend(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis, over the positions of the mask."""
    return torch.softmax(torch.where(mask, scores, -math.inf), -1)


class MCFN:
    """The network over weights by path. `training` chooses whose statistics normalise; `next` is what they become."""

    def __init__(self, weights: dict[str, Tensor], states: dict[str, Tensor], settings: dict, variants: list[str]):
        self.w, self.states, self.h, self.variants = weights, states, settings, variants
        self.next: dict[str, Tensor] = {}
        self.training = False
        edits = {
            "Speech only": {"alpha": 1, "beta": 0, "lambda_t": 0, "lambda_st": 0, "omega": 0},
            "Text only": {"alpha": 0, "beta": 1, "lambda_s": 0, "lambda_st": 0, "omega": 0},
            "Bimodal": {"alpha": 0, "beta": 0, "lambda_s": 0, "lambda_t": 0},
            "w/o Intra-modal^s": {"alpha": 0, "lambda_s": 0},
            "w/o Intra-modal^t": {"beta": 0, "lambda_t": 0},
        }
        for variant in variants:
            self.h = {**self.h, **edits.get(variant, {})}

    def has(self, variant: str) -> bool:
        return variant in self.variants

    def dense(self, path: str, x: Tensor) -> Tensor:
        y = torch.einsum("...i,io->...o", x, self.w[f"{path}.w"])
        return y + self.w[f"{path}.b"] if f"{path}.b" in self.w else y

    # Features on one scale

    def standardise(self, path: str, x: Tensor, mask: Tensor, streams: int) -> Tensor:
        """Less the mean of all positions ever seen, over the deviation of the first stream: Chan's merging of moments."""
        bands = x.shape[-1] // streams
        seen, mu, va = (self.states[f"{path}.{name}"] for name in ("seen", "mu", "va"))
        if self.training:
            rows = x[mask]
            both = seen + len(rows)
            gap = rows.mean(0) - mu
            squares = va * seen + rows.var(0, correction=0)[:bands] * len(rows)
            va = (squares + gap[:bands] ** 2 * seen * len(rows) / both) / both
            mu = mu + gap * len(rows) / both
            self.next |= {f"{path}.seen": both, f"{path}.mu": mu, f"{path}.va": va}
        return (x - mu) / torch.sqrt(va + 1e-5).repeat(streams)

    # 2.1 Intra-modal learning

    def convolve(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        kernel = self.w[f"{path}.w"].permute(2, 1, 0)
        dilation = self.h["dilation"]
        pad = dilation * (kernel.shape[2] - 1) // 2
        y = F.conv1d(clean(x, mask).mT, kernel, self.w[f"{path}.b"], padding=pad, dilation=dilation)
        return y.mT

    def batch_norm(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        mean, var = self.states[f"{path}.run_mean"].clone(), self.states[f"{path}.run_var"].clone()
        y = torch.zeros_like(x)
        scale, shift = self.w[f"{path}.scale"], self.w[f"{path}.shift"]
        y[mask] = F.batch_norm(x[mask], mean, var, scale, shift, training=self.training, momentum=0.1, eps=1e-5)
        if self.training:
            self.next |= {f"{path}.run_mean": mean, f"{path}.run_var": var}
        return y

    def uflb(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        if self.has("plain convolution"):
            return self.convolve(path.replace("uflb", "conv1d"), x, mask)
        h = F.leaky_relu(self.batch_norm(f"{path}.h.batchnorm", self.convolve(f"{path}.h.conv1d", x, mask), mask), 0.01)
        return h + (x if x.shape[-1] == self.h["d"] else self.dense(f"{path}.skip.dense", x))

    def tab(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        """Eq. 1: F_ji = softmax_i(T1_i . T2_j)."""
        if self.has("DANet"):
            q, k, v = (self.dense(f"{path}.tabdanet.{name}.dense", x) for name in "qkv")
            return x + self.w[f"{path}.tabdanet.g"] * (attend(q @ k.mT, mask[:, None]) @ clean(v, mask))
        t1, t2, t3 = (self.dense(f"{path}.tab.T{n}.dense", x) for n in (1, 2, 3))
        scores = t2 @ t1.mT
        if self.has("scaled"):
            scores = scores / math.sqrt(t1.shape[-1])
        return x + attend(scores, mask[:, None]) @ clean(t3, mask)

    def cab(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        """Eq. 2: C_ji = softmax_i(X_i . X_j) over channels."""
        x = clean(x, mask)
        scores = x.mT @ x
        if self.has("DANet"):
            weights = torch.softmax(scores.amax(-1, keepdim=True) - scores, -1)
            return x + self.w[f"{path}.cabdanet.g"] * (x @ weights.mT)
        if self.has("scaled"):
            scores = scores / mask.sum(1)[:, None, None]
        return x + x @ torch.softmax(scores, -1).mT

    def dab(self, path: str, x: Tensor, mask: Tensor) -> Tensor:
        if self.has("w/o DAB"):
            return x
        tab = 0 if self.has("w/o TAB") else self.tab(f"{path}.dab", x, mask)
        cab = 0 if self.has("w/o CAB") else self.cab(f"{path}.dab", x, mask)
        return tab + cab

    # 2.2 Modality-collaborative learning

    def align(self, s: Tensor, s_mask: Tensor, t: Tensor) -> Tensor:
        """Eqs. 3 and 4: for each word and head, the speech positions weighted."""
        heads, inside = self.h["heads"], s_mask[:, None, None]

        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (heads, -1)).transpose(1, 2)

        if self.has("additive"):
            path = "Sa.additivecoattention"
            q = split(self.dense(f"{path}.q.dense", t)) @ self.w[f"{path}.Wq"]
            k = split(self.dense(f"{path}.k.dense", s)) @ self.w[f"{path}.Wk"]
            v = split(clean(self.dense(f"{path}.v.dense", s), s_mask))
            scores = torch.tanh(q[:, :, :, None] + k[:, :, None]) @ self.w[f"{path}.wv"]
        else:
            path = "Sa.coattention"
            of_s = torch.einsum("bic,hc->bhi", s, self.w[f"{path}.U"])
            of_t = torch.einsum("bjc,hc->bhj", t, self.w[f"{path}.V"])
            scores = torch.tanh(of_s[:, :, None] + of_t[..., None] + self.w[f"{path}.b"][:, None, None])
            v = split(clean(self.dense(f"{path}.val.dense", s), s_mask))
        z = attend(scores, inside) @ v
        return self.dense(f"{path}.dense", z.transpose(1, 2).flatten(2))

    def interact(self, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Eqs. 5 and 6."""
        if self.has("w/o CMI"):
            return s, t
        e_s = torch.sigmoid(self.dense("Sc.cmi.Es.dense", t))
        e_t = torch.sigmoid(self.dense("Sc.cmi.Et.dense", s))
        return s + s * e_s, t + t * e_t

    def adjust(self, a: Tensor, a_mask: Tensor, b: Tensor, b_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 7 and the addition after it."""
        if self.has("w/o MA"):
            return mean_over_time(b, b_mask), torch.zeros(len(b))
        if self.has("word-aligned"):
            return mean_over_time(a + b, b_mask), mean_over_time((a - b) ** 2, b_mask).mean(-1)
        mean_a, mean_b = mean_over_time(a, a_mask), mean_over_time(b, b_mask)
        return mean_a + mean_b, ((mean_a - mean_b) ** 2).mean(-1)

    # 2.3 Classifiers, fusion, losses

    def classify(self, path: str, x: Tensor) -> Tensor:
        return self.dense(f"{path}.classifier.dense2", torch.relu(self.dense(f"{path}.classifier.dense", x)))

    def forward(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """`logits.s`, `logits.t`, `logits.st` as far as the variant has them, `adjustment` [batch], `fused`."""
        if not self.has("Text only"):
            x, n = given["speech"], given["speech_lengths"]
            s_mask = torch.arange(x.shape[1]) < n[:, None]
            x = self.standardise("Xs.standardise", x, s_mask, 3)
            for name in ("uflb", "uflb2", "uflb3"):
                x = self.uflb(f"Os.{name}", x, s_mask)
            S = self.dab("S", x, s_mask)
            if self.has("Speech only"):
                return {"logits.s": self.classify("zs", mean_over_time(S, s_mask))}
        x, m = given["text"], given["text_lengths"]
        t_mask = torch.arange(x.shape[1]) < m[:, None]
        T = self.dab("T", self.dense("Ot.dense", self.standardise("Ot.standardise", x, t_mask, 1)), t_mask)
        if self.has("Text only"):
            return {"logits.t": self.classify("zt", mean_over_time(T, t_mask))}
        aligned = self.align(S, s_mask, T)
        Sc, Tc = self.interact(aligned, T)
        base, base_mask = (aligned, t_mask) if self.has("word-aligned") else (S, s_mask)
        Sf, Ls = self.adjust(base, base_mask, Sc, t_mask)
        Tf, Lt = self.adjust(T, t_mask, Tc, t_mask)
        fused = torch.cat([Sf, Tf], -1)
        out = {"fused": fused, "logits.st": self.classify("zst", fused)}
        if not self.has("w/o MA"):
            out["adjustment"] = Ls + Lt
        if self.h["lambda_s"] != 0 or self.h["alpha"] != 0:
            out["logits.s"] = self.classify("zs", Sf)
        if self.h["lambda_t"] != 0 or self.h["beta"] != 0:
            out["logits.t"] = self.classify("zt", Tf)
        return out

    def probabilities(self, out: dict[str, Tensor]) -> Tensor:
        """Eqs. 8 and 9."""
        alpha, beta = self.h["alpha"], self.h["beta"]
        shares = {"s": alpha, "t": beta, "st": 1 - alpha - beta}
        return sum(share * torch.softmax(out[f"logits.{m}"], -1) for m, share in shares.items() if f"logits.{m}" in out)

    def losses(self, out: dict[str, Tensor], emotion: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Eq. 10 for each classifier and Eq. 7, as means over the batch, and Eq. 11, their weighted sum."""
        names = {"speech_ce": ("s", "lambda_s"), "text_ce": ("t", "lambda_t"), "fusion_ce": ("st", "lambda_st")}
        losses, total = {}, torch.zeros(())
        for name, (modality, weight) in names.items():
            if self.h[weight] != 0:
                logits = out[f"logits.{modality}"]
                losses[name] = F.cross_entropy(logits, emotion, label_smoothing=self.h["smoothing"])
                total = total + self.h[weight] * losses[name]
        if "adjustment" in out and self.h["omega"] != 0:
            losses["adjustment"] = out["adjustment"].mean()
            total = total + self.h["omega"] * losses["adjustment"]
        return losses, total


class Comparison:
    def __init__(self) -> None:
        self.worst: dict[str, float] = {}
        self.faults: list[str] = []

    def add(
        self, group: str, name: str, found: Tensor, expected: Tensor, tolerance: float, scale: float | None = None
    ) -> None:
        """The greatest difference over the greatest expected element, or over `scale`."""
        if found.shape != expected.shape:
            self.faults.append(f"{name}: {tuple(found.shape)}, torch has {tuple(expected.shape)}")
            return
        size = expected.abs().max().item() if scale is None else scale
        off = (found - expected).abs().max().item() / max(size, 1e-300)
        self.worst[group] = max(self.worst.get(group, 0.0), off)
        if not off <= tolerance:
            self.faults.append(f"{name}: off by {off:.2e} of {size:.3g}")

    def same_names(self, what: str, found: set[str], expected: set[str]) -> None:
        if found != expected:
            self.faults.append(f"{what}: only here {sorted(found - expected)}, only in torch {sorted(expected - found)}")


def optimise(kind: str, start: dict, params: dict[str, Tensor], gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """One step of torch's optimiser from the given slots, after clipping: `params/…` and the slots by path."""
    leaves = {path: value.clone().requires_grad_() for path, value in params.items()}
    for path, leaf in leaves.items():
        leaf.grad = gradients[path].clone() if path in gradients else torch.zeros_like(leaf)
    norm = torch.nn.utils.clip_grad_norm_(leaves.values(), start["clip_norm"].item())
    options = {"lr": start["learning_rate"].item(), "weight_decay": start["decay"].item()}
    made = {
        "adam": lambda: torch.optim.Adam(leaves.values(), **options),
        "adamw": lambda: torch.optim.AdamW(leaves.values(), **options),
        "sgd": lambda: torch.optim.SGD(leaves.values(), momentum=0.9, **options),
    }[kind]()
    slots = {"momentum": "momentum_buffer"} if kind == "sgd" else {"moment1": "exp_avg", "moment2": "exp_avg_sq"}
    for path, leaf in leaves.items():
        made.state[leaf] = {theirs: start[f"{own}/{path}"].clone() for own, theirs in slots.items()}
        if kind != "sgd":
            made.state[leaf]["step"] = start["step"] - 1
    made.step()
    out = {f"params/{path}": leaf.detach() for path, leaf in leaves.items()}
    for own, theirs in slots.items():
        out |= {f"{own}/{path}": made.state[leaf][theirs] for path, leaf in leaves.items()}
    return out | {"gradient_norm": norm}


def compare(path: pathlib.Path) -> Comparison:
    groups: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        for name in file.keys():
            group, rest = name.split("/", 1)
            groups.setdefault(group, {})[rest] = file.get_tensor(name)
    settings = {k: type(DEFAULTS[k])(v) for k, v in json.loads(about["overrides"]).items() if k in DEFAULTS}
    whole_numbers = {"emotion", "speech_lengths", "text_lengths"}
    given = {name: value.long() if name in whole_numbers else value for name, value in groups["in"].items()}
    params = {name: value.requires_grad_() for name, value in groups["param"].items()}
    model = MCFN(params, groups["state"], {**DEFAULTS, **settings}, json.loads(about["variants"]))
    seen = Comparison()

    with torch.no_grad():
        out = model.forward(given)
        expected = {"emotion": model.probabilities(out)} | ({"fused": out["fused"]} if "fused" in out else {})
    seen.same_names("outputs", set(groups["inference"]), set(expected))
    for name, value in expected.items():
        seen.add("outputs", name, groups["inference"][name], value, 1e-9)

    model.training = True
    losses, total = model.losses(model.forward(given), given["emotion"])
    found = groups["loss"]
    seen.same_names("losses", set(found) - {"total"}, set(losses))
    for name, value in {**losses, "total": total}.items():
        seen.add("losses", name, found[name], value.detach(), 1e-9)
    total.backward()
    gradients = {name: value.grad for name, value in params.items() if value.grad is not None}
    seen.same_names("gradients", set(groups["grad"]), set(gradients))
    # A bias before batch normalisation or under a softmax has the gradient 0: rounding is measured by the whole.
    whole = max(value.abs().max().item() for value in gradients.values())
    for name, value in gradients.items():
        own = value.abs().max().item()
        seen.add("gradients", f"gradient of {name}", groups["grad"][name], value, 1e-7, own if own > 1e-9 * whole else whole)
    seen.same_names("states", set(groups.get("next", {})), set(model.next))
    for name, value in model.next.items():
        seen.add("states", f"next {name}", groups["next"][name], value.detach(), 1e-9)

    for kind in ("adam", "adamw", "sgd"):
        if kind not in groups:
            continue
        parts: dict[str, dict[str, Tensor]] = {"start": {}, "found": {}}
        for name, value in groups[kind].items():
            side, rest = name.split("/", 1)
            parts[side][rest] = value
        stepped = optimise(kind, parts["start"], {k: v.detach() for k, v in params.items()}, gradients)
        stepped |= {f"states/{name}": value.detach() for name, value in model.next.items()} | {"loss": total.detach()}
        for name, value in stepped.items():
            seen.add(kind, f"{kind}: {name}", parts["found"][name], value, 1e-4)
            if name.startswith("params/"):
                # The change alone, which is small beside the weights.
                before = params[name[7:]].detach()
                moved = parts["found"][name] - before
                seen.add(f"{kind}'s change", f"{kind}: change of {name}", moved, value - before, 1e-3)
    return seen


def main() -> int:
    wrong = 0
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        result = compare(path)
        print(f"{path.stem}: " + ", ".join(f"{group} {value:.1e}" for group, value in result.worst.items()))
        for fault in result.faults:
            print(f"  {fault}")
        wrong += len(result.faults)
    print(f"{wrong} disagreements in {len(sys.argv) - 1} files")
    return int(wrong > 0 or len(sys.argv) == 1)


if __name__ == "__main__":
    sys.exit(main())
