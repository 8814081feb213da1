# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Learning from a teacher's logits."""

import pytest
import torch

from hf_str import CRNNForCTC, CRNNImageProcessorPil, CRNNProcessor, CRNNTokenizer
from hf_str.training import Teacher
from tests.conftest import random_images


@pytest.fixture
def processor(tiny_checkpoint):
    return CRNNProcessor.from_pretrained(tiny_checkpoint)


@pytest.fixture
def student(tiny_checkpoint):
    return CRNNForCTC.from_pretrained(tiny_checkpoint)


LABELS = torch.tensor([[5, 6, 7, -100], [9, -100, -100, -100]])


def test_the_loss_is_the_divergence_of_softened_frames(tiny_checkpoint, student, processor):
    teacher, images = Teacher(tiny_checkpoint, student, processor, temperature=3.0), random_images(2, 128)
    torch.manual_seed(0)
    frames = student.config.num_frames(128)
    logits = torch.randn(2, frames, 95)
    p = (teacher.logits(images) / 3).softmax(-1)
    by_frame = (p * (p.log() - (logits / 3).softmax(-1).log())).sum(-1)
    words = by_frame.sum(1) / torch.tensor([3, 1])
    assert torch.allclose(teacher.loss(logits, images, LABELS), 9 * words.mean(), rtol=1e-4)
    assert teacher.loss(teacher.logits(images), images, LABELS).abs() < 1e-5


def test_a_student_comes_to_read_what_its_teacher_reads(tiny_checkpoint, student, processor):
    """Without a label of its own; the teacher stays as it was."""
    images = random_images(2, 128)
    teacher = Teacher(tiny_checkpoint, student, processor)
    before = teacher.logits(images)
    torch.nn.init.zeros_(student.ctc_head.weight)  # it reads nothing
    student.eval().requires_grad_(False)
    student.ctc_head.requires_grad_(True)
    wanted = before.argmax(-1)
    assert (student(images).logits.argmax(-1) == wanted).float().mean() < 0.9
    optimizer = torch.optim.Adam(student.ctc_head.parameters(), 0.3)
    for _ in range(100):
        loss = teacher.loss(student(images).logits, images, LABELS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (student(images).logits.argmax(-1) == wanted).float().mean() > 0.95
    assert torch.equal(teacher.logits(images), before)


def test_teachers_that_do_not_fit_are_refused(tiny_checkpoint, student, processor):
    digits = CRNNProcessor(processor.image_processor, CRNNTokenizer(charset="0123456789"))
    with pytest.raises(ValueError, match=r"cannot teach this network: its charset is .*, not 0123456789"):
        Teacher(tiny_checkpoint, student, digits)
    wide = CRNNProcessor(CRNNImageProcessorPil(size={"height": 32, "width": 160}), processor.tokenizer)
    with pytest.raises(ValueError, match=r"its image size is .*128.*, not .*160"):
        Teacher(tiny_checkpoint, student, wide)
    student.config.pool_strides = [[2, 2], [2, 1], None, [2, 1], None, [2, 1], None]  # twice the frames
    with pytest.raises(ValueError, match="its number of frames is 31, not 6"):
        Teacher(tiny_checkpoint, student, processor)


def test_padding_does_not_count(tiny_checkpoint, student, processor):
    """Two images in one batch with padding teach what each of them teaches by itself."""
    teacher = Teacher(tiny_checkpoint, student, processor)
    (wide,), (narrow,) = random_images(1, 128), random_images(1, 96)
    pixels, mask = torch.full((2, *wide.shape), 3.0), torch.zeros(2, 32, 128, dtype=torch.long)
    for row, image in enumerate((wide, narrow)):
        pixels[row, ..., : image.shape[-1]], mask[row, :, : image.shape[-1]] = image, 1
    with torch.no_grad():
        student.ctc_head.bias += torch.linspace(-1, 1, 95)
    student.eval()
    alone = [
        teacher.loss(student(image[None]).logits, image[None], label[None])
        for image, label in zip((wide, narrow), LABELS, strict=True)
    ]
    together = teacher.loss(student(pixels, pixel_mask=mask).logits, pixels, LABELS, mask)
    assert torch.isfinite(together)
    assert torch.allclose(together, torch.stack(alone).mean(), rtol=1e-3)


def test_the_share_of_the_teacher(tiny_checkpoint, student, processor):
    images = random_images(2, 128)
    inputs = {"pixel_values": images, "labels": LABELS}
    logits, own = torch.zeros(2, student.config.num_frames(128), 95), torch.tensor(5.0)
    for weight in (0.0, 0.25, 1.0):
        teacher = Teacher(tiny_checkpoint, student, processor, weight=weight)
        expected = (1 - weight) * 5.0 + weight * teacher.loss(logits, images, LABELS)
        assert torch.allclose(teacher.mix(own, logits, inputs), expected)
    with pytest.raises(ValueError, match="weight of the teacher must lie between 0 and 1"):
        Teacher(tiny_checkpoint, student, processor, weight=1.5)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        Teacher(tiny_checkpoint, student, processor, temperature=0)
