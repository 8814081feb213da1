# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The graphs of other projects, written again from their papers and layouts, with the names of weights they save.

They share nothing with hf_str. All take images (batch, channels, height, width) to logits (batch, time, classes).
`scale` makes them narrower: a test needs no 8 million weights.
"""

import math

import torch
from torch import nn


def randomize(model: nn.Module, images: torch.Tensor, seed: int = 0) -> nn.Module:
    """Random weights, and statistics of batch normalization near those of `images`: every layer passes the signal.

    As in a trained network, residual blocks change their input a little, so that rounding errors do not grow.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.momentum = 1.0
            elif isinstance(module, (nn.LSTM, nn.Linear)):
                for parameter in module.parameters():
                    parameter.normal_(0, 1 / math.sqrt(parameter.shape[-1]), generator=generator)
            if getattr(module, "bias", None) is not None and isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
                module.bias.normal_(0, 0.2, generator=generator)
        for module in model.modules():
            if isinstance(module, BasicBlock):
                module.bn2.weight *= 0.2
            elif isinstance(module, PaddleBlock):
                module.conv1._batch_norm.weight *= 0.2
            elif isinstance(module, ClovaTPS):
                module.bend_a_little(generator)
        model.train()(images)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                deviation = module.running_var.sqrt()
                module.running_mean += 0.2 * deviation * torch.randn(deviation.shape, generator=generator)
                module.running_var *= 0.7 + 0.6 * torch.rand(deviation.shape, generator=generator)
    return model.eval()


def widths(scale: float, *channels: int) -> list[int]:
    return [int(count * scale) for count in channels]


# ---------------------------------------------------------------------------------------------------------------------
# crnn.pytorch and its kin: strhub, mmocr


class TimeMajorLSTM(nn.Module):
    """Bidirectional LSTM over (time, batch, features), dropout as forks have it, then a linear layer of any name."""

    def __init__(self, num_in: int, num_hidden: int, num_out: int, linear: str, batch_first: bool = False):
        super().__init__()
        self.rnn = nn.LSTM(num_in, num_hidden, bidirectional=True, batch_first=batch_first)
        self.dropout = nn.Dropout(0.5)
        self.linear_name = linear
        self.add_module(linear, nn.Linear(2 * num_hidden, num_out))

    def forward(self, frames):
        return getattr(self, self.linear_name)(self.dropout(self.rnn(frames)[0]))


def paper_code_cnn(channels: list[int], bias_before_norm: bool) -> nn.Sequential:
    """The convolutions of the paper's code: normalized after the third, fifth and seventh."""
    cnn = nn.Sequential()
    pools = {0: (2, 2, 0), 1: (2, 2, 0), 3: (2, (2, 1), (0, 1)), 5: (2, (2, 1), (0, 1))}
    for index, (before, after) in enumerate(zip(channels, channels[1:], strict=False)):
        normalized, last = index in (2, 4, 6), index == 6
        bias = bias_before_norm or not normalized
        cnn.add_module(f"conv{index}", nn.Conv2d(before, after, 2 if last else 3, 1, 0 if last else 1, bias=bias))
        if normalized:
            cnn.add_module(f"batchnorm{index}", nn.BatchNorm2d(after))
        cnn.add_module(f"relu{index}", nn.ReLU())
        if index in pools:
            cnn.add_module(f"pooling{index}", nn.MaxPool2d(*pools[index]))
    return cnn


class MeijieruCRNN(nn.Module):
    def __init__(self, num_classes: int = 37, scale: float = 1, num_channels: int = 1):
        super().__init__()
        channels, (hidden,) = widths(scale, 64, 128, 256, 256, 512, 512, 512), widths(scale, 256)
        self.cnn = paper_code_cnn([num_channels, *channels], bias_before_norm=True)
        self.rnn = nn.Sequential(
            TimeMajorLSTM(channels[-1], hidden, hidden, "embedding"),
            TimeMajorLSTM(hidden, hidden, num_classes, "embedding"),
        )

    def forward(self, images):
        frames = self.cnn(images).squeeze(2).permute(2, 0, 1)
        return self.rnn(frames).transpose(0, 1)


class StrhubCRNN(nn.Module):
    """The system that is saved; the network is its attribute `model`."""

    def __init__(self, num_classes: int = 95, scale: float = 1):
        super().__init__()
        channels, (hidden,) = widths(scale, 64, 128, 256, 256, 512, 512, 512), widths(scale, 256)
        self.model = nn.Module()
        self.model.cnn = paper_code_cnn([3, *channels], bias_before_norm=False)
        self.model.rnn = nn.Sequential(
            TimeMajorLSTM(channels[-1], hidden, hidden, "linear", batch_first=True),
            TimeMajorLSTM(hidden, hidden, num_classes, "linear", batch_first=True),
        )

    def forward(self, images):
        return self.model.rnn(self.model.cnn(images).squeeze(2).transpose(1, 2))


class MmocrCRNN(nn.Module):
    """The blank is the last class."""

    def __init__(self, num_classes: int = 37, scale: float = 1):
        super().__init__()
        inner = MeijieruCRNN(num_classes, scale)
        self.backbone, self.decoder = nn.Module(), nn.Module()
        self.backbone.cnn, self.decoder.decoder = inner.cnn, inner.rnn

    def forward(self, images):
        frames = self.backbone.cnn(images).squeeze(2).permute(2, 0, 1)
        return self.decoder.decoder(frames).transpose(0, 1)


# ---------------------------------------------------------------------------------------------------------------------
# The paper's Torch7 code


class Torch7CRNN:
    """The paper's code with LSTM cells step by step; weights are two lists in the order in which Torch7 saves them."""

    def __init__(self, images: torch.Tensor, num_classes: int = 37, scale: float = 1):
        channels, (hidden,) = widths(scale, 64, 128, 256, 256, 512, 512, 512), widths(scale, 256)
        self.cnn = randomize(paper_code_cnn([1, *channels], bias_before_norm=True), images)
        generator = torch.Generator().manual_seed(1)

        def linear(num_in: int, num_out: int) -> list[torch.Tensor]:
            weight = torch.randn(num_out, num_in, generator=generator) * 2 / math.sqrt(num_in)
            return [weight, torch.randn(num_out, generator=generator)]

        self.layers = []
        for num_in, num_out in ((channels[-1], hidden), (hidden, num_classes)):
            directions = [linear(num_in, 4 * hidden) + linear(hidden, 4 * hidden) for _ in range(2)]
            joins = [linear(hidden, num_out) for _ in range(2)]
            self.layers.append((directions, joins))

    def tables(self) -> dict[str, list[torch.Tensor]]:
        """What a snapshot holds."""
        parameters, statistics = [], []
        for module in self.cnn:
            parameters += [parameter.detach() for parameter in module.parameters()]
            if isinstance(module, nn.BatchNorm2d):
                statistics += [module.running_mean, module.running_var]
        for directions, joins in self.layers:
            parameters += [tensor for part in (*directions, *joins) for tensor in part]
        return {"parameters": parameters, "bnVars": statistics}

    def __call__(self, images):
        frames = list(self.cnn(images).squeeze(2).permute(2, 0, 1))
        for directions, joins in self.layers:
            forward = self._run(frames, *directions[0])
            backward = self._run(frames[::-1], *directions[1])[::-1]
            frames = [
                nn.functional.linear(ahead, *joins[0]) + nn.functional.linear(behind, *joins[1])
                for ahead, behind in zip(forward, backward, strict=True)
            ]
        return torch.stack(frames, 1)

    @staticmethod
    def _run(frames, input_weight, input_bias, hidden_weight, hidden_bias):
        hidden = cell = frames[0].new_zeros(len(frames[0]), hidden_weight.shape[1])
        outputs = []
        for frame in frames:
            sums = frame @ input_weight.T + input_bias + hidden @ hidden_weight.T + hidden_bias
            in_gate, forget_gate, out_gate, change = sums.chunk(4, dim=1)
            cell = forget_gate.sigmoid() * cell + in_gate.sigmoid() * change.tanh()
            hidden = out_gate.sigmoid() * cell.tanh()
            outputs.append(hidden)
        return outputs


# ---------------------------------------------------------------------------------------------------------------------
# clovaai and EasyOCR


class ProjectedLSTM(nn.Module):
    def __init__(self, num_in: int, num_hidden: int):
        super().__init__()
        self.rnn = nn.LSTM(num_in, num_hidden, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * num_hidden, num_hidden)

    def forward(self, frames):
        return self.linear(self.rnn(frames)[0])


def clova_vgg(num_channels: int, out_channels: int) -> nn.Sequential:
    a, b, c, d = out_channels // 8, out_channels // 4, out_channels // 2, out_channels
    return nn.Sequential(
        *(nn.Conv2d(num_channels, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1))),
        *(nn.Conv2d(c, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU()),
        *(nn.Conv2d(d, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU(), nn.MaxPool2d((2, 1))),
        *(nn.Conv2d(d, d, 2), nn.ReLU()),
    )


class BasicBlock(nn.Module):
    """Residual block; `kernels` and `stride` of the first convolution differ between projects."""

    def __init__(self, before: int, after: int, kernels=(3, 3), stride=(1, 1)):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, kernels[0], stride, kernels[0] // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, kernels[1], 1, kernels[1] // 2, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if before != after or stride != (1, 1):
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, features):
        residual = self.bn2(self.conv2(self.bn1(self.conv1(features)).relu()))
        return (residual + (features if self.downsample is None else self.downsample(features))).relu()


class ClovaResNet(nn.Module):
    def __init__(self, num_channels: int, out_channels: int):
        super().__init__()
        plan = [out_channels // 4, out_channels // 2, out_channels, out_channels]
        first = out_channels // 8

        def add(name: str, before: int, after: int, kernel: int = 3, stride=1, padding=1):
            self.add_module(f"conv{name}", nn.Conv2d(before, after, kernel, stride, padding, bias=False))
            self.add_module(f"bn{name}", nn.BatchNorm2d(after))

        add("0_1", num_channels, out_channels // 16)
        add("0_2", out_channels // 16, first)
        for group, (count, before, after) in enumerate(zip((1, 2, 5, 3), [first, *plan], plan, strict=False), start=1):
            blocks = [BasicBlock(after if block else before, after) for block in range(count)]
            self.add_module(f"layer{group}", nn.Sequential(*blocks))
            if group < 4:
                add(f"{group}", after, after)
        add("4_1", plan[3], plan[3], 2, (2, 1), (0, 1))
        add("4_2", plan[3], plan[3], 2, 1, 0)
        self.maxpool1, self.maxpool2, self.maxpool3 = nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2, (2, 1), (0, 1))

    def _step(self, name: str, features):
        return getattr(self, f"bn{name}")(getattr(self, f"conv{name}")(features)).relu()

    def forward(self, features):
        features = self.maxpool1(self._step("0_2", self._step("0_1", features)))
        features = self.maxpool2(self._step("1", self.layer1(features)))
        features = self.maxpool3(self._step("2", self.layer2(features)))
        features = self._step("3", self.layer3(features))
        return self._step("4_2", self._step("4_1", self.layer4(features)))


class ClovaTPS(nn.Module):
    """Spatial transformer with a thin-plate spline (Shi et al. 2016), for images of one size."""

    def __init__(self, num_channels: int, num_points: int = 20, size: tuple[int, int] = (32, 100)):
        super().__init__()
        self.size, self.num_points = size, num_points
        self.LocalizationNetwork = nn.Module()
        layers, channels = [], [num_channels, 64, 128, 256, 512]
        for before, after in zip(channels, channels[1:], strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers.append(nn.AdaptiveAvgPool2d(1) if after == 512 else nn.MaxPool2d(2))
        self.LocalizationNetwork.conv = nn.Sequential(*layers)
        self.LocalizationNetwork.localization_fc1 = nn.Sequential(nn.Linear(512, 256), nn.ReLU())
        self.LocalizationNetwork.localization_fc2 = nn.Linear(256, 2 * num_points)
        x = torch.linspace(-1, 1, num_points // 2, dtype=torch.double)
        points = torch.cat([torch.stack([x, torch.full_like(x, y)], 1) for y in (-1.0, 1.0)])
        distances = torch.cdist(points, points)
        bends = torch.where(distances > 0, distances**2 * distances.clamp(min=1e-30).log(), 0)
        one = torch.ones(num_points, 1, dtype=torch.double)
        upper = torch.cat([one, points, bends], 1)
        lower = torch.cat([torch.zeros(3, 3, dtype=torch.double), torch.cat([points, one], 1).T], 1)
        rows, columns = ((torch.arange(n, dtype=torch.double) * 2 + 1) / n - 1 for n in size)
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).reshape(-1, 2)
        radii = torch.cdist(grid, points)
        terms = torch.cat([torch.ones(len(grid), 1, dtype=torch.double), grid, radii**2 * (radii + 1e-6).log()], 1)
        self.straight_points = points.float()
        self.GridGenerator = nn.Module()
        self.GridGenerator.register_buffer("inv_delta_C", torch.linalg.inv(torch.cat([upper, lower])).float())
        self.GridGenerator.register_buffer("P_hat", terms.float())

    def bend_a_little(self, generator: torch.Generator):
        """Points near the edges, as those of a trained network; random ones would tear the image apart."""
        last = self.LocalizationNetwork.localization_fc2
        last.weight.normal_(0, 0.002, generator=generator)
        noise = torch.randn(self.straight_points.shape, generator=generator)
        last.bias.copy_((0.95 * self.straight_points + 0.01 * noise).flatten())

    def forward(self, images):
        network, grid = self.LocalizationNetwork, self.GridGenerator
        points = network.localization_fc2(network.localization_fc1(network.conv(images).flatten(1)))
        points = points.view(len(images), self.num_points, 2)
        targets = torch.cat([points, points.new_zeros(len(images), 3, 2)], 1)
        sources = grid.P_hat @ (grid.inv_delta_C @ targets)
        sources = sources.view(len(images), *self.size, 2)
        return nn.functional.grid_sample(images, sources, padding_mode="border", align_corners=True)


class ClovaCRNN(nn.Module):
    """Transformation, FeatureExtraction, SequenceModeling, Prediction."""

    def __init__(
        self,
        features: str,
        num_classes: int = 37,
        out_channels: int = 512,
        hidden: int = 256,
        tps: bool = False,
        num_channels: int = 1,
    ):
        super().__init__()
        self.Transformation = ClovaTPS(num_channels) if tps else None
        self.FeatureExtraction = nn.Module()
        make = clova_vgg if features == "vgg" else ClovaResNet
        self.FeatureExtraction.ConvNet = make(num_channels, out_channels)
        self.SequenceModeling = nn.Sequential(ProjectedLSTM(out_channels, hidden), ProjectedLSTM(hidden, hidden))
        self.Prediction = nn.Linear(hidden, num_classes)

    def forward(self, images):
        if self.Transformation is not None:
            images = self.Transformation(images)
        features = self.FeatureExtraction.ConvNet(images).permute(0, 3, 1, 2)
        frames = nn.functional.adaptive_avg_pool2d(features, (None, 1)).squeeze(3)
        return self.Prediction(self.SequenceModeling(frames))


# ---------------------------------------------------------------------------------------------------------------------
# docTR


class DoctrCRNN(nn.Module):
    """Features as torchvision has them, two LSTM layers in one module, the blank as the last class."""

    def __init__(self, features: nn.Sequential, num_features: int, num_classes: int = 127, hidden: int = 128):
        super().__init__()
        self.feat_extractor = features
        self.decoder = nn.LSTM(num_features, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * hidden, num_classes)

    def forward(self, images):
        features = self.feat_extractor(images)
        frames = features.flatten(1, 2).transpose(1, 2)
        return self.linear(self.decoder(frames)[0])


def vgg16_bn_features(scale: float = 1) -> nn.Sequential:
    """Simonyan and Zisserman (2015), configuration D with normalization; the last three pools keep the width."""
    layers, before = [], 3
    for group, (count, channels) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]):
        (channels,) = widths(scale, channels)
        for _ in range(count):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2 if group < 2 else (2, 1)))
    return nn.Sequential(*layers)


def _multiple_of_8(count: float) -> int:
    rounded = max(8, int(count + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * count else rounded


class _Squeeze(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        reduced = _multiple_of_8(channels // 4)
        self.fc1, self.fc2 = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)

    def forward(self, features):
        return features * nn.functional.hardsigmoid(self.fc2(self.fc1(features.mean((2, 3), keepdim=True)).relu()))


class _Inverted(nn.Module):
    def __init__(self, before: int, kernel: int, inside: int, after: int, squeeze: bool, act, stride):
        super().__init__()
        layers = [] if inside == before else [_conv_norm(before, inside, 1, 1, act)]
        layers.append(_conv_norm(inside, inside, kernel, stride, act, groups=inside))
        layers += [_Squeeze(inside)] * squeeze
        layers.append(_conv_norm(inside, after, 1, 1, None))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = before == after and stride == 1

    def forward(self, features):
        return self.block(features) + features if self.has_shortcut else self.block(features)


def _conv_norm(before: int, after: int, kernel: int, stride, act, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers = [convolution, nn.BatchNorm2d(after, eps=1e-3)]
    return nn.Sequential(*layers, *([] if act is None else [act()]))


def mobilenet_v3_features(size: str) -> nn.Sequential:
    """Howard et al. (2019), tables 1 and 2; three of the strides of 2 keep the width, as docTR sets them."""
    relu, swish, tall = nn.ReLU, nn.Hardswish, (2, 1)
    blocks = {
        "small": [
            *((3, 16, 16, True, relu, 2), (3, 72, 24, False, relu, tall), (3, 88, 24, False, relu, 1)),
            *((5, 96, 40, True, swish, tall), (5, 240, 40, True, swish, 1), (5, 240, 40, True, swish, 1)),
            *((5, 120, 48, True, swish, 1), (5, 144, 48, True, swish, 1), (5, 288, 96, True, swish, tall)),
            *((5, 576, 96, True, swish, 1), (5, 576, 96, True, swish, 1)),
        ],
        "large": [
            *((3, 16, 16, False, relu, 1), (3, 64, 24, False, relu, 2), (3, 72, 24, False, relu, 1)),
            *((5, 72, 40, True, relu, tall), (5, 120, 40, True, relu, 1), (5, 120, 40, True, relu, 1)),
            *((3, 240, 80, False, swish, tall), (3, 200, 80, False, swish, 1), (3, 184, 80, False, swish, 1)),
            *((3, 184, 80, False, swish, 1), (3, 480, 112, True, swish, 1), (3, 672, 112, True, swish, 1)),
            *((5, 672, 160, True, swish, tall), (5, 960, 160, True, swish, 1), (5, 960, 160, True, swish, 1)),
        ],
    }[size]
    layers, before = [_conv_norm(3, 16, 3, 2, swish)], 16
    for block in blocks:
        layers.append(_Inverted(before, *block))
        before = block[2]
    return nn.Sequential(*layers, _conv_norm(before, 6 * before, 1, 1, swish))


# ---------------------------------------------------------------------------------------------------------------------
# OpenOCR, and PaddleOCR with the same ResNet


class AsterResNet(nn.Module):
    """Shi et al. (2018), table 1, with blocks of a 1x1 and a 3x3 convolution, and a two-layer LSTM."""

    def __init__(self, scale: float = 1, hidden: int = 256):
        super().__init__()
        channels = widths(scale, 32, 32, 64, 128, 256, 512)
        stem = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        self.layer0 = nn.Sequential(stem, nn.BatchNorm2d(channels[0]), nn.ReLU())
        strides = [(2, 2), (2, 2), (2, 1), (2, 1), (2, 1)]
        for group, (count, stride) in enumerate(zip((3, 4, 6, 6, 3), strides, strict=True), start=1):
            before, after = channels[group - 1], channels[group]
            blocks = [BasicBlock(before, after, (1, 3), stride)]
            blocks += [BasicBlock(after, after, (1, 3)) for _ in range(count - 1)]
            self.add_module(f"layer{group}", nn.Sequential(*blocks))
        self.rnn = nn.LSTM(channels[-1], hidden, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, features):
        for group in range(6):
            features = getattr(self, f"layer{group}")(features)
        return self.rnn(features.squeeze(2).transpose(1, 2))[0]


class OpenOcrCRNN(nn.Module):
    def __init__(self, num_classes: int = 95, hidden: int = 256):
        super().__init__()
        self.encoder, self.decoder = AsterResNet(hidden=hidden), nn.Module()
        self.decoder.fc = nn.Linear(2 * hidden, num_classes)

    def forward(self, images):
        return self.decoder.fc(self.encoder(images))


class PaddleAsterCRNN(nn.Module):
    """Takes images in BGR, like all of PaddleOCR's."""

    def __init__(self, num_classes: int = 37, hidden: int = 256):
        super().__init__()
        self.backbone, self.head = AsterResNet(hidden=hidden), nn.Module()
        self.head.fc = nn.Linear(2 * hidden, num_classes)

    def forward(self, images):
        return self.head.fc(self.backbone(images))


class PaddleConvNorm(nn.Module):
    """Convolution and normalization; as a shortcut ("vd") the stride is an average before a convolution without it."""

    def __init__(self, before: int, after: int, kernel: int, stride=(1, 1), act: bool = True, pooled: bool = False):
        super().__init__()
        self._pool2d_avg = nn.AvgPool2d(stride, stride, ceil_mode=True) if pooled else nn.Identity()
        self._conv = nn.Conv2d(before, after, kernel, 1 if pooled else stride, (kernel - 1) // 2, bias=False)
        self._batch_norm = nn.BatchNorm2d(after)
        self.act = act

    def forward(self, features):
        features = self._batch_norm(self._conv(self._pool2d_avg(features)))
        return features.relu() if self.act else features


class PaddleBlock(nn.Module):
    """Residual block; the first of each stage has a convolution in its shortcut."""

    def __init__(self, before: int, after: int, stride: tuple[int, int], first: bool):
        super().__init__()
        self.conv0 = PaddleConvNorm(before, after, 3, stride)
        self.conv1 = PaddleConvNorm(after, after, 3, act=False)
        if first:
            self.short = PaddleConvNorm(before, after, 1, stride, act=False, pooled=stride != (1, 1))

    def forward(self, features):
        shortcut = self.short(features) if hasattr(self, "short") else features
        return (shortcut + self.conv1(self.conv0(features))).relu()


class PaddleResNetVd(nn.Module):
    """34 layers, for text: only the pools have a stride along the width."""

    num_features = 512

    def __init__(self):
        super().__init__()
        self.conv1_1, self.conv1_2, self.conv1_3 = (
            PaddleConvNorm(before, after, 3) for before, after in ((3, 32), (32, 32), (32, 64))
        )
        self.pool2d_max, self.out_pool = nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, 2)
        self.names, before = [], 64
        for stage, (count, channels) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
            for block in range(count):
                stride = (2, 1) if stage > 0 and block == 0 else (1, 1)
                self.names.append(f"bb_{stage}_{block}")
                self.add_module(self.names[-1], PaddleBlock(before, channels, stride, first=block == 0))
                before = channels

    def forward(self, images):
        features = self.pool2d_max(self.conv1_3(self.conv1_2(self.conv1_1(images))))
        for name in self.names:
            features = getattr(self, name)(features)
        return self.out_pool(features)


class PaddleActivated(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, stride=1, groups: int = 1, act=None):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)
        self.act = act

    def forward(self, features):
        features = self.bn(self.conv(features))
        return features if self.act is None else self.act(features)


class PaddleSqueeze(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, features):
        gates = self.conv2(self.conv1(features.mean((2, 3), keepdim=True)).relu())
        return features * (0.2 * gates + 0.5).clip(0, 1)


class PaddleInverted(nn.Module):
    def __init__(self, before: int, kernel: int, inside: int, after: int, squeeze: bool, act, stride):
        super().__init__()
        self.expand_conv = PaddleActivated(before, inside, 1, act=act)
        self.bottleneck_conv = PaddleActivated(inside, inside, kernel, stride, groups=inside, act=act)
        self.mid_se = PaddleSqueeze(inside) if squeeze else nn.Identity()
        self.linear_conv = PaddleActivated(inside, after, 1)
        self.has_shortcut = before == after and stride == 1

    def forward(self, features):
        inside = self.mid_se(self.bottleneck_conv(self.expand_conv(features)))
        return self.linear_conv(inside) + features if self.has_shortcut else self.linear_conv(inside)


class PaddleMobileNetV3(nn.Module):
    """Howard et al. (2019), table 1, half as wide; one stride of the width, at the start, and a pool at the end."""

    num_features = 480

    def __init__(self):
        super().__init__()
        relu, swish, tall = nn.functional.relu, nn.functional.hardswish, (2, 1)
        plan = [
            *((3, 8, 8, False, relu, 1), (3, 32, 16, False, relu, tall), (3, 40, 16, False, relu, 1)),
            *((5, 40, 24, True, relu, tall), (5, 64, 24, True, relu, 1), (5, 64, 24, True, relu, 1)),
            *((3, 120, 40, False, swish, 1), (3, 104, 40, False, swish, 1)),
            *((3, 96, 40, False, swish, 1), (3, 96, 40, False, swish, 1)),
            *((3, 240, 56, True, swish, 1), (3, 336, 56, True, swish, 1)),
            *((5, 336, 80, True, swish, tall), (5, 480, 80, True, swish, 1), (5, 480, 80, True, swish, 1)),
        ]
        self.conv1 = PaddleActivated(3, 8, 3, 2, act=swish)
        inputs = [8, *(block[2] for block in plan)]
        self.blocks = nn.Sequential(
            *(PaddleInverted(before, *block) for before, block in zip(inputs, plan, strict=False))
        )
        self.conv2, self.pool = PaddleActivated(80, 480, 1, act=swish), nn.MaxPool2d(2, 2)

    def forward(self, images):
        return self.pool(self.conv2(self.blocks(self.conv1(images))))


class PaddleCRNN(nn.Module):
    """A backbone, an LSTM of two layers, a linear layer."""

    def __init__(self, backbone: nn.Module, num_classes: int = 37, hidden: int = 256):
        super().__init__()
        self.backbone, self.neck, self.head = backbone, nn.Module(), nn.Module()
        self.neck.encoder = nn.Module()
        self.neck.encoder.lstm = nn.LSTM(backbone.num_features, hidden, 2, bidirectional=True, batch_first=True)
        self.head.fc = nn.Linear(2 * hidden, num_classes)

    def forward(self, images):
        frames = self.backbone(images).squeeze(2).transpose(1, 2)
        return self.head.fc(self.neck.encoder.lstm(frames)[0])


def paddle_state(model: nn.Module) -> dict:
    """Arrays under Paddle's names: transposed linear layers, each LSTM weight twice, a table of names."""
    modules, state = dict(model.named_modules()), {}
    for name, tensor in model.state_dict().items():
        array, (module, _, weight) = tensor.numpy(), name.rpartition(".")
        if weight == "num_batches_tracked":
            continue
        if isinstance(modules[module], nn.LSTM):
            weight, _, direction = weight.partition("_l")
            layer, _, reverse = direction.partition("_")
            state[f"{module}.{layer}.cell_{'bw' if reverse else 'fw'}.{weight}"] = array
        elif isinstance(modules[module], nn.Linear):
            array = array.T.copy()
        state[name.replace(".running_mean", "._mean").replace(".running_var", "._variance")] = array
    return state | {"StructuredToParameterName@@": {name: f"parameter_{i}" for i, name in enumerate(state)}}
