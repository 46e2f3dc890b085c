"""Private training with Opacus, in which integers carry the privacy: exact clip, exact sum, exact noise, secure sampling.

`make_private` takes what `opacus.PrivacyEngine.make_private` takes, and a public plan: expected_n, steps, delta. Opacus computes
the gradient of each record. From there on no float decides anything: gradients are cut toward zero to integers, clipped as
integers over all parameters together, summed, and released with rounded Gaussian noise; batches are drawn by exact coin tosses.
Their bits are ChaCha20 keyed by the operating system, and no generator of PyTorch takes part in them.

What is guaranteed (``opacus.t1``): for ``add_remove`` neighbours, and a sample rate that is public, every step is the sampled
Gaussian mechanism with exactly the stated noise multiplier, rounded to integers afterwards. So the RDP and PRV accounting of that
mechanism holds verbatim for all noisy gradients together, and with them for the trained model.

What is not: this is the labelled exception to the law that no float stands between a record and its release. The guarantee
is conditional: **the gradient that Opacus reports for a record depends on this record and the parameters alone, and perhaps on
random bits that are independent of all records.** Kernels that work on a whole batch may add in another order when the batch has
one record more, and change the last bits of the other records' gradients. Under ``BatchMemoryManager`` with
``max_physical_batch_size=1`` no kernel sees two records, and the condition holds where kernels are deterministic;
``loss_reduction="sum"`` removes a division by the size of the batch. Layers that mix the records of a batch are refused.
Not protected are losses and metrics that you look at, running time, and the random bits of PyTorch that dropout takes.
"""

from privlib.errors import extra

extra("opacus", name="opacus", purpose="training with Opacus")

from privlib.opacus.api import make_private  # noqa: E402 - after the sentence that names the extra
from privlib.opacus.release import IntegerOptimizer, PoissonBatches  # noqa: E402
from privlib.opacus.spec import Spec  # noqa: E402

__all__ = ["IntegerOptimizer", "PoissonBatches", "Spec", "make_private"]
