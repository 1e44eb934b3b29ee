"""Transformers that twc compiled: their names, weights and circuits, runs and patches.

    import tw
    model = tw.open("calculator.onnx")
    model.answer("12*34=")                  # "408", by libtw
    run = model.run("12*34=")               # every state, head and neuron
    run.value("a[0]")                       # a named value, at every position
    run.attention[1][0]                     # (places, places)
    model.run("12*34=", [tw.Patch.neuron(1, 6, 4, 0.0)]).logits

Nothing but Python is needed. Arrays are NumPy's where that is installed, else nested lists.
`Model.session` wants the library libtw; `to_torch` wants torch.

Places count from <bos>, which is place 0; position p of a text is place p + 1. State 0 of the
stream is the embedding, 2 L + 1 what the attention of layer L has made, 2 L + 2 what its MLP has.
"""

from tw._circuit import Circuit, Edge
from tw._engine import Patch, Run
from tw._files import FileError
from tw._learned import LearnedModel, Likely, open_learned
from tw._library import Gradients, LibraryError, Session
from tw._model import Label, Layer, Model, Named, open_model

open = open_model  # noqa: A001 - tw.open reads as it should

__all__ = ["Circuit", "Edge", "FileError", "Label", "Layer", "LibraryError", "Model", "Named",
           "Gradients", "LearnedModel", "Likely", "Patch", "Run", "Session", "open",
           "open_learned", "open_model"]
__version__ = "0.1"
