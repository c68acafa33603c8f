"""Prints what scikit-learn gives for the cases of test/unit/metrics/cases.json. Not part of `npm test`.

pip install scikit-learn;  python test/peers/metrics.py > test/unit/metrics/cases.json
"""
import json
import random
import warnings

from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

warnings.simplefilter("ignore")
draw = random.Random(7)
CASES = {
    "all right": ([0, 1, 2], [0, 1, 2], 3),
    "all wrong": ([0, 1, 2, 0], [1, 2, 0, 2], 3),
    "one sample, right": ([1], [1], 3),
    "one sample, wrong": ([1], [2], 3),
    "a class absent in truth": ([0, 0, 1, 1, 1], [0, 2, 1, 1, 2], 3),
    "a class absent in prediction": ([0, 0, 1, 2, 2], [0, 1, 1, 0, 1], 3),
    "a class absent in both": ([0, 0, 3, 3, 3], [0, 3, 3, 3, 0], 5),
    "one class predicted always": ([0, 1, 2, 2, 2, 2], [2, 2, 2, 2, 2, 2], 3),
    "one class": ([0, 0], [0, 0], 1),
    "unbalanced": ([0] * 50 + [1] * 3 + [2] * 7, [0] * 45 + [1] * 8 + [2] * 7, 3),
    "random": ([draw.randrange(7) for _ in range(300)], [draw.randrange(7) for _ in range(300)], 7),
}

out = []
for name, (truth, predicted, classes) in CASES.items():
    labels = list(range(classes))
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    out.append(
        {
            "name": name,
            "truth": truth,
            "predicted": predicted,
            "classes": classes,
            "accuracy": accuracy_score(truth, predicted),
            "ua": balanced_accuracy_score(truth, predicted),
            "weightedF1": f1_score(truth, predicted, average="weighted", zero_division=0),
            "macroF1": f1_score(truth, predicted, average="macro", zero_division=0),
            "confusion": confusion_matrix(truth, predicted, labels=labels).tolist(),
            "precision": precision.tolist(),
            "recall": recall.tolist(),
            "f1": f1.tolist(),
            "support": support.tolist(),
        }
    )
print(json.dumps(out, separators=(",", ":")).replace('},{"name"', '},\n{"name"'))
