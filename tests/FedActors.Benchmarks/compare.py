#!/usr/bin/env python3
"""Sets FedActors beside numpy and torch: the same work, one after the other on one machine, CPU time, median of seven.

Needs Python 3 with numpy on OpenBLAS (Debian: apt-get install python3-numpy libopenblas0-pthread; without the second a
matrix product is twenty times slower), for epochs also python3-torch, and a built command line:
    dotnet build -c Release src/FedActors.Cli
    python3 tests/FedActors.Benchmarks/compare.py [mean median trimmed-mean krum quantise logistic-regression mlp
                                                   epoch-logistic-regression epoch-mlp]
Peers run on one thread; of the kernels that OpenBLAS may choose from, and with memory kept or given back, the fastest counts."""
import json, os, subprocess, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TASKS = ["mean", "median", "trimmed-mean", "krum", "quantise", "logistic-regression", "mlp", "epoch-logistic-regression", "epoch-mlp"]
CORES = ["", "SKYLAKEX", "HASWELL"]
N, D = 100, 1_000_000


def fedactors(*arguments):
    program = os.path.join(ROOT, "src/FedActors.Cli/bin/Release/net10.0/fedactors.dll")
    run = subprocess.run(["dotnet", program, "bench", *arguments, "--json"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def best_peer(name, peer="numpy"):
    """Milliseconds of one task of this file in a process of its own, by the fastest setting."""
    times = []
    for core in CORES if name not in ("median", "trimmed-mean", "quantise", "quantise-random") else CORES[:1]:
        for memory in [{"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000"}] + [{}] * name.startswith("epoch"):
            environment = {**os.environ, **memory, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            if core:
                environment["OPENBLAS_CORETYPE"] = core
            run = subprocess.run([sys.executable, __file__, "--task", name, peer], capture_output=True, text=True, env=environment, check=True)
            times.append(float(run.stdout))
    return min(times)


def task(name, peer):
    import numpy as np
    rng = np.random.default_rng(1)

    def median_of(work, repetitions=7):
        work()
        times = []
        for _ in range(repetitions):
            start = time.process_time()
            work()
            times.append(1e3 * (time.process_time() - start))
        return sorted(times)[len(times) // 2]

    if name.startswith("epoch-"):
        return median_of((epoch if peer == "numpy" else torch_epoch)(np, rng, name.removeprefix("epoch-")))
    if name in ("logistic-regression", "mlp"):
        return median_of(simulation(np, rng, name), 3) / 1000
    if name in ("quantise", "quantise-random"):
        x, acc, scale = rng.standard_normal(D), np.zeros(D, np.int32), 50 * 2.0**14

        def nearest():
            np.add(acc, np.rint(np.clip(x, -8, 8) * scale).astype(np.int32), out=acc)

        def at_random():
            np.add(acc, np.floor(np.clip(x, -8, 8) * scale + rng.random(D)).astype(np.int32), out=acc)
        return median_of(nearest if name == "quantise" else at_random)
    # np.median and np.sort are slow enough for a tenth of the coordinates, times ten, to be exact.
    part = D // 10 if name in ("median", "trimmed-mean") else D
    x = rng.standard_normal((N, part), dtype=np.float32)
    if name == "mean":
        w = np.full(N, 1 / N, np.float32)
        return median_of(lambda: w @ x)
    if name == "median":
        return 10 * median_of(lambda: np.median(x, axis=0), 3)
    if name == "trimmed-mean":
        return 10 * median_of(lambda: np.sort(x, axis=0)[N // 10:-N // 10].mean(axis=0), 3)

    def gram():
        g = x @ x.T
        squares = np.diag(g)
        return squares[:, None] + squares[None, :] - 2 * g
    return median_of(gram)


def simulation(np, rng, model, hospitals=1000, rows=50, features=30, batch=10, hidden=64):
    """One round of the same fits in a plain loop: 50 rows, 30 features, batches of 10, one pass, mean of the updates."""
    data = [(rng.uniform(-1, 1, (rows, features)), rng.integers(0, 2, rows)) for _ in range(hospitals)]
    if model != "mlp":
        start = [np.zeros(features), np.zeros(1)]
    else:
        start = [rng.standard_normal((features, hidden)) * 0.1, np.zeros(hidden), rng.standard_normal((hidden, 2)) * 0.1, np.zeros(2)]

    def fit(parameters, x, y):
        order = rng.permutation(rows)
        for at in range(0, rows, batch):
            i = order[at:at + batch]
            a, t = x[i], y[i]
            if model != "mlp":
                w, b = parameters
                r = 1 / (1 + np.exp(-(a @ w + b))) - t
                w -= 0.1 / len(i) * (r @ a)
                b -= 0.1 / len(i) * r.sum()
            else:
                w1, b1, w2, b2 = parameters
                h = np.maximum(a @ w1 + b1, 0)
                z = h @ w2 + b2
                p = np.exp(z - z.max(axis=1, keepdims=True))
                p /= p.sum(axis=1, keepdims=True)
                p[np.arange(len(i)), t] -= 1
                p *= 0.1 / len(i)
                g = (p @ w2.T) * (h > 0)
                w2 -= h.T @ p
                b2 -= p.sum(axis=0)
                w1 -= a.T @ g
                b1 -= g.sum(axis=0)
        return parameters

    def one_round():
        total = [np.zeros_like(p) for p in start]
        for x, y in data:
            for sum_, p, q in zip(total, fit([p.copy() for p in start], x, y), start):
                sum_ += p - q
        for p, sum_ in zip(start, total):
            p += sum_ / len(data)
    return one_round


def made_up(np, rng, model):
    """As fedactors bench training: logistic regression in binary64, a perceptron in binary32."""
    rows, features, batch, classes = (10_000, 784, 64, 10) if model == "mlp" else (5_000, 30, 32, 2)
    x = rng.uniform(-1, 1, (rows, features)).astype(np.float32 if model == "mlp" else np.float64)
    return x, rng.integers(0, classes, rows), [rng.permutation(rows)[at:at + batch] for at in range(0, rows, batch)]


def epoch(np, rng, model, rate=0.05, hidden=256):
    """One pass of plain steps over made-up patients."""
    x, y, batches = made_up(np, rng, model)
    if model != "mlp":
        w, b = np.zeros(x.shape[1]), 0.0

        def logistic():
            nonlocal w, b
            for i in batches:
                a = x[i]
                r = 1 / (1 + np.exp(-(a @ w + b))) - y[i]
                r *= rate / len(i)
                w -= r @ a
                b -= r.sum()
        return logistic
    w1, b1 = (rng.standard_normal((x.shape[1], hidden)) / 28).astype(np.float32), np.zeros(hidden, np.float32)
    w2, b2 = (rng.standard_normal((hidden, 10)) / 16).astype(np.float32), np.zeros(10, np.float32)

    def mlp():
        nonlocal w1, b1, w2, b2
        for i in batches:
            a = x[i]
            h = np.maximum(a @ w1 + b1, 0)
            z = h @ w2 + b2
            p = np.exp(z - z.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(i)), y[i]] -= 1
            p *= np.float32(rate / len(i))
            g = (p @ w2.T) * (h > 0)
            w2 -= h.T @ p
            b2 -= p.sum(axis=0)
            w1 -= a.T @ g
            b1 -= g.sum(axis=0)
    return mlp


def torch_epoch(np, rng, model, rate=0.05, hidden=256):
    import torch
    torch.set_num_threads(1)
    x, y, batches = made_up(np, rng, model)
    x, batches = torch.from_numpy(x), [torch.from_numpy(i) for i in batches]
    if model == "mlp":
        y = torch.from_numpy(y)
        net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
        loss = torch.nn.CrossEntropyLoss()
    else:
        y = torch.from_numpy(y.astype(np.float64)).unsqueeze(1)
        net, loss = torch.nn.Linear(x.shape[1], 1).double(), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)

    def one_epoch():
        for i in batches:
            optimizer.zero_grad(set_to_none=True)
            loss(net(x[i]), y[i]).backward()
            optimizer.step()
    return one_epoch


def main(chosen):
    def line(what, ours, theirs, unit, peer="numpy"):
        print(f"{what:<42} fedactors {ours:>10.3f} {unit}   {peer} {theirs:>10.3f} {unit}   {theirs / ours:>6.2f}x", flush=True)

    for rule in ("mean", "median", "trimmed-mean", "krum"):
        if rule in chosen:
            ours = fedactors("aggregation", "--vectors", str(N), "--parameters", str(D), "--rule", rule)
            line(f"{rule} of {N} x {D}", ours["cpuMs"], best_peer(rule), "ms")
            if rule == "mean":
                print(f"{'  of the read bandwidth, in blocks of four':<42} {ours['shareOfRead']:.2f}")
                streaming = fedactors("aggregation", "--vectors", str(N), "--parameters", str(D), "--rule", "streaming")
                print(f"{'  of the read bandwidth, one by one':<42} {streaming['shareOfRead']:.2f}")
    if "quantise" in chosen:
        ours = fedactors("aggregation", "--vectors", str(N), "--parameters", str(D), "--rule", "quantise")
        line(f"saturate, round, add {D}", ours["cpuMs"] / N, best_peer("quantise"), "ms")
        line("  beside rounding at random", ours["cpuMs"] / N, best_peer("quantise-random"), "ms")
    for model in ("logistic-regression", "mlp"):
        if model in chosen:
            ours = fedactors("simulation", "--hospitals", "1000", "--rounds", "50", "--model", model)
            line(f"{model}, 1000 hospitals, each", 1e3 / ours["clientsPerCpuSecond"], best_peer(model), "ms")
    for model in ("logistic-regression", "mlp"):
        if "epoch-" + model in chosen:
            # Before and after the peers: what else the machine does should meet all of them.
            before = fedactors("training", "--model", model)
            theirs = {peer: best_peer("epoch-" + model, peer) for peer in ("numpy", "torch")}
            ours = [before, fedactors("training", "--model", model)]
            for peer, time_ in theirs.items():
                line(f"{model}, one epoch", sum(run["epochMs"] for run in ours) / 2, time_, "ms", peer)
            for product in before.get("products", []):
                print(f"  product {product['m']} x {product['n']} x {product['k']:<24} {product['shareOfPeak']:.2f} of the peak"
                      f"   {product['timesMathNet']:.0f}x MathNet")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        print(task(sys.argv[2], sys.argv[3]))
    else:
        main(sys.argv[1:] or TASKS)
