"""The table of the network's settings, and that of one of its layers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from barenet.config.fields import (
    ActivationName,
    Fraction,
    Positive,
    Share,
    Table,
    one_of,
    read_activation,
    read_class_weight,
    read_normalization,
    read_path,
    split_sizes,
)
from barenet.nn import ACTIVATIONS, INITIALIZERS, LOSSES
from barenet.nn.architecture import each_layer

__all__ = ["LayerConfig", "ModelConfig"]


class LayerConfig(Table):
    """One row of an architecture; the names are those of the course project."""

    input_dim: Positive
    output_dim: Positive
    activation: ActivationName
    normalization: Literal["none", "layer", "batch"] = "none"
    residual: bool = False


class ModelConfig(Table):
    """The network."""

    hidden_sizes: Annotated[tuple[Positive, ...], BeforeValidator(split_sizes)] = Field(
        (256, 128), description="Units of each hidden layer, such as 128,32."
    )
    activation: Annotated[str | tuple[str, ...], BeforeValidator(read_activation)] = Field(
        "relu", description=f"Of all hidden layers, or one for each, such as relu,tanh: {', '.join(ACTIVATIONS)}."
    )
    normalization: Annotated[Literal["none", "layer", "batch"], BeforeValidator(read_normalization)] = Field(
        "none", description="Of each hidden layer, before its activation: none, layer or batch."
    )
    residual: bool = Field(
        False, description="Add each hidden layer's input to its output; all hidden layers must have the same size."
    )
    layers: tuple[LayerConfig, ...] | None = Field(
        None,
        description="The whole architecture, one row for each layer, in place of hidden_sizes, activation, "
        "normalization, residual.",
    )
    initializer: Annotated[str, one_of(INITIALIZERS, "initializer")] = Field(
        "he", description=f"How weights start: {', '.join(INITIALIZERS)}."
    )
    loss: Annotated[str, one_of(LOSSES, "loss")] = Field("cross_entropy", description=f"{', '.join(LOSSES)}.")
    label_smoothing: Fraction = Field(0.0, description="Share of each label spread over all classes.")
    teacher: Annotated[str | None, BeforeValidator(read_path)] = Field(
        None,
        description="A run or an ensemble whose probabilities are mixed into the labels; by default none.",
    )
    teacher_weight: Share = Field(
        0.9, description="Share of each label that comes from the teacher; the rest is the image's class."
    )
    class_weight: Annotated[dict[str, float] | str | None, BeforeValidator(read_class_weight)] = Field(
        None,
        description="How much each class counts in the training loss: balanced, or factors such as cat=2,dog=1; by "
        "default a class counts by its number of images.",
    )
    dropout: Fraction = Field(0.0, description="Share of hidden units dropped at random in training.")
    input_dropout: Fraction = Field(0.0, description="Share of pixels dropped at random in training.")

    @field_validator("activation", mode="after")
    @classmethod
    def check_count(cls, value: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        """Refuse a wrong number of activations; where all layers have the same one, return its name alone."""
        if isinstance(value, str) or "hidden_sizes" not in info.data:
            return value
        names = dict.fromkeys(each_layer(value, len(info.data["hidden_sizes"])))
        return value if len(names) > 1 else str(*names or ["relu"])
