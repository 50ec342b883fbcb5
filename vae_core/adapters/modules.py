"""An nn.Module from outside: a copy in eval mode, of which nobody else has a hold."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from vae_core.adapters.outside import Outside
from vae_core.errors import ConfigError


def of_module(network: nn.Module) -> Outside:
    """`encode` and `decode` of a copy of it, or what it calls `encoder` and `decoder`."""
    own = copied(network)
    return Outside(
        type(network).__name__,
        encode=_side(own, "encode", "encoder"),
        decode=_side(own, "decode", "decoder"),
        network=own,
    )


def copied(network: nn.Module) -> nn.Module:
    """A copy in eval mode, without gradients of its weights; the caller's is left as it is."""
    network = getattr(network, "_orig_mod", network)  # what torch.compile wraps
    try:
        own = copy.deepcopy(network)
    except (RuntimeError, TypeError, AttributeError, NotImplementedError) as error:
        raise ConfigError(
            f"{type(network).__name__} cannot be copied ({str(error)[:200]}); give "
            "encode= and decode= as functions of it, in eval mode."
        ) from error
    weight = next(own.parameters(), torch.empty(0))
    if weight.device.type == "cpu" and weight.dtype in (torch.float16, torch.bfloat16):
        own = own.float()  # a processor is slower with half of the digits
    return own.eval().requires_grad_(False)


def owned(functions: list[Any]) -> tuple[list[Any], nn.Module]:
    """Functions, of which those that are modules or methods of one are of a copy; and the copies.

    Two methods of one module are of one copy.
    """
    copies: dict[int, nn.Module] = {}

    def copy_of(network: nn.Module) -> nn.Module:
        return copies.setdefault(id(network), copied(network))

    taken: list[Any] = []
    for function in functions:
        of = getattr(function, "__self__", None)
        if isinstance(function, nn.Module):
            taken.append(copy_of(function))
        elif isinstance(of, nn.Module):
            taken.append(getattr(copy_of(of), function.__name__))
        else:
            taken.append(function)
    networks = list(copies.values())
    return taken, networks[0] if len(networks) == 1 else nn.ModuleList(networks)


def _side(network: nn.Module, *names: str) -> Callable[..., Any] | None:
    found = (getattr(network, name, None) for name in names)
    return next((side for side in found if callable(side)), None)
