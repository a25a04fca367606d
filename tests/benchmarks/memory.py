"""CPU time, page faults and memory of a training step, with and without `keep_freed_memory`.

OMP_NUM_THREADS=1 python tests/benchmarks/memory.py
"""

from __future__ import annotations

import resource
import subprocess
import sys

STEPS = 6


def measure(size: int, batch: int, keep: bool) -> None:
    import segmentation_models_pytorch as smp
    import torch

    from toolkit.memory import keep_freed_memory

    if keep:
        keep_freed_memory()
    network = smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None, classes=12)
    network = network.to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    best, faults = float("inf"), 0
    for _ in range(STEPS):
        before = resource.getrusage(resource.RUSAGE_SELF)
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best, faults = min(best, spent), after.ru_minflt - before.ru_minflt
    peak = after.ru_maxrss / 1024
    print(
        f"{size:4} px, batch {batch}, {'kept' if keep else 'given back':10}: "
        f"{best:.3f} s of CPU per step, {faults} page faults, {peak:.0f} MiB at most"
    )


def main() -> None:
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "kept")
        return
    for size, batch in ((128, 8), (512, 2)):
        for how in ("given back", "kept"):
            subprocess.run([sys.executable, __file__, str(size), str(batch), how], check=True)


if __name__ == "__main__":
    main()
