# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Device utilization: the share of the time in which the device trains instead of waiting for samples."""

import time

import torch


__all__ = ["DeviceUtilization"]


class DeviceUtilization:
    """Measures the share of the time in which the device works on steps; in the rest it waits for samples.

    On a GPU the steps are timed by the GPU itself, so nothing waits for it before [`read`].

    Args:
        device: the one that trains.

    Example:

    ```python
    >>> meter = DeviceUtilization("cuda")
    >>> for batch in loader:
    ...     meter.begin()
    ...     train_on(batch)
    ...     meter.end()
    >>> meter.read()  # doctest: +SKIP
    0.93
    ```
    """

    def __init__(self, device: torch.device | str):
        self.device = torch.device(device)
        self.restart()

    def restart(self):
        """Forgets what was measured: call it after a break, such as an evaluation."""
        self._steps: list[tuple] = []
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the start or the last restart."""
        return time.perf_counter() - self._started

    def begin(self):
        """Call when the batch of a step is there."""
        self._begun = self._mark()

    def end(self):
        """Call when the step has changed the weights."""
        self._steps.append((self._begun, self._mark()))

    def read(self) -> float:
        """The share since the start or the last restart, in [0, 1]; waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            busy = sum(begin.elapsed_time(end) for begin, end in self._steps) / 1000
        else:
            busy = sum(end - begin for begin, end in self._steps)
        return min(1.0, busy / max(self.seconds, 1e-9))

    def _mark(self):
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event
